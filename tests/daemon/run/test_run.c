/* SPDX-License-Identifier: Apache-2.0 */

/* A list of hooks in a real event loop: order, failures, timeouts, what a hook gets. */

#include <signal.h>

#include "daemon/run/run_result.h"
#include "proto/base/limits.h"
#include "tests/daemon/support/runs.h"

static int64_t suspended_s;
static bool is_filter_awaited;

int __real_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __real_run_resources_acquire(struct run_resources *resources, const char *container);
int __wrap_run_resources_acquire(struct run_resources *resources, const char *container);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int r = __real_clock_gettime(clock, ret_now);

	if (clock == CLOCK_BOOTTIME)
		ret_now->tv_sec += suspended_s;
	return r;
}

int __wrap_run_resources_acquire(struct run_resources *resources, const char *container)
{
	return is_filter_awaited ? 0 : __real_run_resources_acquire(resources, container);
}

/* ---- the list ---- */

/* All append to one file, which shows the order in which they ran. */
static void all_succeed_in_order(void **state)
{
	char script[4][96], directory[32], file[64], *args[4][4], *text;
	struct hp_hook hooks[4];
	const enum hp_hook_outcome exited[4] = {HP_HOOK_EXITED, HP_HOOK_EXITED, HP_HOOK_EXITED,
						HP_HOOK_EXITED};
	struct run *run;

	(void)state;
	temporary_directory(directory);
	snprintf(file, sizeof(file), "%s/order", directory);
	for (size_t i = 0; i < ELEMENTS(hooks); i++) {
		snprintf(script[i], sizeof(script[i]), "echo %zu >> %s; echo out %zu", i, file, i);
		hooks[i] = shell_hook(args[i], script[i]);
	}
	run = run_prepare(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	assert_int_equal(run->state, RUN_QUEUED);
	assert_int_equal(run_pid(run), 0);
	assert_int_equal(run_duration_us(run), 0);
	run_start(run);
	assert_int_equal(starting_count, 1);
	assert_int_equal(run->state, RUN_RUNNING);
	assert_true(run_pid(run) > 0);
	run_to_end(run);
	expect_outcomes(run, HP_RUN_SUCCEEDED, exited);
	assert_null(run->result.error);
	expect_output(run, 3, "out 3\n");
	assert_string_equal(run->result.run, "id-1");
	assert_string_equal(run->result.container, "c1");
	assert_int_equal(run->result.stage, HP_STAGE_CREATE_RUNTIME);
	assert_true(run->result.duration_us > 0);
	assert_int_equal(run_duration_us(run), run->result.duration_us);
	assert_string_equal(run_path(run), "/bin/sh");
	text = read_whole(file, NULL);
	assert_string_equal(text, "0\n1\n2\n3\n");
	free(text);
	unlink(file);
	rmdir(directory);
	run_free(run);
}

static void the_first_failure_ends_the_list(void **state)
{
	static const enum hp_stage stages[] = {HP_STAGE_PRESTART, HP_STAGE_CREATE_RUNTIME,
					       HP_STAGE_CREATE_CONTAINER, HP_STAGE_START_CONTAINER,
					       HP_STAGE_POSTSTART};
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("echo no >&2; exit 4"),
					SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_EXITED, HP_HOOK_EXITED, HP_HOOK_SKIPPED};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(stages); i++) {
		struct run *run;

		ending_count = done_count = 0;
		run = run_hooks(stages[i], hooks, ELEMENTS(hooks));
		expect_outcomes(run, HP_RUN_FAILED, outcomes);
		assert_true(run->result.hooks[0].success);
		assert_null(run->result.hooks[0].error);
		assert_string_equal(run->result.hooks[1].error,
				    "exit status 4, stdout: , stderr: no\n");
		assert_int_equal(run->result.hooks[2].pid, 0);
		snprintf(expected, sizeof(expected), "error running %s hook #1: %s",
			 hp_stage_names[stages[i]], run->result.hooks[1].error);
		assert_string_equal(run->result.error, expected);
		run_free(run);
	}
}

