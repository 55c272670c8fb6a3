/* SPDX-License-Identifier: Apache-2.0 */

/* The words and the exit status for each way in which a run and a hook can end. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/runs/words.h"
#include "tests/group/group.h"

/* The second of three hooks; what is -1 or NULL is not known. */
static struct hookd_run_info done(const char *outcome, const char *hook_outcome)
{
	return (struct hookd_run_info){.state = "done",
				       .outcome = outcome,
				       .hook_outcome = hook_outcome,
				       .hook = 1,
				       .hook_count = 3,
				       .path = "/bin/net-add",
				       .exit_status = -1,
				       .oom_killed = -1};
}

static void expect_run(struct hookd_run_info run, int exit_status, const char *expected)
{
	char *text = words_of_run_text(&run);

	assert_string_equal(text, expected);
	assert_int_equal(words_exit_status(&run), exit_status);
	free(text);
}

static void test_runs_that_have_failed(void **state)
{
	struct hookd_run_info run = done("failed", "exited");

	(void)state;
	run.exit_status = 3;
	expect_run(run, 1, "failed (3) #1/3 net-add");
	run = done("failed", "signaled");
	run.signal = "SIGSEGV";
	expect_run(run, 1, "failed (SIGSEGV) #1/3 net-add");
	run.oom_killed = 1;
	expect_run(run, 1, "failed (OOM) #1/3 net-add");
	run = done("failed", "spawn_failed");
	run.errno_name = "ENOENT";
	expect_run(run, 126, "failed (ENOENT: not started) #1/3 net-add");
	expect_run(done("failed", "timed_out"), 124, "timed out #1/3 net-add");
}

static void test_runs_that_have_ended_otherwise(void **state)
{
	struct hookd_run_info run = done("succeeded", "exited");

	(void)state;
	expect_run(run, 0, "succeeded, 3 hooks");
	run.hook_count = 1;
	expect_run(run, 0, "succeeded, 1 hook");
	expect_run(done("cancelled", "cancelled"), 1, "cancelled #1/3 net-add");
	run = done("lost", NULL);
	expect_run(run, 125, "lost #1/3 net-add");
	run.hook = -1;
	expect_run(run, 125, "lost");
}

static void test_runs_that_go_on(void **state)
{
	struct hookd_run_info run = done(NULL, "running");
	char *text;

	(void)state;
	run.state = "running";
	text = words_of_run_text(&run);
	assert_string_equal(text, "running #1/3 net-add");
	free(text);
	run.state = "queued";
	text = words_of_run_text(&run);
	assert_string_equal(text, "queued");
	free(text);
}

static void expect_hook(const struct hookd_hook_result *hook, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	words_of_hook(hook, &buf);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

static void test_hooks(void **state)
{
	(void)state;
	expect_hook(&(struct hookd_hook_result){.outcome = "exited", .success = true}, "succeeded");
	expect_hook(
	    &(struct hookd_hook_result){.outcome = "exited", .success = true, .lingering = true},
	    "succeeded, left processes");
	expect_hook(&(struct hookd_hook_result){.outcome = "running", .exit_status = -1},
		    "running");
	expect_hook(&(struct hookd_hook_result){.outcome = "skipped", .exit_status = -1},
		    "skipped");
	expect_hook(&(struct hookd_hook_result){.outcome = "exited", .exit_status = 7},
		    "failed (7)");
	expect_hook(&(struct hookd_hook_result){.outcome = "timed_out", .exit_status = -1},
		    "timed out");
}

static void test_file_names(void **state)
{
	(void)state;
	assert_string_equal(words_file_name("/bin/net-add"), "net-add");
	assert_string_equal(words_file_name("/bin/"), "/bin/");
	assert_string_equal(words_file_name("plain"), "plain");
	assert_string_equal(words_file_name(NULL), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_runs_that_have_failed),
	    cmocka_unit_test(test_runs_that_have_ended_otherwise),
	    cmocka_unit_test(test_runs_that_go_on),
	    cmocka_unit_test(test_hooks),
	    cmocka_unit_test(test_file_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
