/* SPDX-License-Identifier: Apache-2.0 */
/* A Run with `more`: one reply per event, in order, and the result in the last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define MORE ",'more':true"

/* Checks that the next reply is this event of this hook, and is not the last reply. */
static void expect_event(struct client *client, const char *event, int index)
{
	client_receive(client);
	check_string(client, "event", event);
	if (index >= 0)
		check_int(client, "index", index);
	else
		check_absent(client, "index");
	check_absent(client, "result");
	assert_true(client->reply.continues);
}

static void expect_last(struct client *client, const char *outcome)
{
	client_receive(client);
	assert_false(client->reply.continues);
	check_absent(client, "event");
	check_outcome(client, outcome);
}

static void events_in_order(void **state)
{
	struct client *client = client_open(*state);
	char *id;

	begin_run(client, .flags = MORE, .hooks = {HOOK("'say','one'"), HOOK("'complain','two'")});
	expect_event(client, "accepted", -1);
	id = strdup(reply_string(client, "run"));
	expect_event(client, "started", 0);
	check_string(client, "run", id);
	expect_event(client, "output", 0);
	check_string(client, "stream", "stdout");
	check_string(client, "data", "one");
	expect_event(client, "finished", 0);
	check_string(client, "hook.outcome", "exited");
	check_string(client, "hook.stdout", "one");
	expect_event(client, "started", 1);
	expect_event(client, "output", 1);
	check_string(client, "stream", "stderr");
	check_string(client, "data", "two");
	expect_event(client, "finished", 1);
	check_string(client, "hook.stderr", "two");
	expect_last(client, "succeeded");
	check_string(client, "result.run", id);
	check_string(client, "result.hooks[1].stderr", "two");
	client_expect_alive(client);
	free(id);
}

/* Output is sent as events while the hook runs. */
static void output_comes_while_the_hook_runs(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int go = fifo_open(harness, "go");

	begin_run(client, .flags = MORE,
		  .hooks = {HOOK("'say','early','await','@DIR@/go','say','late'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	expect_event(client, "output", 0);
	check_string(client, "data", "early");
	fifo_release(go);
	expect_event(client, "output", 0);
	check_string(client, "data", "late");
	expect_event(client, "finished", 0);
	check_string(client, "hook.stdout", "earlylate");
	expect_last(client, "succeeded");
}

/* Checks the bytes of an event, which may begin and end anywhere in a line of the helper. */
static void expect_spam(const char *data, size_t *at)
{
	char line[32];

	while (*data) {
		size_t in_line = *at % 16, length = strnlen(data, 16 - in_line);

		snprintf(line, sizeof(line), "%015zu\n", *at - in_line);
		if (memcmp(data, line + in_line, length) != 0)
			fail_msg("something else stands at byte %zu", *at);
		data += length;
		*at += length;
	}
}

/* Events have all the output; the result only its beginning and its end. */
static void stream_is_complete(void **state)
{
	struct client *client = client_open(*state);
	size_t at = 0;

	begin_run(client, .flags = MORE, .hooks = {HOOK("'spam','3000000'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	for (;;) {
		client_receive(client);
		if (strcmp(reply_string(client, "event"), "output") != 0)
			break;
		expect_spam(reply_string(client, "data"), &at);
	}
	assert_int_equal(at, 3000000);
	check_string(client, "event", "finished");
	check_int(client, "hook.stdoutBytes", 3000000);
	expect_last(client, "succeeded");
}

/* Waits until hookd is idle: the hook is blocked, or has exited. */
static bool is_quiet(const struct harness *harness)
{
	int64_t cpu_ms = probe_cpu_ms(harness->pid);

	nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
	return probe_state(harness->pid) == 'S' && probe_cpu_ms(harness->pid) == cpu_ms;
}

/* More than hookd buffers for a client that does not read. Such clients were disconnected once. */
static void slow_listener_loses_nothing(void **state)
{
	const size_t bytes = 48000000;
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	size_t at = 0;
	int64_t before = probe_rss_bytes(harness->pid);

	begin_run(client, .flags = MORE, .hooks = {HOOK("'spam','48000000'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	await_true(is_quiet(harness), "the hook waits for its listener");
	assert_true(probe_rss_bytes(harness->pid) - before < 16 * 1024 * 1024);
	assert_int_equal(status_number(harness, "running"), 1);
	while (at < bytes) {
		expect_event(client, "output", 0);
		expect_spam(reply_string(client, "data"), &at);
	}
	expect_event(client, "finished", 0);
	check_int(client, "hook.stdoutBytes", 48000000);
	expect_last(client, "succeeded");
}

/* A client that has disconnected does not block the hook. */
static void lost_listener_holds_nothing(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	begin_run(client, .flags = MORE, .hooks = {HOOK("'spam','48000000'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	await_true(is_quiet(harness), "the hook waits for its listener");
	client_close(client);
	await_true(status_number(harness, "stored") == 1, "the run goes on without it");
}

static void bytes_that_are_no_text(void **state)
{
	struct client *client = client_open(*state);

	begin_run(client, .flags = MORE, .hooks = {HOOK("'bytes','ff'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	expect_event(client, "output", 0);
	check_absent(client, "data");
	check_string(client, "dataBase64", "/w==");
	expect_event(client, "finished", 0);
	expect_last(client, "succeeded");
}

static void failures_are_events_too(void **state)
{
	struct client *client = client_open(*state);

	begin_run(client, .flags = MORE, .stage = "poststop",
		  .hooks = {"{'path':'/nonexistent'}," HOOK("'exit','3'")});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	expect_event(client, "finished", 0);
	check_string(client, "hook.outcome", "spawn_failed");
	check_string(client, "hook.errnoName", "ENOENT");
	expect_event(client, "started", 1);
	expect_event(client, "finished", 1);
	check_int(client, "hook.exitStatus", 3);
	check_string(client, "hook.error", "exit status 3, stdout: , stderr: ");
	expect_last(client, "failed");
}

static void no_hooks_no_events(void **state)
{
	struct client *client = client_open(*state);

	begin_run(client, .flags = MORE);
	expect_event(client, "accepted", -1);
	expect_last(client, "succeeded");
}

static void second_listener(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	const char *hook = HOOK("'tell','@DIR@/started','await','@DIR@/go','say','x'");

	begin_run(first, .extra = ",'requestId':'a'", .hooks = {hook});
	fifo_await(started);
	begin_run(second, .extra = ",'requestId':'a'", .flags = MORE, .hooks = {hook});
	expect_event(second, "accepted", -1);
	expect_event(second, "started", 0);
	fifo_release(go);
	expect_event(second, "output", 0);
	check_string(second, "data", "x");
	expect_event(second, "finished", 0);
	expect_last(second, "succeeded");
	client_receive(first);
	check_success(first);
	/* So does one that attaches after the end. */
	begin_run(second, .extra = ",'requestId':'a'", .flags = MORE, .hooks = {hook});
	expect_event(second, "accepted", -1);
	expect_event(second, "started", 0);
	expect_event(second, "output", 0);
	check_string(second, "data", "x");
	expect_event(second, "finished", 0);
	expect_last(second, "succeeded");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(events_in_order),
	    TEST(output_comes_while_the_hook_runs),
	    TEST(stream_is_complete),
	    TEST(bytes_that_are_no_text),
	    TEST(failures_are_events_too),
	    TEST(no_hooks_no_events),
	    TEST(second_listener),
	    TEST(slow_listener_loses_nothing),
	    TEST(lost_listener_holds_nothing),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