static void poststop_goes_on(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 1"),
					{.path = (char *)"/nonexistent"},
					SHELL_HOOK("kill -KILL $$"),
					SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_EXITED, HP_HOOK_SPAWN_FAILED,
						 HP_HOOK_SIGNALED, HP_HOOK_EXITED};
	struct run *run = run_hooks(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));

	(void)state;
	expect_outcomes(run, HP_RUN_FAILED, outcomes);
	assert_true(run->result.hooks[3].success);
	assert_string_equal(run->result.error,
			    "error running poststop hook #0: exit status 1, stdout: , stderr: ");
	assert_string_equal(run->result.hooks[1].error,
			    "fork/exec /nonexistent: no such file or directory");
	run_free(run);
}

static void a_run_without_hooks_succeeds_at_once(void **state)
{
	struct run *run = run_prepare(HP_STAGE_POSTSTART, NULL, 0);

	(void)state;
	assert_null(run_path(run));
	run_start(run);
	assert_int_equal(done_count, 1);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	assert_int_equal(run->result.hook_count, 0);
	assert_int_equal(run_pid(run), 0);
	run_free(run);
}

/* ---- timeouts and cancels ---- */

static void a_hooks_own_timeout_counts(void **state)
{
	struct hp_hook hooks[] = {SHELL_HOOK("echo before; sleep 1000"), SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_TIMED_OUT, HP_HOOK_SKIPPED};
	struct run *run;

	(void)state;
	hooks[0].timeout_ns = 300 * MS;
	run = run_hooks(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	expect_outcomes(run, HP_RUN_FAILED, outcomes);
	assert_string_equal(run->result.hooks[0].error, "hook ran past specified timeout of 0.3s");
	expect_output(run, 0, "before\n");
	run_free(run);
}

static void the_default_timeout_is_for_those_without(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exec sleep 1000");
	struct run *run;

	(void)state;
	config.default_timeout_ms = 100;
	run = run_hooks(HP_STAGE_CREATE_RUNTIME, &hook, 1);
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_TIMED_OUT);
	assert_in_range(run->result.hooks[0].duration_us, 100000, 5000000);
	assert_string_equal(run->result.hooks[0].error, "hook ran past specified timeout of 0.1s");
	run_free(run);
}

/* The timeout of a hook includes the wait for a filter and the time in suspend. */
static void a_wait_that_was_slept_through_is_over(void **state)
{
	struct hp_hook hook = SHELL_HOOK("exit 0");
	struct run *run;

	(void)state;
	hook.timeout_ns = 1000 * NS_PER_S;
	run = run_prepare(HP_STAGE_CREATE_RUNTIME, &hook, 1);
	is_filter_awaited = true;
	run_start(run);
	deadlines_rearm(&procs.deadlines);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(done_count, 0);
	suspended_s = 2000;
	deadlines_rearm(&procs.deadlines);
	wait_for(base, done_count == 1);
	is_filter_awaited = false;
	suspended_s = 0;
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_TIMED_OUT);
	run_free(run);
}

static void cancel_at_finished(struct run_waiter *waiter, const struct run_event *event)
{
	struct run **run = (struct run **)(waiter + 1);

	if (event->type == RUN_EVENT_FINISHED)
		run_cancel(*run);
}

/* The waiter's client is gone when it is to get the event of the timeout. */
static void a_wait_that_has_timed_out_is_cancelled(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	struct {
		struct run_waiter waiter;
		struct run *run;
	} client = {.waiter.notify = cancel_at_finished};
	struct run *run;

	(void)state;
	config.default_timeout_ms = 1000000;
	run = client.run = run_prepare(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));
	run_add_waiter(run, &client.waiter);
	is_filter_awaited = true;
	run_start(run);
	suspended_s = 2000;
	deadlines_rearm(&procs.deadlines);
	wait_for(base, done_count > 0);
	is_filter_awaited = false;
	suspended_s = 0;
	assert_int_equal(done_count, 1);
	assert_int_equal(run->result.outcome, HP_RUN_CANCELLED);
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_TIMED_OUT);
	assert_int_equal(run->result.hooks[1].outcome, HP_HOOK_CANCELLED);
	run_remove_waiter(run, &client.waiter);
	run_free(run);
}

