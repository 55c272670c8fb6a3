/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of what hookd keeps for callers: queued runs, stored results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define WAITING HOOK("'tell','@DIR@/started','await','@DIR@/go'")

static void busy_when_the_queue_is_full(void **state)
{
	struct harness *harness = *state;
	struct client *first, *second, *third;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	harness_start(harness, &(struct start){.config = "[Hooks]\nQueuedRunsPerUser=2\n"});
	first = client_open(harness);
	second = client_open(harness);
	third = client_open(harness);
	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .hooks = {HOOK("'exit','0'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	run(third, .container = "other", .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_error(third, "io.hookd.hooks.Busy");
	assert_true(reply_int(third, "retryAfterUSec") > 0);
	check_string(third, "reason", "this user already has 2 runs, queued or running");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	fifo_release(go);
	client_receive(first);
	check_success(first);
	client_receive(second);
	check_success(second);
	run(third, .container = "other", .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_success(third);
}

/* Attaching to a run needs no additional memory. */
static void attaching_to_a_run_needs_no_room(void **state)
{
	struct harness *harness = *state;
	struct client *first, *second;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	harness_start(harness, &(struct start){.config = "[Hooks]\nQueuedRunsPerUser=1\n"});
	first = client_open(harness);
	second = client_open(harness);
	begin_run(first, .extra = ",'requestId':'a'", .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ",'requestId':'a'", .hooks = {WAITING});
	client_expect_alive(client_open(harness));
	assert_false(client_has_input(second));
	fifo_release(go);
	client_receive(second);
	check_success(second);
}

static void refusal_leaks_nothing(void **state)
{
	struct harness *harness = *state;
	struct client *first, *second;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	harness_start(harness, &(struct start){.config = "[Hooks]\nQueuedRunsPerUser=1\n"});
	first = client_open(harness);
	second = client_open(harness);
	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	for (int i = 0; i < 100; i++) {
		run(second, .extra = ",'requestId':'a'");
		check_error(second, "io.hookd.hooks.Busy");
	}
	fifo_release(go);
	client_receive(first);
	run(second, .extra = ",'requestId':'a'");
	check_success(second);
	assert_int_equal(status_number(harness, "stored"), 2);
}

static void expect_get(struct client *client, const char *id, const char *error)
{
	char call[256];

	snprintf(call, sizeof(call), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 id);
	client_call(client, call);
	check_error(client, error);
}

static void oldest_results_are_forgotten(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char *ids[4];

	harness_start(harness,
		      &(struct start){.config = "[Results]\nMaxRuns=2\n[History]\nStore=no\n"});
	client = client_open(harness);
	for (int i = 0; i < 4; i++) {
		run(client, .hooks = {HOOK("'exit','0'")});
		ids[i] = strdup(reply_string(client, "result.run"));
	}
	expect_get(client, ids[0], "io.hookd.status.NoSuchRun");
	expect_get(client, ids[2], "");
	expect_get(client, ids[3], "");
	check_string(client, "run.state", "done");
	check_string(client, "result.outcome", "succeeded");
	check_string(client, "request.stage", "createRuntime");
	assert_true(status_number(harness, "stored") <= 3);
	for (int i = 0; i < 4; i++)
		free(ids[i]);
}

/* 60 runs with 64 KiB of output each are 4 MB; the limit is a quarter of that. */
static void results_are_bounded_in_bytes(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Results]\nMaxBytes=1000000\n"});
	client = client_open(harness);
	for (int i = 0; i < 60; i++)
		run(client, .hooks = {HOOK("'spam','70000'")});
	check_success(client);
	assert_true(status_number(harness, "stored") < 20);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(busy_when_the_queue_is_full),
	    TEST_PREPARED(attaching_to_a_run_needs_no_room),
	    TEST_PREPARED(refusal_leaks_nothing),
	    TEST_PREPARED(oldest_results_are_forgotten),
	    TEST_PREPARED(results_are_bounded_in_bytes),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
