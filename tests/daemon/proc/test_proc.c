/* SPDX-License-Identifier: Apache-2.0 */

/* A hook process in a real event loop: what it gets, how it ends, what it writes. */

#include <signal.h>

#include "tests/daemon/support/hooks.h"

/* ---- ends ---- */

static void a_result_says_what_happened(void **state)
{
	struct hook hook = {0};
	int64_t before_us = clock_ns(CLOCK_REALTIME) / 1000;

	(void)state;
	hook_run(&hook, "echo out; echo err >&2; exit 7");
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	assert_int_equal(hook.result.exit_status, 7);
	assert_false(hook.result.success);
	assert_false(hook.result.lingering);
	assert_int_equal(hook.result.oom_killed, -1);
	assert_true(hook.result.pid > 0);
	assert_in_range(hook.result.started_us, before_us, clock_ns(CLOCK_REALTIME) / 1000);
	assert_in_range(hook.result.duration_us, 1, 10000000);
	assert_true(hook.result.max_rss_bytes > 4096);
	expect_stream(&hook, 1, "out\n");
	expect_stream(&hook, 2, "err\n");
	hook_clear(&hook);
	hook_run(&hook, "exit 0");
	assert_true(hook.result.success);
	hook_clear(&hook);
	hook_run(&hook, "kill -USR1 $$");
	assert_int_equal(hook.result.outcome, HP_HOOK_SIGNALED);
	assert_int_equal(hook.result.signal, SIGUSR1);
	assert_false(hook.result.success);
	hook_clear(&hook);
}

static void the_state_is_on_stdin(void **state)
{
	char *large = malloc(300000);
	struct hook hook = {.spec = {.state = "{\"id\":\"x\"}\n", .state_length = 11}};

	(void)state;
	hook_run(&hook, "cat; cat");
	expect_stream(&hook, 1, "{\"id\":\"x\"}\n");
	hook_clear(&hook);
	memset(large, ' ', 300000);
	hook.spec = (struct proc_spec){.state = large, .state_length = 300000};
	hook_run(&hook, "wc -c | tr -d ' '");
	expect_stream(&hook, 1, "300000\n");
	hook_clear(&hook);
	/* A hook that does not read its stdin neither blocks hookd nor fails. */
	hook.spec = (struct proc_spec){.state = large, .state_length = 300000};
	hook_run(&hook, "exit 0");
	assert_true(hook.result.success);
	hook_clear(&hook);
	free(large);
}

static void a_failed_exec_is_told_apart_from_127(void **state)
{
	struct hook hook = {.spec = {.path = "/nonexistent"}};

	(void)state;
	hook_run(&hook, "");
	assert_int_equal(hook.result.outcome, HP_HOOK_SPAWN_FAILED);
	assert_string_equal(hook.result.failed_step, "exec");
	assert_int_equal(hook.result.failed_errno, ENOENT);
	hook_clear(&hook);
	hook.spec.dir = "/nonexistent";
	hook_run(&hook, "");
	assert_int_equal(hook.result.outcome, HP_HOOK_SPAWN_FAILED);
	assert_string_equal(hook.result.failed_step, "cwd");
	hook_clear(&hook);
	hook_run(&hook, "exit 127");
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	assert_int_equal(hook.result.exit_status, 127);
	assert_null(hook.result.failed_step);
	hook_clear(&hook);
}

static void a_flood_is_counted_and_does_not_wait(void **state)
{
	struct hook hook = {0};

	(void)state;
	hook_run(&hook, "head -c 3000000 /dev/zero | tr '\\0' x; echo end; echo loud >&2");
	assert_true(hook.result.success);
	assert_int_equal(hook.result.output[0].total, 3000004);
	assert_int_equal(hook.result.output[0].length, 65536);
	assert_memory_equal(hook.result.output[0].bytes + 65536 - 5, "xend\n", 5);
	expect_stream(&hook, 2, "loud\n");
	hook_clear(&hook);
}

static void a_listener_hears_both_streams(void **state)
{
	struct hook hook = {0};

	(void)state;
	assert_int_equal(hook_start(&hook, "echo one; echo two >&2; echo three"), 0);
	proc_listen(hook.proc, hook_on_output);
	wait_for(base, hook.done_count == 1);
	assert_string_equal(hook.heard[0], "one\nthree\n");
	assert_string_equal(hook.heard[1], "two\n");
	expect_stream(&hook, 1, "one\nthree\n");
	hook_clear(&hook);
}

static void output_comes_while_it_runs(void **state)
{
	struct hook hook = {0};

	(void)state;
	assert_int_equal(hook_start(&hook, "echo first; exec sleep 1000"), 0);
	proc_listen(hook.proc, hook_on_output);
	wait_for(base, hook.heard[0][0]);
	assert_int_equal(hook.done_count, 0);
	assert_int_equal(proc_pid(hook.proc) > 0, 1);
	proc_cancel(hook.proc);
	wait_for(base, hook.done_count == 1);
	expect_stream(&hook, 1, "first\n");
	hook_clear(&hook);
}

static void many_at_once(void **state)
{
	enum { COUNT = 48 };
	static struct hook hooks[COUNT];
	char script[COUNT][64];
	int done = 0;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		struct spawn_failure failure;
		char *argv[] = {(char *)"sh", (char *)"-c", script[i], NULL};

		snprintf(script[i], sizeof(script[i]), "echo %d; exit %d", 1000 + i, i);
		hooks[i] = (struct hook){.started_ns = clock_ns(CLOCK_MONOTONIC)};
		hooks[i].spec = (struct proc_spec){
		    .path = "/bin/sh",
		    .argv = memcpy(malloc(sizeof(argv)), argv, sizeof(argv)),
		    .envp = (char *[]){NULL},
		    .state = "",
		    .timeout_ns = i % 3 ? 5000 * MS : 0,
		    .target = HOOK_TARGET_NONE,
		};
		assert_int_equal(proc_start(&procs, &hooks[i].spec, hook_on_done, &hooks[i],
					    &hooks[i].proc, &failure),
				 0);
	}
	for (int i = 0; i < COUNT; i++) {
		char expected[16];

		wait_for(base, hooks[i].done_count == 1);
		done += hooks[i].done_count;
		snprintf(expected, sizeof(expected), "%d\n", 1000 + i);
		assert_int_equal(hooks[i].result.exit_status, i);
		expect_stream(&hooks[i], 1, expected);
		free((void *)hooks[i].spec.argv);
		hook_clear(&hooks[i]);
	}
	assert_int_equal(done, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROC_TEST(a_result_says_what_happened),
	    PROC_TEST(the_state_is_on_stdin),
	    PROC_TEST(a_failed_exec_is_told_apart_from_127),
	    PROC_TEST(a_flood_is_counted_and_does_not_wait),
	    PROC_TEST(a_listener_hears_both_streams),
	    PROC_TEST(output_comes_while_it_runs),
	    PROC_TEST(many_at_once),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
