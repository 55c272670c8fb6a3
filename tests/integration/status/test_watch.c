/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.status.Watch: which events come, in which order, and what a slow reader gets. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define WAITING "'tell','@DIR@/started','await','@DIR@/go'"

/* Opens a connection and calls Watch with these members. */
static struct client *watch(struct harness *harness, const char *parameters)
{
	struct client *client = client_open(harness);
	char text[256];

	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.status.Watch','more':true,'parameters':{%s}}", parameters);
	client_send(client, text);
	return client;
}

/* Another call on its own connection is answered after it: so hookd knows the watcher. */
static void await_watchers(struct harness *harness)
{
	(void)status_number(harness, "pid");
}

static void expect_event(struct client *client, const char *event, const char *container)
{
	client_receive(client);
	check_error(client, "");
	check_string(client, "event", event);
	if (container)
		check_string(client, "run.container", container);
	assert_true(client->reply.continues);
	assert_true(reply_int(client, "timeUSec") > 0);
}

static void expect_run(struct client *client, const char *container)
{
	expect_event(client, "submitted", container);
	expect_event(client, "started", container);
	expect_event(client, "finished", container);
	expect_event(client, "done", container);
}

static void events_in_order(void **state)
{
	struct client *watcher = watch(*state, ""), *client = client_open(*state);
	int64_t at_us[2];

	await_watchers(*state);
	run(client, .container = "web", .hooks = {HOOK("'say','one'"), HOOK("'exit','3'")});
	expect_event(watcher, "submitted", "web");
	at_us[0] = reply_int(watcher, "timeUSec");
	check_int(watcher, "run.submittedUSec", at_us[0]);
	expect_event(watcher, "started", "web");
	check_int(watcher, "detail.index", 0);
	assert_true(reply_int(watcher, "detail.pid") > 0);
	expect_event(watcher, "finished", "web");
	check_string(watcher, "detail.hook.outcome", "exited");
	check_int(watcher, "detail.hook.stdoutBytes", 3);
	check_absent(watcher, "detail.hook.stdout");
	expect_event(watcher, "started", "web");
	check_int(watcher, "detail.index", 1);
	expect_event(watcher, "finished", "web");
	check_int(watcher, "detail.hook.exitStatus", 3);
	expect_event(watcher, "done", "web");
	at_us[1] = reply_int(watcher, "timeUSec");
	assert_true(at_us[1] >= at_us[0]);
	check_string(watcher, "run.outcome", "failed");
	check_string(watcher, "run.hookOutcome", "exited");
	check_absent(watcher, "detail");
	assert_false(client_has_input(watcher));
}

static void filters_choose_events(void **state)
{
	struct harness *harness = *state;
	struct client *of_container = watch(harness, "'container':'b'");
	struct client *of_stage = watch(harness, "'stage':'poststop'");
	struct client *of_failures = watch(harness, "'failed':true");
	struct client *client = client_open(harness);

	await_watchers(harness);
	run(client, .container = "a", .hooks = {HOOK("'exit','0'")});
	run(client, .container = "b", .hooks = {HOOK("'exit','0'")}, .stage = "poststop");
	run(client, .container = "c", .hooks = {HOOK("'exit','0'"), HOOK("'exit','1'")});
	run(client, .container = "b", .hooks = {HOOK("'exit','0'")});
	expect_run(of_container, "b");
	expect_run(of_container, "b");
	expect_run(of_stage, "b");
	expect_event(of_failures, "finished", "c");
	check_int(of_failures, "detail.index", 1);
	expect_event(of_failures, "done", "c");
	assert_false(client_has_input(of_container));
	assert_false(client_has_input(of_stage));
	assert_false(client_has_input(of_failures));
}

static void newest(struct client *client, char id[static 64])
{
	client_call(client, "{'method':'io.hookd.status.List','parameters':{'limit':1}}");
	snprintf(id, 64, "%s", reply_string(client, "runs[0].run"));
}

static void watch_of_a_run_ends_with_it(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *other = client_open(harness), *watcher;
	char id[64], parameters[128];

	begin_run(client, .hooks = {HOOK(WAITING)});
	fifo_await(started);
	newest(other, id);
	snprintf(parameters, sizeof(parameters), "'run':'%s'", id);
	watcher = watch(harness, parameters);
	await_watchers(harness);
	run(other, .container = "other", .hooks = {HOOK("'exit','0'")});
	fifo_release(go);
	client_receive(client);
	check_success(client);
	client_receive(watcher);
	/* hookd learns of the start some milliseconds later. */
	if (strcmp(reply_string(watcher, "event"), "started") == 0)
		client_receive(watcher);
	check_string(watcher, "event", "finished");
	client_receive(watcher);
	check_string(watcher, "event", "done");
	check_string(watcher, "run.run", id);
	assert_false(watcher->reply.continues);
	client_expect_alive(watcher);
	/* And of one that is done already. */
	client_close(watcher);
	watcher = watch(harness, parameters);
	client_receive(watcher);
	check_string(watcher, "event", "done");
	assert_false(watcher->reply.continues);
	client_expect_alive(watcher);
}

