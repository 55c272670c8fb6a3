/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose client disconnects goes on, unless the client has requested a cancel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define CANCEL	",'onDisconnect':'cancel'"
#define MORE	",'more':true"
#define WAITING HOOK("'tell','@DIR@/started','await','@DIR@/go','mark','@DIR@/log','x'")

/* The state of the newest run. */
static void expect_outcome(struct harness *harness, const char *outcome)
{
	struct client *client = client_open(harness);

	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].outcome", outcome);
	client_close(client);
}

static void await_idle(struct harness *harness)
{
	await_true(status_number(harness, "running") + status_number(harness, "queued") == 0,
		   "hookd is idle");
}

/* Fault 12. */
static void client_gone_while_running_continues(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(client, .flags = MORE, .hooks = {WAITING});
	fifo_await(started);
	client_close(client);
	await_true(status_number(harness, "connections") == 1, "hookd has seen it go");
	assert_int_equal(status_number(harness, "running"), 1);
	fifo_release(go);
	await_idle(harness);
	expect_outcome(harness, "succeeded");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Fault 12. */
static void client_gone_while_running_cancels(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	begin_run(client, .extra = CANCEL,
		  .hooks = {HOOK("'foreground','crowd','3','tell','@DIR@/started','await',"
				 "'@DIR@/go','mark','@DIR@/log','x'"),
			    HOOK("'mark','@DIR@/log','y'")});
	fifo_await(started);
	client_close(client);
	await_idle(harness);
	expect_outcome(harness, "cancelled");
	await_true(probe_count_processes(harness->directory) == 0, "the tree is dead");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* It has sent more calls, so hookd does not read the connection; it must see the hangup anyway. */
static void client_gone_with_more_calls_sent_cancels(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	begin_run(client, .extra = CANCEL, .hooks = {WAITING});
	client_send(client, "{'method':'io.hookd.control.Ping'}");
	fifo_await(started);
	client_close(client);
	await_idle(harness);
	expect_outcome(harness, "cancelled");
}

/* It shuts down its sending side first, like `nc -N`, then disconnects. */
static void half_closed_client_gone_cancels(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	begin_run(client, .extra = CANCEL, .hooks = {WAITING});
	shutdown(client->fd, SHUT_WR);
	fifo_await(started);
	client_expect_alive(client_open(harness));
	client_close(client);
	await_idle(harness);
	expect_outcome(harness, "cancelled");
}

static void client_gone_while_queued_cancels(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = CANCEL, .hooks = {HOOK("'mark','@DIR@/second','x'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	client_close(second);
	await_true(status_number(harness, "queued") == 0, "it has left the line");
	expect_outcome(harness, "cancelled");
	fifo_release(go);
	client_receive(first);
	check_success(first);
	assert_int_equal(harness_count_lines(harness, "second"), 0);
}

/*
 * It sends and disconnects before hookd has read, so hookd sees both at once: no hook is started.
 */
static void send_and_go(struct harness *harness, bool is_known, bool shuts_first, const char *flags)
{
	struct client *client;

	if (is_known) {
		client = client_open(harness);
		client_expect_alive(client);
		harness_freeze(harness);
	} else {
		harness_freeze(harness);
		client = client_open(harness);
	}
	begin_run(client, .extra = CANCEL, .flags = flags,
		  .hooks = {HOOK("'mark','@DIR@/log','x'")});
	if (shuts_first)
		shutdown(client->fd, SHUT_WR);
	client_close(client);
	harness_thaw(harness);
	await_true(status_number(harness, "connections") == 1, "hookd has seen it go");
	await_idle(harness);
	expect_outcome(harness, "cancelled");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

static void client_gone_before_its_call_is_read(void **state)
{
	for (int i = 0; i < 8; i++)
		send_and_go(*state, i & 1, i & 2, i & 4 ? MORE : NULL);
	assert_int_equal(status_number(*state, "stored"), 8);
}

/* An earlier call is answered while the client disconnects. */
static void client_gone_before_its_second_call_is_read(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_expect_alive(client);
	harness_freeze(harness);
	client_send(client, "{'method':'io.hookd.control.Ping','oneway':true}");
	begin_run(client, .extra = CANCEL, .hooks = {HOOK("'mark','@DIR@/log','x'")});
	client_close(client);
	harness_thaw(harness);
	await_true(status_number(harness, "connections") == 1, "hookd has seen it go");
	await_idle(harness);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	expect_outcome(harness, "cancelled");
}

/* It shuts down its sending side and waits for the reply. */
static void half_closed_client_is_answered(void **state)
{
	struct harness *harness = *state;
	const char *const flags[] = {NULL, MORE};

	for (size_t i = 0; i < 2; i++) {
		struct client *client = client_open(harness);

		client_expect_alive(client);
		harness_freeze(harness);
		begin_run(client, .extra = CANCEL, .flags = flags[i],
			  .hooks = {HOOK("'exit','0'")});
		shutdown(client->fd, SHUT_WR);
		harness_thaw(harness);
		client_receive(client);
		while (client->reply.continues)
			client_receive(client);
		check_success(client);
		client_expect_end(client);
	}
}

static void client_gone_before_its_call_is_read_continues(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int done = fifo_open(harness, "done");

	client_expect_alive(client);
	harness_freeze(harness);
	begin_run(client, .flags = MORE, .hooks = {HOOK("'tell','@DIR@/done'")});
	client_close(client);
	harness_thaw(harness);
	fifo_await(done);
	await_idle(harness);
	expect_outcome(harness, "succeeded");
	assert_int_equal(status_number(harness, "stored"), 1);
}

/*
 * The hook exits, then the client disconnects, and hookd sees both at once: it notices the client
 * when it sends the event of the hook.
 */
static void end_hook_and_go(struct harness *harness, const struct run_text *text)
{
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	client_send_run(client, text);
	fifo_await(started);
	harness_freeze(harness);
	fifo_release(go);
	await_true(probe_count_processes(harness->directory) == 0, "the hook ends");
	client_close(client);
	harness_thaw(harness);
	await_true(status_number(harness, "connections") == 1, "hookd has seen it go");
	await_idle(harness);
}

static void client_gone_while_the_result_is_sent(void **state)
{
	end_hook_and_go(*state, &(struct run_text){.hooks = {WAITING}});
	expect_outcome(*state, "succeeded");
	assert_int_equal(status_number(*state, "stored"), 1);
}

static void client_gone_while_events_are_sent(void **state)
{
	end_hook_and_go(*state, &(struct run_text){.flags = MORE, .hooks = {WAITING}});
	expect_outcome(*state, "succeeded");
	assert_int_equal(status_number(*state, "stored"), 1);
}

static void client_gone_as_the_hook_ends_cancels(void **state)
{
	struct harness *harness = *state;

	if (harness_has_runners())
		skip("needs Runners=0: a runner starts the next hook before hookd is thawed");
	end_hook_and_go(harness, &(struct run_text){
				     .extra = CANCEL,
				     .flags = MORE,
				     .hooks = {WAITING, HOOK("'mark','@DIR@/second','x'")},
				 });
	expect_outcome(harness, "cancelled");
	assert_int_equal(harness_count_lines(harness, "second"), 0);
	assert_int_equal(status_number(harness, "stored"), 1);
}

/* One of two clients of a run disconnects: the run goes on for the other. */
static void one_of_two_clients_gone(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, .extra = ",'requestId':'a'", .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ",'requestId':'a'", .hooks = {WAITING});
	client_expect_alive(client_open(harness));
	client_close(first);
	await_true(status_number(harness, "connections") == 3, "hookd has seen it go");
	fifo_release(go);
	client_receive(second);
	check_success(second);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Both have requested a cancel: the run is cancelled with the last one. */
static void the_last_of_two_cancels(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	begin_run(first, .extra = ",'requestId':'a'" CANCEL, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ",'requestId':'a'" CANCEL, .hooks = {WAITING});
	client_expect_alive(client_open(harness));
	client_close(first);
	await_true(status_number(harness, "connections") == 3, "hookd has seen it go");
	assert_int_equal(status_number(harness, "running"), 1);
	client_close(second);
	await_idle(harness);
	expect_outcome(harness, "cancelled");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* A client that waits for the result keeps the run going while it is connected. */
static void one_who_cancels_leaves_it_to_another(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char wait[128];

	begin_run(first, .extra = CANCEL, .flags = MORE, .hooks = {WAITING});
	fifo_await(started);
	client_receive(first);
	snprintf(wait, sizeof(wait), "{'method':'io.hookd.hooks.Wait','parameters':{'run':'%s'}}",
		 reply_string(first, "run"));
	client_send(second, wait);
	client_expect_alive(client_open(harness));
	client_close(first);
	await_true(status_number(harness, "connections") == 3, "hookd has seen it go");
	fifo_release(go);
	client_receive(second);
	check_success(second);
}

/* If it disconnects first, the run is cancelled with the other client. */
static void one_who_cancels_is_the_last(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started");
	char wait[128];

	fifo_open(harness, "go");
	begin_run(first, .extra = CANCEL, .flags = MORE, .hooks = {WAITING});
	fifo_await(started);
	client_receive(first);
	snprintf(wait, sizeof(wait), "{'method':'io.hookd.hooks.Wait','parameters':{'run':'%s'}}",
		 reply_string(first, "run"));
	client_send(second, wait);
	client_expect_alive(client_open(harness));
	client_close(second);
	await_true(status_number(harness, "connections") == 3, "hookd has seen it go");
	assert_int_equal(status_number(harness, "running"), 1);
	client_close(first);
	await_idle(harness);
	expect_outcome(harness, "cancelled");
}

/* Waiters get an error with a reason. */
static void a_queued_run_is_cancelled_with_a_reason(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness), *third;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char cancel[128];

	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .flags = MORE, .hooks = {HOOK("'exit','0'"), HOOK("'exit','0'")});
	client_receive(second);
	snprintf(cancel, sizeof(cancel),
		 "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 reply_string(second, "run"));
	third = client_open(harness);
	client_call(third, cancel);
	check_error(third, "");
	client_receive(second);
	check_outcome(second, "cancelled");
	check_string(second, "result.error",
		     "error running createRuntime hook #0: cancelled before it was started");
	check_string(second, "result.hooks[0].outcome", "cancelled");
	check_absent(second, "result.hooks[0].pid");
	check_string(second, "result.hooks[1].outcome", "skipped");
	fifo_release(go);
	client_receive(first);
	check_success(first);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(client_gone_while_running_continues),
	    TEST(client_gone_while_running_cancels),
	    TEST(client_gone_with_more_calls_sent_cancels),
	    TEST(half_closed_client_gone_cancels),
	    TEST(client_gone_while_queued_cancels),
	    TEST(client_gone_before_its_call_is_read),
	    TEST(client_gone_before_its_second_call_is_read),
	    TEST(half_closed_client_is_answered),
	    TEST(client_gone_before_its_call_is_read_continues),
	    TEST(client_gone_while_the_result_is_sent),
	    TEST(client_gone_while_events_are_sent),
	    TEST(client_gone_as_the_hook_ends_cancels),
	    TEST(one_of_two_clients_gone),
	    TEST(the_last_of_two_cancels),
	    TEST(one_who_cancels_leaves_it_to_another),
	    TEST(one_who_cancels_is_the_last),
	    TEST(a_queued_run_is_cancelled_with_a_reason),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
