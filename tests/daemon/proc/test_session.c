/* SPDX-License-Identifier: Apache-2.0 */

/* A hook's processes without a cgroup: all that can be found are killed, and no others. */

#include "tests/daemon/support/support.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/proc/session.h"

enum { CHILD, STOPPED, GRANDCHILD, ELSEWHERE, ELSEWHERE_CHILD, MEMBER_COUNT };

/* Every process of a test writes its pid here, and then waits for ever. */
struct family {
	pid_t leader;
	int pidfds[MEMBER_COUNT + 1];
	int reports;
};

/* Not for ever: if a test fails, nothing else ends it. */
static void wait_forever(void)
{
	alarm(30);
	for (;;)
		pause();
}

static void report(int fd, int member)
{
	const pid_t message[2] = {member, getpid()};

	if (write(fd, message, sizeof(message)) != sizeof(message))
		_exit(1);
}

static void make_members(int fd)
{
	if (fork() == 0) {
		report(fd, CHILD);
		if (fork() == 0) {
			report(fd, GRANDCHILD);
			wait_forever();
		}
		wait_forever();
	}
	if (fork() == 0) {
		report(fd, STOPPED);
		for (;;)
			raise(SIGSTOP);
	}
	if (fork() == 0) {
		setsid();
		report(fd, ELSEWHERE);
		if (fork() == 0) {
			setsid();
			report(fd, ELSEWHERE_CHILD);
			wait_forever();
		}
		wait_forever();
	}
	wait_forever();
}

static int open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

static struct family family_start(void)
{
	struct family family = {0};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	family.leader = fork();
	if (family.leader == 0) {
		setsid();
		make_members(ends[1]);
	}
	for (int i = 0; i < MEMBER_COUNT; i++) {
		pid_t message[2];

		assert_int_equal(read(ends[0], message, sizeof(message)), sizeof(message));
		family.pidfds[message[0]] = open_pidfd(message[1]);
		while (message[0] == STOPPED && process_state(message[1]) != 'T')
			sched_yield();
	}
	family.pidfds[MEMBER_COUNT] = open_pidfd(family.leader);
	close(ends[0]);
	close(ends[1]);
	return family;
}

/* Whether the process ends within that time. 0: has it ended? */
static bool ends_within(int pidfd, int timeout_ms)
{
	struct pollfd exit = {.fd = pidfd, .events = POLLIN};

	return poll(&exit, 1, timeout_ms) == 1;
}