/* What is kept comes first, and no byte twice or never. */
static void output_from_its_beginning(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *early, *late;

	early = watch(harness, "'container':'box','output':true");
	await_watchers(harness);
	begin_run(client, .hooks = {HOOK("'say','one'," WAITING ",'say','two'")});
	fifo_await(started);
	late = watch(harness, "'container':'box','output':true");
	expect_event(late, "output", "box");
	check_string(late, "detail.data", "one");
	check_int(late, "detail.offset", 0);
	check_string(late, "detail.stream", "stdout");
	fifo_release(go);
	expect_event(late, "output", "box");
	check_string(late, "detail.data", "two");
	check_int(late, "detail.offset", 3);
	expect_event(late, "finished", "box");
	expect_event(late, "done", "box");
	expect_event(early, "submitted", "box");
	expect_event(early, "started", "box");
	expect_event(early, "output", "box");
	check_string(early, "detail.data", "one");
	expect_event(early, "output", "box");
	check_string(early, "detail.data", "two");
	expect_event(early, "finished", "box");
	expect_event(early, "done", "box");
	client_receive(client);
	check_string(client, "result.hooks[0].stdout", "onetwo");
}

static void events_since_then(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *watcher;
	char parameters[64];
	int64_t second_us;

	run(client, .container = "a", .hooks = {HOOK("'say','one'")});
	run(client, .container = "b", .hooks = {HOOK("'say','two'")});
	client_call(client, "{'method':'io.hookd.status.List'}");
	second_us = reply_int(client, "runs[0].submittedUSec");
	watcher = watch(harness, "'sinceUSec':0");
	expect_run(watcher, "a");
	expect_run(watcher, "b");
	run(client, .container = "c", .hooks = {HOOK("'say','three'")});
	expect_run(watcher, "c");
	assert_false(client_has_input(watcher));
	snprintf(parameters, sizeof(parameters), "'sinceUSec':%jd", (intmax_t)second_us);
	watcher = watch(harness, parameters);
	expect_run(watcher, "b");
	expect_run(watcher, "c");
	watcher = watch(harness, "'sinceUSec':0,'container':'b','output':true");
	expect_event(watcher, "submitted", "b");
	expect_event(watcher, "started", "b");
	expect_event(watcher, "output", "b");
	check_string(watcher, "detail.data", "two");
	expect_event(watcher, "finished", "b");
	expect_event(watcher, "done", "b");
}

/* A client that was connected to the hookd before asks the next one for what it has missed. */
static void over_a_restart(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *watcher;
	int fds;

	if (!harness_has_runners())
		skip("needs runners");
	run(client, .container = "a", .hooks = {HOOK("'say','one'")});
	begin_run(client, .flags = ",'oneway':true", .container = "b", .hooks = {HOOK(WAITING)});
	fifo_await(started);
	fds = harness->fds_at_start; /* without a hook that runs */
	harness_crash(harness);
	client_close_all(harness);
	harness_start(harness, &(struct start){0});
	harness->fds_at_start = fds;
	watcher = watch(harness, "'sinceUSec':0");
	expect_run(watcher, "a");
	expect_event(watcher, "submitted", "b");
	expect_event(watcher, "started", "b");
	fifo_release(go);
	expect_event(watcher, "finished", "b");
	expect_event(watcher, "done", "b");
	check_string(watcher, "run.outcome", "succeeded");
	assert_false(client_has_input(watcher));
}

/* Reads events until `container` is done. Returns how many were dropped. */
static int64_t read_until_done(struct client *watcher, const char *container, int *ret_events)
{
	int64_t dropped = 0;

	for (*ret_events = 0;; ++*ret_events) {
		client_receive(watcher);
		if (strcmp(reply_string(watcher, "event"), "dropped") == 0) {
			check_absent(watcher, "run");
			dropped += reply_int(watcher, "detail.dropped");
			--*ret_events;
		} else if (strcmp(reply_string(watcher, "event"), "done") == 0 &&
			   strcmp(reply_string(watcher, "run.container"), container) == 0) {
			++*ret_events;
			return dropped;
		}
	}
}