static void a_queued_run_is_cancelled(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_CANCELLED, HP_HOOK_SKIPPED};
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));

	(void)state;
	run_cancel(run);
	assert_int_equal(done_count, 1);
	assert_int_equal(starting_count, 0);
	run_cancel(run);
	assert_int_equal(done_count, 1);
	expect_outcomes(run, HP_RUN_CANCELLED, outcomes);
	assert_string_equal(run->result.hooks[0].error, "cancelled before it was started");
	assert_null(run->result.hooks[1].error);
	assert_string_equal(run->result.error, "error running createRuntime hook #0: cancelled "
					       "before it was started");
	run_free(run);
	run = run_prepare(HP_STAGE_CREATE_RUNTIME, NULL, 0);
	ending_count = done_count = 0;
	run_cancel(run);
	assert_int_equal(run->result.outcome, HP_RUN_CANCELLED);
	assert_string_equal(run->result.error, "cancelled before it was started");
	run_free(run);
}

static void a_running_one_is_cancelled(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exec sleep 1000"), SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_CANCELLED, HP_HOOK_SKIPPED};
	struct run *run = run_prepare(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));

	(void)state;
	run_start(run);
	run_cancel(run);
	run_cancel(run);
	assert_int_equal(done_count, 0);
	run_to_end(run);
	expect_outcomes(run, HP_RUN_CANCELLED, outcomes);
	assert_string_equal(run->result.hooks[0].error, "cancelled");
	assert_string_equal(run->result.error, "error running poststop hook #0: cancelled");
	run_free(run);
}

static void a_running_one_is_freed(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exec sleep 1000");
	struct run *run = run_prepare(HP_STAGE_POSTSTOP, &hook, 1);
	pid_t pid;

	(void)state;
	run_start(run);
	pid = run_pid(run);
	run_free(run);
	wait_for(base, process_state(pid) == 0);
	assert_int_equal(done_count, 0);
}

static void what_is_left_behind_is_success(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("sleep 1000 & echo $!"), SHELL_HOOK("exit 0")};
	struct run *run = run_hooks(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	const struct hp_output *output = &run->result.hooks[0].output[0];
	char pid[16] = "";
	pid_t left;

	(void)state;
	assert_in_range(output->length, 2, sizeof(pid) - 1);
	memcpy(pid, output->bytes, output->length); /* what is kept has no NUL behind it */
	left = atoi(pid);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	assert_true(run->result.hooks[0].lingering);
	assert_false(run->result.hooks[1].lingering);
	assert_true(left > 0 && process_state(left) && process_state(left) != 'Z');
	kill(left, SIGKILL);
	wait_for(base, procs.leftovers.count == 0);
	run_free(run);
}

/* ---- what a hook gets ---- */

