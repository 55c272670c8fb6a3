/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/process and apply/threads: setting attributes of another process and of all its threads,
 * and the undo; a process that has exited is left alone.
 */

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/apply/process.h"
#include "tests/daemon/support/support.h"

#define THREADS 4

/* A process with some threads, all of which sleep. */
struct other {
	pid_t pid;
	pid_t threads[THREADS];
};

static void *wait_for_ever(void *ready)
{
	pid_t id = (pid_t)syscall(SYS_gettid);

	if (write(*(int *)ready, &id, sizeof(id)) != sizeof(id))
		_exit(1);
	for (;;)
		pause();
}

static struct other other_start(void)
{
	struct other other;
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	other.pid = fork();
	if (other.pid == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 1; i < THREADS; i++)
			pthread_create(&thread, NULL, wait_for_ever, &ready[1]);
		wait_for_ever(&ready[1]);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(read(ready[0], &other.threads[i], sizeof(pid_t)), sizeof(pid_t));
	close(ready[0]);
	close(ready[1]);
	return other;
}

static void other_end(const struct other *other)
{
	kill(other->pid, SIGKILL);
	waitpid(other->pid, NULL, 0);
}

/* ---- the process ---- */

static void only_existing_processes_are_opened(void **state)
{
	struct other other = other_start();
	struct target target;
	siginfo_t info;

	(void)state;
	assert_int_equal(target_open(other.pid, &target), 0);
	assert_int_equal(target_check(&target), 0);
	for (int i = 0; i < THREADS; i++) {
		struct target thread;

		if (other.threads[i] != other.pid)
			assert_int_equal(target_open(other.threads[i], &thread), -ESRCH);
	}
	/* It has exited but was not reaped, so the pid was not reused. */
	kill(other.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)other.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(target_check(&target), -ESRCH);
	target_close(&target);
	assert_int_equal(target_open(other.pid, &target), -ESRCH);
	waitpid(other.pid, NULL, 0);
	assert_int_equal(target_open(other.pid, &target), -ESRCH);
	assert_int_equal(target_open(0, &target), -ESRCH);
	assert_int_equal(target_open(-1, &target), -ESRCH);
}

/* Reports a change at the first visit of a thread only. */
static int count(pid_t thread, void *userdata)
{
	(void)thread;
	return ++*(int *)userdata <= THREADS;
}

static int refuse_second(pid_t thread, void *userdata)
{
	(void)thread;
	return ++*(int *)userdata == 2 ? -EPERM : 1;
}

static int never_as_wanted(pid_t thread, void *userdata)
{
	(void)thread, (void)userdata;
	return 1;
}

static void passes_are_repeated_until_nothing_changes(void **state)
{
	struct other other = other_start();
	struct target target;
	int visits = 0;

	(void)state;
	assert_int_equal(target_open(other.pid, &target), 0);
	assert_int_equal(each_thread(&target, count, &visits), 0);
	assert_int_equal(visits, 2 * THREADS);
	visits = 0;
	assert_int_equal(each_thread(&target, refuse_second, &visits), -EPERM);
	assert_int_equal(visits, 2);
	other_end(&other);
	assert_int_equal(each_thread(&target, count, &visits), -ESRCH);
	target_close(&target);
}

static void a_walk_stops_at_its_budget(void **state)
{
	struct other other = other_start();
	struct thread_walk walk;
	struct target target;
	int visits = 0, parts = 1;

	(void)state;
	assert_int_equal(target_open(other.pid, &target), 0);
	assert_int_equal(thread_walk_begin(&walk, &target), 0);
	while (thread_walk_go_on(&walk, 2, count, &visits) > 0) {
		assert_true(visits <= 2 * parts);
		parts++;
	}
	assert_int_equal(visits, 2 * THREADS);
	thread_walk_end(&walk);
	/* A walk that always finds something to change ends at its deadline. */
	assert_int_equal(thread_walk_begin(&walk, &target), 0);
	walk.until_ns = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(thread_walk_go_on(&walk, UINT32_MAX, never_as_wanted, NULL), -EAGAIN);
	thread_walk_end(&walk);
	other_end(&other);
	target_close(&target);
}

/* ---- attributes ---- */

/* Hard limits are not changed: raising them takes CAP_SYS_RESOURCE, which root may lack. */
static struct hp_settings settings = {
    .rlimits = {{RLIMIT_NOFILE, 33, 44}, {RLIMIT_CORE, 0, 1}},
    .rlimit_count = 2,
    .oom_score_adj = {true, 777},
    .scheduler = {.is_set = true, .policy = SCHED_BATCH, .nice = 5},
    .io_priority = {true, IOPRIO_CLASS_BE, 6},
    .cpu_affinity_final = {.is_set = true, .words = {1}},
};

struct seen {
	struct rlimit nofile, core;
	long oom_score_adj;
	int policy[THREADS], nice[THREADS], io[THREADS], cpus[THREADS];
};

static struct seen look(const struct other *other)
{
	struct seen seen;
	char path[64], *text;
	cpu_set_t cpus;
	size_t length;