/* ---- untilUSec ---- */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

static struct client *watch_until(struct harness *harness, const char *others, int64_t until_us)
{
	char text[192];

	snprintf(text, sizeof(text), "'untilUSec':%" PRId64 "%s", until_us, others);
	return watch(harness, text);
}

static void expect_end(struct client *watcher, int64_t until_us)
{
	client_receive(watcher);
	check_error(watcher, "");
	check_string(watcher, "event", "end");
	check_int(watcher, "timeUSec", until_us);
	check_absent(watcher, "run");
	assert_false(watcher->reply.continues);
	client_expect_alive(watcher);
}

/* Some time, which no event has, has passed. */
static int64_t pause_us(void)
{
	int64_t begin_us = now_us();

	while (now_us() < begin_us + 1000)
		;
	return begin_us + 500;
}

static void an_end_in_the_past(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *other = client_open(harness), *watcher;
	int64_t first_us, last_us;
	char id[64], of_run[128];

	run(client, .container = "a", .hooks = {HOOK("'exit','0'")});
	first_us = pause_us();
	begin_run(client, .container = "b", .hooks = {HOOK(WAITING), HOOK("'exit','1'")});
	fifo_await(started);
	newest(other, id);
	(void)pause_us();
	last_us = now_us();
	(void)pause_us();
	fifo_release(go);
	client_receive(client);
	watcher = watch_until(harness, ",'sinceUSec':0", first_us);
	expect_run(watcher, "a");
	expect_end(watcher, first_us);
	/* Of a run that was running then, what had happened. */
	watcher = watch_until(harness, ",'sinceUSec':0", last_us);
	expect_run(watcher, "a");
	expect_event(watcher, "submitted", "b");
	expect_event(watcher, "started", "b");
	expect_end(watcher, last_us);
	/* Of one run alone, with its end after that time and before it. */
	snprintf(of_run, sizeof(of_run), ",'run':'%s'", id);
	watcher = watch_until(harness, of_run, last_us);
	expect_end(watcher, last_us);
	last_us = now_us();
	watcher = watch_until(harness, of_run, last_us);
	client_receive(watcher);
	check_string(watcher, "event", "done");
	assert_false(watcher->reply.continues);
	/* Without sinceUSec there is nothing in the past. */
	expect_end(watch_until(harness, "", last_us), last_us);
	expect_end(watch_until(harness, ",'container':'b','output':true", 0), 0);
}

static void an_end_in_the_future(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	int64_t until_us = now_us() + 300000;
	struct client *watcher = watch_until(harness, ",'container':'box','output':true", until_us);
	struct client *of_others = watch_until(harness, ",'container':'other'", until_us);
	struct client *client = client_open(harness), *later;

	await_watchers(harness);
	begin_run(client, .hooks = {HOOK(WAITING)});
	fifo_await(started);
	expect_event(watcher, "submitted", "box");
	client_receive(watcher);
	/* hookd learns of the start some milliseconds later; on a busy machine after the end. */
	if (watcher->reply.continues) {
		check_string(watcher, "event", "started");
		expect_end(watcher, until_us);
	}
	assert_true(now_us() > until_us);
	expect_end(of_others, until_us);
	/* The run is still there. */
	later = watch_until(harness, ",'container':'box'", now_us() + 3600000000ll);
	await_watchers(harness);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	do
		client_receive(later);
	while (strcmp(reply_string(later, "event"), "done") != 0);
	assert_true(later->reply.continues);
	assert_false(client_has_input(watcher));
}

/* Nobody waits for a client that does not read; it learns how much it has missed. */
static void slow_reader_gets_a_count(void **state)
{
	struct harness *harness = *state;
	struct client *slow = watch(harness, ""), *fast = watch(harness, "");
	struct client *client = client_open(harness);
	int64_t before, dropped;
	int events;

	await_watchers(harness);
	before = probe_rss_bytes(harness->pid);
	for (int i = 0; i < 1500; i++) {
		run(client, .container = "many", .hooks = {HOOK("'exit','0'")});
		for (int k = 0; k < 4; k++)
			client_receive(fast);
	}
	assert_true(probe_rss_bytes(harness->pid) - before < 64 * 1024 * 1024);
	for (events = 0; client_has_input(slow) && events < 100; events++)
		client_receive(slow);
	run(client, .container = "last", .hooks = {HOOK("'exit','0'")});
	dropped = 0;
	while (dropped == 0) {
		client_receive(slow);
		if (strcmp(reply_string(slow, "event"), "dropped") == 0)
			dropped = reply_int(slow, "detail.dropped");
		else
			events++;
	}
	assert_int_equal(events + dropped, 4 * 1501);
	run(client, .container = "end", .hooks = {HOOK("'exit','0'")});
	assert_int_equal(read_until_done(slow, "end", &events), 0);
	assert_int_equal(events, 4);
}

