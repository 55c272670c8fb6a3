/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Run with `more` that attaches to a run that is there: it is told of what has happened, with the
 * output that is kept, and of each byte once; also after hookd was killed, while a runner runs the
 * hooks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define MORE ",'more':true"
#define ID   ",'requestId':'a'"
/* What is kept of each stream, as the protocol promises. */
#define KEPT 32768

static void expect_event(struct client *client, const char *event, int index)
{
	client_receive(client);
	check_string(client, "event", event);
	if (index >= 0)
		check_int(client, "index", index);
}

static void expect_output(struct client *client, int index, const char *stream, int offset,
			  const char *data)
{
	expect_event(client, "output", index);
	check_string(client, "stream", stream);
	check_int(client, "offset", offset);
	check_string(client, "data", data);
}

static void expect_last(struct client *client, const char *outcome)
{
	client_receive(client);
	assert_false(client->reply.continues);
	check_outcome(client, outcome);
}

static const char *const hooks[] = {
    HOOK("'say','one','complain','two'"),
    HOOK("'mark','@DIR@/log','x','say','early','tell','@DIR@/started','await','@DIR@/go','say',"
	 "'late'"),
};
#define BOTH .extra = ID, .flags = MORE, .hooks = {hooks[0], hooks[1]}

static void expect_past(struct client *client)
{
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	expect_output(client, 0, "stdout", 0, "one");
	expect_output(client, 0, "stderr", 0, "two");
	expect_event(client, "finished", 0);
	expect_event(client, "started", 1);
	expect_output(client, 1, "stdout", 0, "early");
}

static void expect_rest(struct client *client)
{
	expect_output(client, 1, "stdout", 5, "late");
	expect_event(client, "finished", 1);
	check_string(client, "hook.stdout", "earlylate");
	expect_last(client, "succeeded");
}

/* The first one, which has had all of it, gets nothing again when the second one attaches. */
static void late_listener_is_told_of_the_past(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, BOTH);
	fifo_await(started);
	for (int i = 0; i < 7; i++)
		client_receive(first);
	begin_run(second, BOTH);
	expect_past(second);
	client_expect_alive(client_open(harness));
	assert_false(client_has_input(first));
	fifo_release(go);
	expect_rest(first);
	expect_rest(second);
	/* And one that comes when it is over. */
	begin_run(first, BOTH);
	for (int i = 0; i < 6; i++)
		client_receive(first);
	expect_output(first, 1, "stdout", 0, "earlylate");
	expect_event(first, "finished", 1);
	expect_last(first, "succeeded");
}

/* One that listens begins to where nobody has before. */
static void first_listener_comes_late(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, .extra = ID, .hooks = {hooks[0], hooks[1]});
	fifo_await(started);
	begin_run(second, BOTH);
	expect_past(second);
	fifo_release(go);
	expect_rest(second);
	client_receive(first);
	check_success(first);
}

/* The output events of one hook; *at is where the first part ends, *missing how much lacks then. */
static void expect_gap(struct client *client, int64_t total)
{
	int64_t at = 0, missing = 0;

	for (;;) {
		client_receive(client);
		if (strcmp(reply_string(client, "event"), "output") != 0)
			break;
		if (reply_int(client, "offset") != at) {
			assert_int_equal(missing, 0);
			assert_int_equal(at, KEPT);
			missing = reply_int(client, "offset") - at;
			at += missing;
		}
		at += (int64_t)strlen(reply_string(client, "data"));
	}
	check_string(client, "event", "finished");
	assert_int_equal(at, total);
	assert_int_equal(missing, total - 2 * KEPT);
}

static void offsets_tell_what_is_missing(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	const char *hook = HOOK("'spam','160000','tell','@DIR@/started','await','@DIR@/go'");

	begin_run(first, .extra = ID, .hooks = {hook});
	fifo_await(started);
	for (int i = 0; i < 2; i++) {
		begin_run(second, .extra = ID, .flags = MORE, .hooks = {hook});
		expect_event(second, "accepted", -1);
		expect_event(second, "started", 0);
		if (i == 0)
			fifo_release(go);
		expect_gap(second, 160000);
		expect_last(second, "succeeded");
	}
	client_receive(first);
	check_success(first);
}

/* ---- a killed hookd ---- */

static void start_with_runner(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.config = "[Hooks]\nRunners=1\n", .arguments = {argument}});
}

/* With a hook, whose descriptors are not those of a hookd that has nothing to do. */
static void restart(struct harness *harness)
{
	int fds = harness->fds_at_start;

	harness_crash(harness);
	start_with_runner(harness);
	harness->fds_at_start = fds;
}

static void run_goes_on_and_is_told_again(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client, *other;

	start_with_runner(harness);
	client = client_open(harness);
	begin_run(client, BOTH);
	fifo_await(started);
	restart(harness);
	client = client_open(harness);
	begin_run(client, BOTH);
	expect_past(client);
	other = client_open(harness);
	begin_run(other, BOTH);
	expect_past(other);
	fifo_release(go);
	expect_rest(client);
	expect_rest(other);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* The hook waits for a listener that does not read. */
static bool is_quiet(const struct harness *harness)
{
	int64_t cpu_ms = probe_cpu_ms(harness->runner);

	nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
	return probe_state(harness->runner) == 'S' && probe_cpu_ms(harness->runner) == cpu_ms;
}

/* hookd has told the runner to read no more output, and ends before it could take that back. */
static void hook_does_not_wait_for_a_client_of_the_past(void **state)
{
	struct harness *harness = *state;
	const char *hook = HOOK("'spam','48000000','mark','@DIR@/log','x'");
	struct client *client;

	start_with_runner(harness);
	client = client_open(harness);
	begin_run(client, .extra = ID, .flags = MORE, .hooks = {hook});
	expect_event(client, "accepted", -1);
	expect_event(client, "started", 0);
	await_true(is_quiet(harness), "the hook waits for its listener");
	harness_freeze(harness);
	harness_crash(harness);
	await_true(harness_count_lines(harness, "log") == 1, "the hook ends");
	start_with_runner(harness);
	client = client_open(harness);
	run(client, .extra = ID, .flags = "", .hooks = {hook});
	check_outcome(client, "succeeded");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(late_listener_is_told_of_the_past),
	    TEST(first_listener_comes_late),
	    TEST(offsets_tell_what_is_missing),
	    TEST_PREPARED(run_goes_on_and_is_told_again),
	    TEST_PREPARED(hook_does_not_wait_for_a_client_of_the_past),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
