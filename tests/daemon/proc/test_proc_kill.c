/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hooks that do not end by themselves, and processes that hooks leave behind. Tests with a kill run
 * both without and with a cgroup.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/daemon/support/hooks.h"

/* ---- kills, in both ways ---- */

static struct cgroup *take_cgroup(struct hook *hook, bool wants)
{
	if (!wants)
		return NULL;
	assert_int_equal(cgroup_acquire(tree, &hook->spec.cgroup), 0);
	return hook->spec.cgroup;
}

#define IN_BOTH_WAYS(name)                                                                         \
	static void name##_without_cgroup(void **state)                                            \
	{                                                                                          \
		(void)state;                                                                       \
		name(false);                                                                       \
	}                                                                                          \
	static void name##_with_cgroup(void **state)                                               \
	{                                                                                          \
		(void)state;                                                                       \
		if (!tree)                                                                         \
			skip("no cgroup2 to write to");                                            \
		name(true);                                                                        \
	}

static size_t count_lines(const struct hp_output *output)
{
	size_t count = 0;

	for (size_t i = 0; i < output->length; i++)
		count += output->bytes[i] == '\n';
	return count;
}

/*
 * Runs a script that writes that many lines and does not end. On a busy machine, where it has no
 * time for them, it is run again with a longer timeout.
 */
static struct cgroup *run_past_timeout(struct hook *hook, bool in_cgroup, const char *script,
				       int stream, size_t lines)
{
	uint64_t timeout_ms = 300;

	for (;; timeout_ms *= 2) {
		struct cgroup *cgroup = take_cgroup(hook, in_cgroup);

		hook->spec.timeout_ns = timeout_ms * MS;
		hook_run(hook, script);
		assert_int_equal(hook->result.outcome, HP_HOOK_TIMED_OUT);
		assert_true(hook->took_ms >= (int64_t)timeout_ms);
		if (timeout_ms > 2000 || count_lines(&hook->result.output[stream - 1]) == lines)
			return cgroup;
		hook_clear(hook);
		cgroup_release(cgroup);
	}
}

static void a_timeout_is_true(bool in_cgroup)
{
	struct hook hook = {0};
	struct cgroup *cgroup =
	    run_past_timeout(&hook, in_cgroup, "echo before; (exec sleep 1000) & sleep 1000", 1, 1);

	assert_false(hook.result.success);
	assert_in_range(hook.result.duration_us, 300000, (hook.took_ms + 1) * 1000);
	/* Without a cgroup that depends on how soon init reaps: see test_session.c. */
	assert_true(!in_cgroup || !hook.result.lingering);
	expect_stream(&hook, 1, "before\n");
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(a_timeout_is_true)

/* An orphan in another session, without a cgroup, is not killed, and is waited for in vain. */
static void the_wait_for_the_rest_is_not_the_hooks_time(void **state)
{
	struct hook hook = {0};

	(void)state;
	run_past_timeout(&hook, false, "(setsid sh -c 'echo before; exec sleep 3' &); sleep 1000",
			 1, 1);
	assert_true(hook.result.lingering);
	assert_true(hook.result.drain_us >= 200000);
	assert_in_range(hook.result.duration_us + hook.result.drain_us, 500000,
			(hook.took_ms + 1) * 1000);
	hook_clear(&hook);
}

/* A timeout that overflows int64_t nanoseconds, alone or added to the clock, never expires. */
static void a_long_timeout_is_no_short_one(bool in_cgroup)
{
	static const uint64_t edges_ns[] = {
	    INT64_MAX - 1000,	       INT64_MAX, INT64_MAX + 1ull, UINT64_MAX - 1000, UINT64_MAX,
	    9223372036ull * 1000 * MS, 1ull << 62};

	for (size_t i = 0; i < ELEMENTS(edges_ns); i++) {
		struct hook hook = {.spec.timeout_ns = edges_ns[i]};
		struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);

		hook_run(&hook, "sleep 0.05; exit 3");
		assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
		assert_int_equal(hook.result.exit_status, 3);
		hook_clear(&hook);
		cgroup_release(cgroup);
	}
}
IN_BOTH_WAYS(a_long_timeout_is_no_short_one)

/* Of the pids in the output only zombies may be left, which init has not reaped yet. */
static void expect_dead(const struct hp_output *output, int count)
{
	char text[128] = "";
	char *next = text;

	assert_true(output->length < sizeof(text));
	memcpy(text, output->bytes, output->length);
	for (; *next; next += strcspn(next, "\n") + 1, count--) {
		char letter = process_state(atoi(next));

		assert_true(letter == 0 || letter == 'Z');
	}
	assert_int_equal(count, 0);
}

