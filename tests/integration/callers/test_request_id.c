/* SPDX-License-Identifier: Apache-2.0 */
/* A retry with the same request id runs no hook twice, whatever was lost. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define ID	",'requestId':'start-box-1'"
#define MARKING HOOK("'mark','@DIR@/log','x','say','once'")
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go'")

/* Fault 14. */
static void same_request_attaches(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char *id;

	begin_run(first, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ID, .hooks = {WAITING});
	client_expect_alive(client_open(harness));
	assert_false(client_has_input(second));
	fifo_release(go);
	client_receive(first);
	check_success(first);
	id = strdup(reply_string(first, "result.run"));
	client_receive(second);
	check_success(second);
	check_string(second, "result.run", id);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	free(id);
}

static void same_request_returns_the_stored_result(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char *id;

	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	id = strdup(reply_string(client, "result.run"));
	for (int i = 0; i < 3; i++) {
		run(client, .extra = ID, .hooks = {MARKING});
		check_success(client);
		check_string(client, "result.run", id);
		check_string(client, "result.hooks[0].stdout", "once");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	free(id);
}

static void failed_run_is_not_tried_again(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for (int i = 0; i < 3; i++) {
		run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','x','exit','4'")});
		check_outcome(client, "failed");
		check_int(client, "result.hooks[0].exitStatus", 4);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Fault 15. */
static void other_request_conflicts(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','other'")});
	check_error(client, "io.hookd.hooks.RequestIdConflict");
	check_string(client, "requestId", "start-box-1");
	run(client, .extra = ID, .container = "other", .hooks = {MARKING});
	check_error(client, "io.hookd.hooks.RequestIdConflict");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	/* Without an id, or with another one, it is run again. */
	run(client, .hooks = {MARKING});
	run(client, .extra = ",'requestId':'start-box-2'", .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 3);
}

/* Errors that have no reason in the reply have one in the log. */
static void a_conflict_is_logged_in_words(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.arguments = {"--log-level=debug"}});
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	run(client, .extra = ID, .container = "other", .hooks = {MARKING});
	check_error(client, "io.hookd.hooks.RequestIdConflict");
	harness_await_log(harness, "Run: another request had the requestId start-box-1\n");
	client_call(client, "{'method':'io.hookd.hooks.Wait','parameters':{'run':'none'}}");
	harness_await_log(harness, "Wait: no such run: none\n");
}

static void retry_after_the_client_was_cut_off(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	client_close(client);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_release(go);
	client_receive(client);
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

static void many_ask_for_the_same(void **state)
{
	struct harness *harness = *state;
	struct client *clients[50];

	for (int i = 0; i < 50; i++) {
		clients[i] = client_open(harness);
		begin_run(clients[i], .extra = ID, .hooks = {MARKING});
	}
	for (int i = 0; i < 50; i++) {
		client_receive(clients[i]);
		check_success(clients[i]);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	assert_int_equal(status_number(harness, "stored"), 1);
}

static void wait_returns_the_result(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *waiter = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char call[256];

	begin_run(client, .flags = ",'more':true", .hooks = {WAITING});
	client_receive(client);
	snprintf(call, sizeof(call), "{'method':'io.hookd.hooks.Wait','parameters':{'run':'%s'}}",
		 reply_string(client, "run"));
	client_send(waiter, call);
	fifo_await(started);
	assert_false(client_has_input(waiter));
	fifo_release(go);
	client_receive(waiter);
	check_success(waiter);
	client_call(waiter, call);
	check_success(waiter);
}

/* Wait's reply is (result: RunResult): other implementations refuse members not declared. */
static void wait_replies_with_the_result_only(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *waiter = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char call[256];

	begin_run(client, .flags = ",'more':true", .hooks = {WAITING});
	client_receive(client);
	snprintf(call, sizeof(call),
		 "{'method':'io.hookd.hooks.Wait','more':true,'parameters':{'run':'%s'}}",
		 reply_string(client, "run"));
	fifo_await(started);
	client_send(waiter, call);
	client_expect_alive(client_open(harness));
	fifo_release(go);
	client_receive(waiter);
	check_absent(waiter, "event");
	check_success(waiter);
}

static void unknown_run(void **state)
{
	struct client *client = client_open(*state);

	client_call(client, "{'method':'io.hookd.hooks.Wait','parameters':{'run':'none'}}");
	check_error(client, "io.hookd.hooks.NoSuchRun");
	check_string(client, "run", "none");
	client_call(client, "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'none'}}");
	check_error(client, "io.hookd.hooks.NoSuchRun");
	client_call(client, "{'method':'io.hookd.status.Get','parameters':{'run':'none'}}");
	check_error(client, "io.hookd.status.NoSuchRun");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(same_request_attaches),
	    TEST(same_request_returns_the_stored_result),
	    TEST(failed_run_is_not_tried_again),
	    TEST(other_request_conflicts),
	    TEST_PREPARED(a_conflict_is_logged_in_words),
	    TEST(retry_after_the_client_was_cut_off),
	    TEST(many_ask_for_the_same),
	    TEST(wait_returns_the_result),
	    TEST(wait_replies_with_the_result_only),
	    TEST(unknown_run),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