	memset(&seen, 0, sizeof(seen));
	prlimit(other->pid, RLIMIT_NOFILE, NULL, &seen.nofile);
	prlimit(other->pid, RLIMIT_CORE, NULL, &seen.core);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", other->pid);
	text = read_whole(path, &length);
	seen.oom_score_adj = strtol(text, NULL, 10);
	free(text);
	for (int i = 0; i < THREADS; i++) {
		pid_t thread = other->threads[i];

		seen.policy[i] = sched_getscheduler(thread);
		seen.nice[i] = getpriority(PRIO_PROCESS, (id_t)thread);
		seen.io[i] = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, thread);
		assert_int_equal(sched_getaffinity(thread, sizeof(cpus), &cpus), 0);
		seen.cpus[i] = CPU_COUNT(&cpus);
	}
	return seen;
}

static void attributes_are_set_and_restored(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	struct other other = other_start();
	struct seen before = look(&other), seen;
	struct hp_err err = {0};
	struct target target;
	unsigned int set;

	(void)state;
	settings.rlimits[0].hard = before.nofile.rlim_max;
	settings.rlimits[1].hard = before.core.rlim_max;
	assert_int_equal(target_open(other.pid, &target), 0);
	assert_int_equal(process_apply(&target, &settings, &undo, &set, &err), 0);
	assert_int_equal(set, (1u << PROCESS_ATTRIBUTE_COUNT) - 1);
	seen = look(&other);
	assert_int_equal(seen.nofile.rlim_cur, 33);
	assert_int_equal(seen.core.rlim_cur, 0);
	assert_int_equal(seen.oom_score_adj, 777);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(seen.policy[i], SCHED_BATCH);
		assert_int_equal(seen.nice[i], 5);
		assert_int_equal(seen.io[i], IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6));
		assert_int_equal(seen.cpus[i], 1);
	}
	assert_int_equal(undo_all(&undo, NULL, 0), 0);
	seen = look(&other);
	assert_memory_equal(&seen, &before, sizeof(seen));
	target_close(&target);
	other_end(&other);
}

static bool drop_right(int right)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[CAP_TO_INDEX(right)].effective &= ~CAP_TO_MASK(right);
	data[CAP_TO_INDEX(right)].permitted &= ~CAP_TO_MASK(right);
	return syscall(SYS_capset, &header, data) == 0;
}

static int lower_a_hard_limit(void *userdata)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	const struct hp_settings lower = {.rlimits = {{RLIMIT_NOFILE, 33, 44}}, .rlimit_count = 1};
	struct other *other = userdata;
	struct hp_err err = {0};
	struct target target;
	struct rlimit limit;
	unsigned int set;

	CHECK(target_open(other->pid, &target) == 0);
	CHECK(drop_right(CAP_SYS_RESOURCE));
	CHECK(process_apply(&target, &lower, &undo, &set, &err) == -EPERM);
	CHECK(strcmp(err.path, "rlimits") == 0);
	CHECK(prlimit(other->pid, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_max > 44);
	CHECK(undo_all(&undo, NULL, 0) == 0);
	target_close(&target);
	return 0;
}

static void a_limit_that_could_not_be_restored_is_not_lowered(void **state)
{
	struct other other = other_start();

	(void)state;
	assert_int_equal(in_child(lower_a_hard_limit, &other), 0);
	other_end(&other);
}

static void without_attributes_nothing_is_changed(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	const struct hp_settings nothing = {0};
	struct hp_err err = {0};
	struct target target;
	unsigned int set = 99;

	(void)state;
	assert_int_equal(target_open(getpid(), &target), 0);
	assert_int_equal(process_apply(&target, &nothing, &undo, &set, &err), 0);
	assert_int_equal(set, 0);
	assert_true(STAILQ_EMPTY(&undo));
	target_close(&target);
}

static void a_failure_names_the_attribute(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	struct hp_settings wrong = {.cpu_affinity_final = {.is_set = true}};
	struct other other = other_start();
	struct hp_err err = {0};
	struct target target;
	unsigned int set;

	(void)state;
	wrong.cpu_affinity_final.words[15] = 1ull << 63;
	assert_int_equal(target_open(other.pid, &target), 0);
	assert_int_equal(process_apply(&target, &wrong, &undo, &set, &err), -EINVAL);
	assert_string_equal(err.path, "execCPUAffinity");
	(void)undo_all(&undo, NULL, 0);
	other_end(&other);
	assert_int_equal(process_apply(&target, &settings, &undo, &set, &err), -ESRCH);
	(void)undo_all(&undo, NULL, 0);
	target_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_existing_processes_are_opened),
	    cmocka_unit_test(passes_are_repeated_until_nothing_changes),
	    cmocka_unit_test(a_walk_stops_at_its_budget),
	    cmocka_unit_test(attributes_are_set_and_restored),
	    cmocka_unit_test(a_limit_that_could_not_be_restored_is_not_lowered),
	    cmocka_unit_test(without_attributes_nothing_is_changed),
	    cmocka_unit_test(a_failure_names_the_attribute),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