static void environments(void **state)
{
	struct hp_hook hooks[] = {SHELL_HOOK("exec /usr/bin/env"), SHELL_HOOK("exec /usr/bin/env"),
				  SHELL_HOOK("exec /usr/bin/env")};
	struct hp_request request;
	struct run *run;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(hooks); i++) {
		hooks[i].path = (char *)"/usr/bin/env";
		hooks[i].args = NULL;
	}
	hooks[1].env = (char *[]){NULL};
	hooks[2].env = (char *[]){(char *)"B=2", (char *)"A=1", NULL};
	run = run_hooks(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	expect_output(run, 0, "PATH=/bin:/usr/bin\n");
	expect_output(run, 1, "");
	expect_output(run, 2, "B=2\nA=1\n");
	run_free(run);
	ending_count = done_count = 0;
	request = request_make("c", HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	request.traceparent = hp_arena_copy(&request.arena, "00-1-2-01", 9);
	run = run_make(&test_context, "id-2", request);
	run_start(run);
	run_to_end(run);
	expect_output(run, 0, "PATH=/bin:/usr/bin\nTRACEPARENT=00-1-2-01\n");
	expect_output(run, 1, "TRACEPARENT=00-1-2-01\n");
	expect_output(run, 2, "B=2\nA=1\nTRACEPARENT=00-1-2-01\n");
	run_free(run);
}

static void absent_and_empty_arguments_are_the_path(void **state)
{
	const struct hp_hook hooks[] = {
	    {.path = (char *)"/bin/cat"},
	    {.path = (char *)"/bin/cat", .args = (char *[]){NULL}},
	    {.path = (char *)"/bin/cat",
	     .args = (char *[]){(char *)"dog", (char *)"/proc/self/cmdline", NULL}},
	};
	struct run *run = run_hooks(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	const struct hp_output *output = &run->result.hooks[2].output[0];

	(void)state;
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	/* cat writes the state to stdout, byte for byte. */
	for (size_t i = 0; i < 2; i++)
		expect_output(run, i, run->request.state);
	assert_int_equal(output->length, sizeof("dog\0/proc/self/cmdline"));
	assert_memory_equal(output->bytes, "dog\0/proc/self/cmdline", output->length);
	run_free(run);
}

static void directories(void **state)
{
	struct hp_hook hooks[] = {SHELL_HOOK("pwd"), SHELL_HOOK("pwd"), SHELL_HOOK("pwd")};
	struct hp_request request;
	struct run *run;

	(void)state;
	hooks[1].dir = (char *)"/usr/bin";
	hooks[2].dir = (char *)"/nonexistent";
	request = request_make("c", HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));
	request.bundle = hp_arena_copy(&request.arena, "/tmp", 4);
	run = run_make(&test_context, "id", request);
	run_start(run);
	run_to_end(run);
	expect_output(run, 0, "/tmp\n");
	expect_output(run, 1, "/usr/bin\n");
	assert_string_equal(run->result.hooks[2].failed_step, "cwd");
	assert_int_equal(run->result.hooks[2].failed_errno, ENOENT);
	run_free(run);
}

/* Streams are cut until all output is within the bound of the run; all bytes are counted. */
static void many_loud_hooks_share_a_bound(void **state)
{
	const size_t part = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;
	struct hp_hook hooks[40];
	char *args[4];
	struct run *run;
	size_t kept = 0;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(hooks); i++)
		hooks[i] = shell_hook(args, "head -c 70000 /dev/zero");
	run = run_hooks(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));
	for (size_t i = 0; i < ELEMENTS(hooks); i++) {
		const struct hp_output *output = &run->result.hooks[i].output[0];

		assert_int_equal(output->total, 70000);
		kept += output->length;
	}
	assert_in_range(run->result.hooks[0].output[0].length, part * 16 / 40, part * 16 / 40 + 1);
	assert_in_range(run->result.hooks[39].output[0].length, part * 16 / 40, part * 16 / 40 + 1);
	assert_int_equal(kept, RUN_OUTPUT_BYTES_MAX);
	assert_in_range(run_size(run), kept, kept + 100000);
	run_free(run);
}