/* A process that left the session, ignores signals and is stopped must be killed, too. */
static void stubborn_ones_are_killed_too(bool in_cgroup)
{
	struct hook hook = {0};
	struct cgroup *cgroup =
	    run_past_timeout(&hook, in_cgroup,
			     "trap '' TERM HUP INT; setsid sh -c 'echo $$ >&2; sleep 1000' & "
			     "sh -c 'echo $$ >&2; kill -STOP $$' & wait; sleep 1000",
			     2, 2);

	assert_true(!in_cgroup || !hook.result.lingering);
	expect_dead(&hook.result.output[1], 2);
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(stubborn_ones_are_killed_too)

static void a_cancel_kills(bool in_cgroup)
{
	struct hook hook = {0};
	struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);

	assert_int_equal(hook_start(&hook, "echo on; (exec sleep 1000) & wait"), 0);
	proc_listen(hook.proc, hook_on_output);
	wait_for(base, hook.heard[0][0]);
	proc_cancel(hook.proc);
	proc_cancel(hook.proc);
	assert_int_equal(hook.done_count, 0);
	wait_for(base, hook.done_count == 1);
	assert_int_equal(hook.result.outcome, HP_HOOK_CANCELLED);
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(a_cancel_kills)

/*
 * The hook ends with its exit. A process that it left behind is reported as lingering, lives on,
 * and can write more than a pipe holds: it reports through a fifo that it could.
 */
static void what_is_left_behind_lives_on(bool in_cgroup)
{
	struct hook hook = {0};
	struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);
	char go[64], told[64], status[8] = "";
	int fd;

	snprintf(go, sizeof(go), "%s/go", test_directory);
	snprintf(told, sizeof(told), "%s/told", test_directory);
	assert_int_equal(mkfifo(go, 0600), 0);
	assert_int_equal(mkfifo(told, 0600), 0);
	hook_run(&hook,
		 "(read x < go; head -c 200000 /dev/zero; echo $? > told) & echo main; exit 0");
	assert_true(hook.result.success);
	assert_true(hook.result.lingering);
	expect_stream(&hook, 1, "main\n");
	assert_int_equal(procs.leftovers.count, 2);
	cgroup_release(cgroup);
	fd = open(go, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
	fd = open(told, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	wait_for(base, status[0] || read(fd, status, sizeof(status) - 1) > 0);
	assert_string_equal(status, "0\n");
	close(fd);
	wait_for(base, procs.leftovers.count == 0);
	unlink(go);
	unlink(told);
	hook_clear(&hook);
}
IN_BOTH_WAYS(what_is_left_behind_lives_on)

/* Also if it has closed the pipes: it is found by the cgroup or the process group. */
static void a_silent_one_left_behind_is_told_of(bool in_cgroup)
{
	struct hook hook = {0};
	struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);
	pid_t left;
	char pid[16] = "";

	hook_run(&hook, "sleep 1000 > /dev/null 2>&1 < /dev/null & "
			"until readlink /proc/$!/exe | grep -q sleep; do :; done; echo $!");
	assert_true(hook.result.success);
	memcpy(pid, hook.result.output[0].bytes, hook.result.output[0].length);
	left = atoi(pid);
	assert_true(left > 0 && process_state(left));
	kill(left, SIGKILL);
	assert_true(hook.result.lingering);
	assert_int_equal(procs.leftovers.count, 0);
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(a_silent_one_left_behind_is_told_of)

static void freeing_kills_and_waits(bool in_cgroup)
{
	struct hook hook = {.spec.timeout_ns = 5000 * MS};
	struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);
	pid_t pid;

	assert_int_equal(hook_start(&hook, "exec sleep 1000"), 0);
	pid = proc_pid(hook.proc);
	hook.proc = proc_free(hook.proc);
	wait_for(base, process_state(pid) == 0);
	assert_int_equal(hook.done_count, 0);
	assert_true(TAILQ_EMPTY(&procs.abandoned));
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(freeing_kills_and_waits)

/* ---- a kernel, or a filter over hookd, without waitid(2) of a pidfd ---- */

static bool waitid_is_missing;
static int waitid_calls;

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number != SYS_waitid || !waitid_is_missing)
		return __real_syscall(number, a, b, c, d, e, f);
	waitid_calls++;
	errno = ENOSYS;
	return -1;
}

/* The exit is unknown, so the hook counts as running: waitid(2) is tried until the timeout. */
static void a_timeout_is_true_without_waitid(bool in_cgroup)
{
	struct hook hook = {.spec.timeout_ns = 1000 * MS};
	struct cgroup *cgroup = take_cgroup(&hook, in_cgroup);

	waitid_is_missing = true;
	waitid_calls = 0;
	hook_run(&hook, "exit 0");
	waitid_is_missing = false;
	assert_int_equal(hook.result.outcome, HP_HOOK_TIMED_OUT);
	assert_true(hook.took_ms >= 1000);
	assert_in_range(waitid_calls, 2, 100);
	assert_false(TAILQ_EMPTY(&procs.abandoned));
	wait_for(base, TAILQ_EMPTY(&procs.abandoned));
	hook_clear(&hook);
	cgroup_release(cgroup);
}
IN_BOTH_WAYS(a_timeout_is_true_without_waitid)

#define BOTH(name) PROC_TEST(name##_without_cgroup), PROC_TEST(name##_with_cgroup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(a_timeout_is_true),
	    PROC_TEST(the_wait_for_the_rest_is_not_the_hooks_time),
	    BOTH(a_long_timeout_is_no_short_one),
	    BOTH(stubborn_ones_are_killed_too),
	    BOTH(a_cancel_kills),
	    BOTH(what_is_left_behind_lives_on),
	    BOTH(a_silent_one_left_behind_is_told_of),
	    BOTH(freeing_kills_and_waits),
	    BOTH(a_timeout_is_true_without_waitid),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