/* What is stored waits for a slow reader, and is not dropped. */
static void stored_events_wait_for_the_reader(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *watcher;
	int events;

	for (int i = 0; i < 1000; i++)
		run(client, .container = "many", .hooks = {HOOK("'exit','0'")});
	watcher = watch(harness, "'sinceUSec':0");
	await_watchers(harness);
	run(client, .container = "last", .hooks = {HOOK("'exit','0'")});
	assert_int_equal(read_until_done(watcher, "last", &events), 0);
	assert_int_equal(events, 4 * 1001);
}

/* A hook that writes without end is not held up by a watcher that does not read. */
static void output_for_a_slow_reader(void **state)
{
	struct harness *harness = *state;
	struct client *watcher = watch(harness, "'container':'box','output':true");
	struct client *client = client_open(harness);
	int events;

	await_watchers(harness);
	run(client, .hooks = {HOOK("'spam','20000000'")});
	check_success(client);
	check_int(client, "result.hooks[0].stdoutBytes", 20000000);
	do
		client_receive(watcher);
	while (strcmp(reply_string(watcher, "event"), "dropped") != 0);
	assert_true(reply_int(watcher, "detail.dropped") > 0);
	run(client, .hooks = {HOOK("'say','x'")});
	assert_int_equal(read_until_done(watcher, "box", &events), 0);
	assert_int_equal(events, 5);
}

/* A watcher is no caller: the run is cancelled with the client that asked for it. */
static void a_watcher_keeps_no_run_alive(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	struct client *watcher = watch(harness, "'container':'box','output':true");
	struct client *client = client_open(harness);

	(void)fifo_open(harness, "go");
	await_watchers(harness);
	begin_run(client, .extra = ",'onDisconnect':'cancel'", .hooks = {HOOK(WAITING)});
	fifo_await(started);
	client_close(client);
	do
		client_receive(watcher);
	while (strcmp(reply_string(watcher, "event"), "done") != 0);
	check_string(watcher, "run.outcome", "cancelled");
}

static void watchers_that_go(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *watchers[20];

	for (size_t i = 0; i < 20; i++)
		watchers[i] = watch(harness, "'container':'box','output':true,'sinceUSec':0");
	await_watchers(harness);
	begin_run(client, .hooks = {HOOK("'say','one'," WAITING ",'say','two'")});
	fifo_await(started);
	for (size_t i = 0; i < 20; i += 2)
		client_close(watchers[i]);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	for (size_t i = 1; i < 20; i += 2) {
		expect_event(watchers[i], "submitted", "box");
		expect_event(watchers[i], "started", "box");
		expect_event(watchers[i], "output", "box");
	}
}

static void wrong_calls(void **state)
{
	static const struct {
		const char *parameters, *name;
	} rows[] = {
	    {"'output':true", "output"},      {"'output':true,'stage':'poststop'", "output"},
	    {"'stage':'x'", "stage"},	      {"'state':'done'", "state"},
	    {"'sinceUSec':'x'", "sinceUSec"}, {"'untilUSec':-1", "untilUSec"},
	};
	struct client *client = client_open(*state);

	client_call(client, "{'method':'io.hookd.status.Watch'}");
	check_error(client, "org.varlink.service.ExpectedMore");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		client = watch(*state, rows[i].parameters);
		client_receive(client);
		check_error(client, "org.varlink.service.InvalidParameter");
		check_string(client, "parameter", rows[i].name);
		client_expect_alive(client);
	}
	client = watch(*state, "'run':'nobody'");
	client_receive(client);
	check_error(client, "io.hookd.status.NoSuchRun");
	client_expect_alive(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(events_in_order),
	    TEST(filters_choose_events),
	    TEST(watch_of_a_run_ends_with_it),
	    TEST(output_from_its_beginning),
	    TEST(events_since_then),
	    TEST(over_a_restart),
	    TEST(an_end_in_the_past),
	    TEST(an_end_in_the_future),
	    TEST(slow_reader_gets_a_count),
	    TEST(stored_events_wait_for_the_reader),
	    TEST(output_for_a_slow_reader),
	    TEST(a_watcher_keeps_no_run_alive),
	    TEST(watchers_that_go),
	    TEST(wrong_calls),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
