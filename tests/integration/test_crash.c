/* SPDX-License-Identifier: Apache-2.0 */
/* hookd is killed with SIGKILL and started again: what had begun is known, and begins no second
 * time. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/check.h"
#include "tests/integration/probe.h"

#define ID	",'requestId':'start-box-1'"
#define MARKING HOOK("'mark','@DIR@/log','x','say','once'")
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go'")

static void start_with_state(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}});
}

static void result_outlives_a_crash(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char *id;

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	id = strdup(reply_string(client, "result.run"));
	harness_crash(harness);

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	check_string(client, "result.run", id);
	check_string(client, "result.hooks[0].stdout", "once");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','other'")});
	check_error(client, "io.hookd.hooks.RequestIdConflict");
	free(id);
}

/* Else a client that has its result would hear of a lost run when it asks again. */
static void result_is_recorded_before_it_is_told(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char end[128];

	start_with_state(harness);
	client = client_open(harness);
	for (int i = 0; i < 100; i++) {
		char *records;
		size_t length;

		run(client);
		records = harness_read_file(harness, "state/runs", &length);
		assert_non_null(records);
		snprintf(end, sizeof(end), "{\"end\":\"%s\"", reply_string(client, "result.run"));
		if (!memmem(records, length, end, strlen(end)))
			fail_msg("run %d is told of and not recorded", i);
		free(records);
	}
}

/* Nobody knows how it ended, and to run it again would be worse than to say so. */
static void run_that_was_going_on_is_lost(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	start_with_state(harness);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	harness_crash(harness);
	fifo_release(go);

	start_with_state(harness);
	client = client_open(harness);
	for (int i = 0; i < 2; i++) {
		run(client, .extra = ID, .hooks = {WAITING});
		check_outcome(client, "lost");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].outcome", "lost");
	check_string(client, "runs[0].container", "box");
}

/* It had not begun, so there is nothing to fear of a second try. */
static void run_that_was_in_the_line_runs_on_retry(void **state)
{
	struct harness *harness = *state;
	struct client *first, *second;
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	start_with_state(harness);
	first = client_open(harness);
	second = client_open(harness);
	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ID, .hooks = {HOOK("'mark','@DIR@/second','x'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	harness_crash(harness);
	probe_kill_processes(harness->directory);

	start_with_state(harness);
	second = client_open(harness);
	run(second, .extra = ID, .hooks = {HOOK("'mark','@DIR@/second','x'")});
	check_success(second);
	assert_int_equal(harness_count_lines(harness, "second"), 1);
}

static void ids_stay_unique(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char *id;

	start_with_state(harness);
	client = client_open(harness);
	run(client);
	id = strdup(reply_string(client, "result.run"));
	harness_crash(harness);
	start_with_state(harness);
	client = client_open(harness);
	run(client);
	assert_string_not_equal(reply_string(client, "result.run"), id);
	assert_int_equal(status_number(harness, "stored"), 2);
	free(id);
}

/* A crash can also leave half a record, and somebody's hand whole nonsense. */
static void torn_and_foreign_records(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	harness_crash(harness);
	harness_append_file(harness, "state/runs", "{\"begin\":\"torn");
	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	harness_stop(harness);

	harness_write_file(harness, "state/runs", "hello");
	harness_write_file(harness, "state/runs.old", "{}[]{}");
	start_with_state(harness);
	client_expect_alive(client_open(harness));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(result_outlives_a_crash),
	    TEST_PREPARED(result_is_recorded_before_it_is_told),
	    TEST_PREPARED(run_that_was_going_on_is_lost),
	    TEST_PREPARED(run_that_was_in_the_line_runs_on_retry),
	    TEST_PREPARED(ids_stay_unique),
	    TEST_PREPARED(torn_and_foreign_records),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
