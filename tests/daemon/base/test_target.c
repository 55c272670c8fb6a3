/* SPDX-License-Identifier: Apache-2.0 */

/* base/target: which processes callers may not change. This program takes the place of hookd. */

#include <sys/prctl.h>
#include <sys/wait.h>

#include "daemon/base/target.h"
#include "tests/daemon/support/support.h"

/* Expects -EACCES with a reason that ends so, or 0 where `what` is NULL. */
static void expect_refusal(pid_t pid, const char *what)
{
	struct hp_err err = {0};
	struct target target;
	char reason[128];

	assert_int_equal(target_open(pid, &target), 0);
	if (!what) {
		assert_int_equal(target_refuse(&target, &err), 0);
	} else {
		assert_int_equal(target_refuse(&target, &err), -EACCES);
		snprintf(reason, sizeof(reason), "pid %d is %s", pid, what);
		assert_string_equal(err.reason, reason);
		assert_string_equal(err.path, "pid");
		assert_int_equal(err.code, HP_ERR_SETTINGS_REFUSED);
	}
	target_close(&target);
}

#define OF_HOOKD "a hook, or another process that hookd has started"

/*
 * A child with a child of its own, whose name is made to confuse a parser of /proc/PID/stat. The
 * outer one exits when `end` is closed, the inner one when `inner_end` is, or the test has ended.
 */
struct family {
	pid_t outer, inner;
	int end, inner_end;
};

static void be_the_inner(int told, int end)
{
	pid_t pid = getpid();
	char byte;

	prctl(PR_SET_NAME, "x) R 1 1 1");
	if (write(told, &pid, sizeof(pid)) == sizeof(pid))
		(void)!read(end, &byte, 1);
	_exit(0);
}

static struct family family_start(void)
{
	struct family family;
	int told[2], end[2], inner_end[2];
	char byte;

	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(end), 0);
	assert_int_equal(pipe(inner_end), 0);
	family.outer = fork();
	if (family.outer == 0) {
		close(end[1]);
		close(inner_end[1]);
		if (fork() == 0)
			be_the_inner(told[1], inner_end[0]);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	assert_int_equal(read(told[0], &family.inner, sizeof(pid_t)), sizeof(pid_t));
	close(told[0]);
	close(told[1]);
	close(end[0]);
	close(inner_end[0]);
	family.end = end[1];
	family.inner_end = inner_end[1];
	return family;
}

static void what_hookd_has_started_is_refused(void **state)
{
	struct family family = family_start();

	(void)state;
	expect_refusal(family.outer, OF_HOOKD);
	expect_refusal(family.inner, OF_HOOKD);
	close(family.end);
	assert_int_equal(waitpid(family.outer, NULL, 0), family.outer);
	/* A process that a hook has left behind is not a descendant of hookd any more. */
	expect_refusal(family.inner, NULL);
	close(family.inner_end);
}

static void hookd_and_init_are_refused(void **state)
{
	(void)state;
	expect_refusal(getpid(), "hookd itself");
	expect_refusal(1, "the init process");
}

/* PF_KTHREAD in field 9 of its stat. kthreadd has it, where this pid namespace contains that. */
static void threads_of_the_kernel_are_refused(void **state)
{
	char *name = read_whole("/proc/2/comm", NULL);
	bool is_there = name && strcmp(name, "kthreadd\n") == 0;

	(void)state;
	free(name);
	if (!is_there)
		skip("no kernel thread is visible here");
	expect_refusal(2, "a kernel thread");
}

static void one_that_has_ended_is_not_refused_but_gone(void **state)
{
	struct family family = family_start();
	struct hp_err err = {0};
	struct target target;

	(void)state;
	assert_int_equal(target_open(family.outer, &target), 0);
	close(family.end);
	assert_int_equal(waitpid(family.outer, NULL, 0), family.outer);
	assert_int_equal(target_refuse(&target, &err), -ESRCH);
	target_close(&target);
	close(family.inner_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_hookd_has_started_is_refused),
	    cmocka_unit_test(hookd_and_init_are_refused),
	    cmocka_unit_test(threads_of_the_kernel_are_refused),
	    cmocka_unit_test(one_that_has_ended_is_not_refused_but_gone),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
