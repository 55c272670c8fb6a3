/* SPDX-License-Identifier: Apache-2.0 */

/* How hookctl prints a run, and its exit status. */

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/report.h"
#include "tests/group/group.h"

static int exit_of(enum hp_run_outcome outcome, struct hp_hook_result *hooks, size_t count)
{
	struct hp_run_result result = {.outcome = outcome, .hooks = hooks, .hook_count = count};

	return report_exit_status(&result);
}

static void test_exit_says_what_the_first_failure_was(void **state)
{
	struct hp_hook_result good = {.outcome = HP_HOOK_EXITED, .success = true};
	struct hp_hook_result skipped = {.outcome = HP_HOOK_SKIPPED};
	struct hp_hook_result bad = {.outcome = HP_HOOK_EXITED, .exit_status = 124};
	struct hp_hook_result killed = {.outcome = HP_HOOK_SIGNALED, .signal = SIGSEGV};
	struct hp_hook_result late = {.outcome = HP_HOOK_TIMED_OUT};
	struct hp_hook_result unborn = {.outcome = HP_HOOK_SPAWN_FAILED};

	(void)state;
	assert_int_equal(exit_of(HP_RUN_SUCCEEDED, &good, 1), 0);
	assert_int_equal(exit_of(HP_RUN_SUCCEEDED, NULL, 0), 0);
	assert_int_equal(exit_of(HP_RUN_FAILED, (struct hp_hook_result[]){good, bad, skipped}, 3),
			 1);
	assert_int_equal(exit_of(HP_RUN_FAILED, &killed, 1), 1);
	assert_int_equal(exit_of(HP_RUN_FAILED, (struct hp_hook_result[]){good, late}, 2), 124);
	assert_int_equal(exit_of(HP_RUN_FAILED, &unborn, 1), 126);
	/* poststop goes on after a failure: the first one counts. */
	assert_int_equal(exit_of(HP_RUN_FAILED, (struct hp_hook_result[]){unborn, late}, 2), 126);
	assert_int_equal(exit_of(HP_RUN_FAILED, NULL, 0), 1);
	assert_int_equal(exit_of(HP_RUN_CANCELLED, &late, 1), 1);
	assert_int_equal(exit_of(HP_RUN_LOST, &good, 1), 125);
}

static void expect_words(const struct hp_hook_result *hook, const char *expected)
{
	char words[REPORT_WORDS_SIZE];

	assert_string_equal(report_hook_words(hook, words), expected);
}

static void test_words_for_each_end(void **state)
{
	char step[] = "exec";

	(void)state;
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_EXITED, .exit_status = 3},
		     "exited with 3");
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_SIGNALED, .signal = SIGKILL},
		     "killed by SIGKILL");
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_SIGNALED,
					      .signal = SIGKILL,
					      .oom_killed = 1},
		     "killed by SIGKILL, out of memory");
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_TIMED_OUT}, "timed out");
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_SPAWN_FAILED,
					      .failed_step = step,
					      .failed_errno = ENOENT},
		     "could not be started: exec, ENOENT");
	expect_words(&(struct hp_hook_result){.outcome = HP_HOOK_CANCELLED}, "cancelled");
}

static void expect_report(const struct hp_run_result *result, const struct report_style *style,
			  const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	assert_int_equal(report_write(result, style, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

static void test_a_table_and_the_output_of_what_failed(void **state)
{
	char good[] = "/usr/bin/good", bad[] = "/x", said[] = "fine\n", cried[] = "\x1b[2Jno\nway";
	char head_and_tail[] = "ab";
	struct hp_hook_result hooks[] = {
	    {.index = 0,
	     .path = good,
	     .success = true,
	     .lingering = true,
	     .pid = 7,
	     .duration_us = 1500,
	     .output = {{said, 5, 5}}},
	    {.index = 1,
	     .path = bad,
	     .outcome = HP_HOOK_SIGNALED,
	     .signal = SIGSEGV,
	     .pid = 8,
	     .duration_us = 90,
	     .output = {{head_and_tail, 2, 900}, {cried, 10, 10}}},
	    {.index = 2, .path = bad, .outcome = HP_HOOK_SKIPPED},
	};
	struct hp_run_result result = {.outcome = HP_RUN_FAILED, .hooks = hooks, .hook_count = 3};

	(void)state;
	expect_report(&result, &(struct report_style){.has_legend = true},
		      "#  PATH           OUTCOME            EXIT      TIME  STDOUT  STDERR\n"
		      "0  /usr/bin/good  exited, lingering  0        1.5ms       5       0\n"
		      "1  /x             signaled           SIGSEGV   90us     900      10\n"
		      "2  /x             skipped            -            -       0       0\n"
		      "\nstdout of hook 1, the first and the last 2 of its 900 bytes:\nab\n"
		      "\nstderr of hook 1:\n\\x1b[2Jno\nway\n");
	result.hook_count = 1;
	expect_report(&result, &(struct report_style){.has_all_output = true},
		      "0  /usr/bin/good  exited, lingering  0  1.5ms  5  0\n"
		      "\nstdout of hook 0:\nfine\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exit_says_what_the_first_failure_was),
	    cmocka_unit_test(test_words_for_each_end),
	    cmocka_unit_test(test_a_table_and_the_output_of_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