static void the_whole_tree_is_killed(void **state)
{
	struct family family = family_start();
	int status;

	(void)state;
	for (int i = 0; i <= MEMBER_COUNT; i++)
		assert_false(ends_within(family.pidfds[i], 0));
	assert_true(session_has_members(family.leader));
	session_kill(family.leader, NULL);
	for (int i = 0; i <= MEMBER_COUNT; i++) {
		if (!ends_within(family.pidfds[i], 5000))
			fail_msg("member %d lives", i);
		close(family.pidfds[i]);
	}
	assert_int_equal(waitpid(family.leader, &status, 0), family.leader);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void nobody_else_is_touched(void **state)
{
	struct family victim = family_start(), neighbour = family_start();
	pid_t own = fork();
	int pidfd;

	(void)state;
	if (own == 0)
		wait_forever();
	pidfd = open_pidfd(own);
	session_kill(victim.leader, NULL);
	for (int i = 0; i <= MEMBER_COUNT; i++)
		assert_true(ends_within(victim.pidfds[i], 5000));
	for (int i = 0; i <= MEMBER_COUNT; i++)
		assert_false(ends_within(neighbour.pidfds[i], 0));
	assert_false(ends_within(pidfd, 0));
	assert_int_not_equal(process_state(own), 'T');
	assert_int_not_equal(process_state(neighbour.leader), 'T');
	session_kill(neighbour.leader, NULL);
	kill(own, SIGKILL);
	for (int i = 0; i <= MEMBER_COUNT; i++) {
		assert_true(ends_within(neighbour.pidfds[i], 5000));
		close(victim.pidfds[i]);
		close(neighbour.pidfds[i]);
	}
	close(pidfd);
	while (wait(NULL) > 0)
		continue;
}

static void a_leader_alone_is_killed(void **state)
{
	pid_t leader = fork();
	int status;

	(void)state;
	if (leader == 0) {
		setsid();
		wait_forever();
	}
	session_kill(leader, NULL);
	assert_int_equal(waitpid(leader, &status, 0), leader);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_false(session_has_members(leader));
}

/* The name of a program can be any string, and is in the middle of /proc/PID/stat. */
static void a_name_cannot_hide_a_process(void **state)
{
	int ends[2], pidfd;
	pid_t leader, message[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	leader = fork();
	if (leader == 0) {
		setsid();
		if (fork() == 0) {
			setsid();
			prctl(PR_SET_NAME, ") S 1 1 1 (x\n");
			report(ends[1], CHILD);
			wait_forever();
		}
		wait_forever();
	}
	assert_int_equal(read(ends[0], message, sizeof(message)), sizeof(message));
	pidfd = open_pidfd(message[1]);
	session_kill(leader, NULL);
	assert_true(ends_within(pidfd, 5000));
	waitpid(leader, NULL, 0);
	close(pidfd);
	close(ends[0]);
	close(ends[1]);
}

/* After the leader was reaped, its process group shows whether it has left processes behind. */
static void a_group_outlives_its_leader(void **state)
{
	int ends[2];
	pid_t leader = 0, message[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	leader = fork();
	if (leader == 0) {
		setsid();
		if (fork() == 0) {
			report(ends[1], CHILD);
			wait_forever();
		}
		_exit(0);
	}
	assert_int_equal(read(ends[0], message, sizeof(message)), sizeof(message));
	assert_int_equal(waitpid(leader, NULL, 0), leader);
	assert_true(session_has_members(leader));
	kill(message[1], SIGKILL);
	assert_int_equal(waitpid(message[1], NULL, 0), message[1]); /* we are the subreaper */
	assert_false(session_has_members(leader));
	close(ends[0]);
	close(ends[1]);
}

/* Zombies, which their parent has not reaped yet, do not count. */
static void a_zombie_is_no_member(void **state)
{
	pid_t leader = fork(), member;

	(void)state;
	if (leader == 0) {
		setpgid(0, 0); /* no session of its own, so that we can join it */
		wait_forever();
	}
	member = fork();
	if (member == 0)
		wait_forever();
	while (setpgid(member, leader) < 0) /* not before the leader has its group */
		sched_yield();
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	kill(member, SIGKILL);
	while (process_state(member) != 'Z')
		sched_yield();
	if (session_has_members(leader)) {
		waitpid(member, NULL, 0);
		fail_msg("the zombie counts as a member");
	}
	waitpid(member, NULL, 0);
}

/* ---- the /proc of another pid namespace ---- */

static pid_t clone_with_number(pid_t number)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
		    set_tid, set_tid_size;
	} args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		wait_forever();
	return pid;
}

/*
 * As the first process of a pid namespace: gives its children the numbers of two processes outside,
 * of which one is the parent of the other, and kills the session of the first. The second is its
 * child for /proc alone.
 */
static int kill_by_numbers_of_others(pid_t parent, pid_t child)
{
	pid_t leader = clone_with_number(parent), bystander = clone_with_number(child);
	int status;

	if (leader != parent || bystander != child)
		return 2;
	session_kill(leader, NULL);
	if (waitpid(leader, &status, 0) != leader || !WIFSIGNALED(status))
		return 3;
	kill(bystander, SIGTERM);
	if (waitpid(bystander, &status, 0) != bystander)
		return 4;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : 5;
}

static int await_status(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void numbers_of_another_namespace_mean_nobody(void **state)
{
	pid_t parent = fork();
	int status;

	(void)state;
	if (parent == 0) {
		pid_t self = getpid(), child = fork();

		if (child != 0)
			_exit(await_status(child));
		child = getpid();
		if (unshare(CLONE_NEWPID) < 0)
			_exit(77);
		parent = fork();
		_exit(parent == 0 ? kill_by_numbers_of_others(self, child) : await_status(parent));
	}
	status = await_status(parent);
	if (status == 77)
		skip("needs the right to make a pid namespace");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_whole_tree_is_killed),
	    cmocka_unit_test(nobody_else_is_touched),
	    cmocka_unit_test(a_leader_alone_is_killed),
	    cmocka_unit_test(a_name_cannot_hide_a_process),
	    cmocka_unit_test(a_group_outlives_its_leader),
	    cmocka_unit_test(a_zombie_is_no_member),
	    cmocka_unit_test(numbers_of_another_namespace_mean_nobody),
	};

	bound_time();
	/* Orphans become children of the test, so that it can reap them. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