/* Output below the bound is not cut, and short streams are not cut for the sake of long ones. */
static void the_words_of_the_one_that_fails_are_kept(void **state)
{
	const size_t part = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;
	struct hp_hook hooks[9];
	char *args[2][4];
	struct run *run;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		hooks[i] =
		    shell_hook(args[0], "head -c 99999 /dev/zero; head -c 99999 /dev/zero >&2");
	hooks[8] = shell_hook(args[1], "echo because >&2; exit 1");
	run = run_hooks(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	assert_int_equal(run->result.outcome, HP_RUN_FAILED);
	assert_int_equal(run->result.hooks[8].output[1].length, strlen("because\n"));
	assert_memory_equal(run->result.hooks[8].output[1].bytes, "because\n", 8);
	assert_string_equal(run->result.error, "error running createRuntime hook #8: exit status 1,"
					       " stdout: , stderr: because\n");
	assert_in_range(run->result.hooks[0].output[0].length, part - 1, part);
	run_free(run);
}

/* The maximum number of hooks, of which the last writes its message after a lot of output. */
static void every_hook_of_the_longest_list_is_heard(void **state)
{
	struct hp_hook hooks[HP_HOOKS_MAX];
	const struct hp_output *last;
	char *args[2][4];
	size_t kept = 0;
	struct run *run;

	(void)state;
	for (size_t i = 0; i + 1 < HP_HOOKS_MAX; i++)
		hooks[i] =
		    shell_hook(args[0], "head -c 70000 /dev/zero; head -c 70000 /dev/zero >&2");
	hooks[HP_HOOKS_MAX - 1] =
	    shell_hook(args[1], "echo first; head -c 70000 /dev/zero; echo last; exit 1");
	run = run_hooks(HP_STAGE_POSTSTOP, hooks, HP_HOOKS_MAX);
	for (size_t i = 0; i < HP_HOOKS_MAX; i++)
		for (int k = 0; k < 2; k++)
			kept += run->result.hooks[i].output[k].length;
	assert_int_equal(kept, RUN_OUTPUT_BYTES_MAX);
	last = &run->result.hooks[HP_HOOKS_MAX - 1].output[0];
	assert_in_range(last->length, RUN_OUTPUT_RESERVE_BYTES, RUN_OUTPUT_RESERVE_BYTES + 32);
	assert_memory_equal(last->bytes, "first\n", 6);
	assert_memory_equal(last->bytes + last->length - 5, "last\n", 5);
	assert_non_null(strstr(run->result.error, "exit status 1"));
	run_free(run);
}

/* ---- runs of an earlier hookd ---- */

static void a_lost_run_is_done(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct hp_request request = request_make("c1", HP_STAGE_POSTSTOP, &hook, 1);
	struct hp_run_result found = {.outcome = HP_RUN_SUCCEEDED};
	struct run *run;

	(void)state;
	assert_int_equal(run_new_lost(&test_context, "old-1", 7, &request, 4711, &run), 0);
	assert_null(request.container);
	assert_int_equal(run->state, RUN_DONE);
	assert_int_equal(run->result.outcome, HP_RUN_LOST);
	assert_non_null(run->result.error);
	assert_int_equal(run->submitted_us, 4711);
	assert_int_equal(run_pid(run), 0);
	assert_null(run_path(run));
	run_cancel(run);
	assert_int_equal(done_count, 0);
	run_found(run, &found, 47);
	assert_int_equal(run->finished_ns, 47);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	assert_null(run->result.error);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN_TEST(all_succeed_in_order),
	    RUN_TEST(the_first_failure_ends_the_list),
	    RUN_TEST(poststop_goes_on),
	    RUN_TEST(a_run_without_hooks_succeeds_at_once),
	    RUN_TEST(a_hooks_own_timeout_counts),
	    RUN_TEST(the_default_timeout_is_for_those_without),
	    RUN_TEST(a_wait_that_was_slept_through_is_over),
	    RUN_TEST(a_wait_that_has_timed_out_is_cancelled),
	    RUN_TEST(a_queued_run_is_cancelled),
	    RUN_TEST(a_running_one_is_cancelled),
	    RUN_TEST(a_running_one_is_freed),
	    RUN_TEST(what_is_left_behind_is_success),
	    RUN_TEST(environments),
	    RUN_TEST(absent_and_empty_arguments_are_the_path),
	    RUN_TEST(directories),
	    RUN_TEST(many_loud_hooks_share_a_bound),
	    RUN_TEST(the_words_of_the_one_that_fails_are_kept),
	    RUN_TEST(every_hook_of_the_longest_list_is_heard),
	    RUN_TEST(a_lost_run_is_done),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
