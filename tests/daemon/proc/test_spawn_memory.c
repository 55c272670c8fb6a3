/* SPDX-License-Identifier: Apache-2.0 */

/* Whether a child shares hookd's memory until its exec. */

#include "tests/daemon/support/support.h"

#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/proc/spawn.h"

static struct spawner *spawner;

static void end(struct spawn_child *child)
{
	siginfo_t info;

	kill(child->pid, SIGKILL);
	assert_int_equal(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	spawner_settle(spawner, child);
	close(child->pidfd);
}

static bool is_before_exec(pid_t pid)
{
	char path[32];
	struct stat own, its;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return stat("/proc/self/exe", &own) == 0 && stat(path, &its) == 0 &&
	       own.st_ino == its.st_ino && own.st_dev == its.st_dev;
}

/* On one CPU a new process seldom runs before its parent blocks, so it is stopped that early. */
static struct spawn_child stop_before_exec(bool copies_memory)
{
	static char *const argv[] = {(char *)"sleep", (char *)"1000", NULL};
	static char *const envp[] = {NULL};
	const struct spawn_spec spec = {
	    .path = "/bin/sleep",
	    .program = -1,
	    .argv = argv,
	    .envp = envp,
	    .cgroup = -1,
	    .copies_memory = copies_memory,
	};

	for (int i = 0; i < 10000; i++) {
		struct spawn_child child;
		siginfo_t info = {0};

		assert_int_equal(spawner_start(spawner, &spec, &child), 0);
		kill(child.pid, SIGSTOP);
		assert_int_equal(
		    waitid(P_PIDFD, (id_t)child.pidfd, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
		if (info.si_code == CLD_STOPPED && is_before_exec(child.pid))
			return child;
		end(&child);
	}
	fail_msg("no child was stopped in time");
	abort();
}

/* As kcmp(2) orders them; 0: it is the same. */
static long compare_memory(bool copies_memory)
{
	struct spawn_child child = stop_before_exec(copies_memory);
	long order = syscall(SYS_kcmp, getpid(), child.pid, KCMP_VM, 0, 0);

	if (order < 0)
		order = -errno;
	end(&child);
	return order;
}

/* The kernel kills all processes that share the memory of its victim. */
static void memory_is_shared_unless_it_is_to_be_copied(void **state)
{
	long shared = compare_memory(false), copied = compare_memory(true);

	(void)state;
	if (shared == -ENOSYS)
		skip("the kernel has no kcmp(2)");
	assert_int_equal(shared, 0);
	assert_true(copied > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_is_shared_unless_it_is_to_be_copied),
	};
	cpu_set_t one;
	int r;

	bound_time();
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0 || spawner_new(&spawner) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	spawner_free(spawner);
	return r;
}
