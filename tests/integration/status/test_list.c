/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.status.List: its filters, its pages, and what it says of a run. */
#include <stdio.h>
#include <string.h>

#include "proto/base/limits.h"
#include "tests/integration/harness/check.h"

#define FAILS	 HOOK("'exit','3'")
#define SUCCEEDS HOOK("'exit','0'")

/* Patterns have bounds. */
#define DIGITS_50  "01234567890123456789012345678901234567890123456789"
#define DIGITS_250 DIGITS_50 DIGITS_50 DIGITS_50 DIGITS_50 DIGITS_50

/* Calls List with these members. */
static void list(struct client *client, const char *parameters)
{
	char text[512];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.List','parameters':{%s}}",
		 parameters);
	client_call(client, text);
}

static void expect_containers(struct client *client, const char *parameters, const char *expected)
{
	char found[256] = "", path[32];

	list(client, parameters);
	check_error(client, "");
	for (uint32_t i = 0; i < hp_json_count(reply_value(client, "runs")); i++) {
		snprintf(path, sizeof(path), "runs[%u].container", i);
		strcat(strcat(found, i ? " " : ""), reply_string(client, path));
	}
	if (strcmp(found, expected) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", parameters, found, expected);
}

/* Four runs that are done, and one that runs until the end of the test. */
static void make_runs(struct harness *harness, struct client *client, struct client *up)
{
	int started = fifo_open(harness, "started");

	run(client, .container = "web-1", .hooks = {SUCCEEDS});
	run(client, .container = "web-2", .hooks = {SUCCEEDS, FAILS}, .stage = "poststart");
	run(client, .container = "db", .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	run(client, .container = "none", .hooks = {"{'path':'/no/such/net-add'}"});
	begin_run(up, .container = "up",
		  .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
}

static void filters_choose_runs(void **state)
{
	static const struct {
		const char *parameters, *containers;
	} rows[] = {
	    {"", "up none db web-2 web-1"},
	    {"'container':'web-1'", "web-1"},
	    {"'container':'web'", ""},
	    {"'containerPrefix':'web'", "web-2 web-1"},
	    {"'stage':'poststart'", "web-2"},
	    {"'state':'running'", "up"},
	    {"'state':'done'", "none db web-2 web-1"},
	    {"'state':'queued'", ""},
	    {"'outcome':'failed'", "none db web-2"},
	    {"'outcome':'succeeded'", "web-1"},
	    {"'outcome':'timed_out'", "db"},
	    {"'outcome':'spawn_failed'", "none"},
	    {"'outcome':'cancelled'", ""},
	    {"'failed':true", "none db web-2"},
	    {"'failed':false", "up none db web-2 web-1"},
	    {"'path':'net-*'", "none"},
	    {"'path':'/********'", ""},
	    {"'path':'/no/such/[n][e][t][-]add'", "none"},
	    {"'path':'/*/" DIGITS_250 "123'", ""},
	    {"'path':'/" DIGITS_250 "123456'", ""},
	    {"'path':'/n[aeo]/*/net-a*'", "none"},
	    {"'path':'/no/*'", ""},
	    {"'path':'[m-p]et-add'", "none"},
	    {"'path':'net'", ""},
	    {"'untilUSec':1000", ""},
	    {"'sinceUSec':1000,'limit':2", "up none"},
	    {"'limit':0", ""},
	    {"'containerPrefix':'web','outcome':'failed'", "web-2"},
	    {"'runPrefix':'x'", ""},
	};
	struct client *client = client_open(*state), *up = client_open(*state);
	int go = fifo_open(*state, "go");

	make_runs(*state, client, up);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_containers(client, rows[i].parameters, rows[i].containers);
	fifo_release(go);
	client_receive(up);
	check_success(up);
}

static void times_are_inclusive(void **state)
{
	struct client *client = client_open(*state);
	char parameters[128];
	int64_t second_us;

	run(client, .container = "one", .hooks = {SUCCEEDS});
	run(client, .container = "two", .hooks = {SUCCEEDS});
	run(client, .container = "three", .hooks = {SUCCEEDS});
	list(client, "");
	second_us = reply_int(client, "runs[1].submittedUSec");
	snprintf(parameters, sizeof(parameters), "'sinceUSec':%jd", (intmax_t)second_us);
	expect_containers(client, parameters, "three two");
	snprintf(parameters, sizeof(parameters), "'untilUSec':%jd", (intmax_t)second_us);
	expect_containers(client, parameters, "two one");
}

static void a_prefix_of_the_id_is_enough(void **state)
{
	struct client *client = client_open(*state);
	char parameters[64], id[16];

	run(client, .container = "one", .hooks = {SUCCEEDS});
	snprintf(id, sizeof(id), "%s", reply_string(client, "result.run"));
	run(client, .container = "two", .hooks = {SUCCEEDS});
	snprintf(parameters, sizeof(parameters), "'runPrefix':'%.8s'", id);
	expect_containers(client, parameters, "one");
}

/* Pages of 2 from the newest to the oldest, then one after the end. */
static void pages_follow_each_other(void **state)
{
	static const char *const pages[] = {"e d", "c b", "a"};
	struct client *client = client_open(*state);
	char parameters[64] = "'limit':2";

	for (char name[] = "a"; name[0] <= 'e'; name[0]++)
		run(client, .container = name, .hooks = {SUCCEEDS});
	for (size_t i = 0; i < 3; i++) {
		expect_containers(client, parameters, pages[i]);
		if (i == 2)
			check_absent(client, "hasMore");
		else
			check_bool(client, "hasMore", true);
		snprintf(parameters, sizeof(parameters), "'limit':2,'before':'%s'",
			 reply_string(client, i < 2 ? "runs[1].run" : "runs[0].run"));
	}
	expect_containers(client, parameters, "");
	check_absent(client, "hasMore");
	list(client, "'before':'nobody'");
	check_error(client, "io.hookd.status.NoSuchRun");
	check_string(client, "run", "nobody");
}

static void streamed_list_says_that_there_is_more(void **state)
{
	struct client *client = client_open(*state);

	for (char name[] = "a"; name[0] <= 'c'; name[0]++)
		run(client, .container = name, .hooks = {SUCCEEDS});
	client_call(client,
		    "{'method':'io.hookd.status.List','parameters':{'limit':2},'more':true}");
	check_string(client, "run.container", "c");
	check_absent(client, "hasMore");
	assert_true(client->reply.continues);
	client_receive(client);
	check_string(client, "run.container", "b");
	check_bool(client, "hasMore", true);
	assert_false(client->reply.continues);
	client_expect_alive(client);
}

/* The text of an error has the hook's output, here of characters that take six bytes in JSON. */
static void a_page_is_not_too_long(void **state)
{
	struct client *client = client_open(*state);
	char text[6 * 1000 + 1], hook[2 * sizeof(text) + 128];

	for (size_t i = 0; i < 1000; i++)
		memcpy(text + 6 * i, "\\u0001", 7);
	snprintf(hook, sizeof(hook), HOOK("'say','%s','complain','%s','exit','1'"), text, text);
	for (int i = 0; i < 400; i++)
		run(client, .hooks = {hook});
	client->in.limit = HP_REPLY_BYTES_MAX;
	list(client, "");
	assert_true(hp_json_count(reply_value(client, "runs")) > 300);
	check_bool(client, "hasMore", true);
}

static void a_run_tells_about_its_hook(void **state)
{
	struct client *client = client_open(*state), *up = client_open(*state);
	int go = fifo_open(*state, "go");

	make_runs(*state, client, up);
	await_true((list(client, ""), reply_has(client, "runs[0].pid")), "the hook has started");
	check_string(client, "runs[0].hookOutcome", "running");
	check_int(client, "runs[0].hook", 0);
	assert_true(reply_int(client, "runs[0].pid") > 0);
	assert_true(reply_int(client, "runs[0].deadlineUSec") >=
		    reply_int(client, "runs[0].submittedUSec") + 300 * 1000000ll);
	assert_true(reply_int(client, "runs[0].deadlineUSec") <
		    reply_int(client, "runs[0].submittedUSec") + 400 * 1000000ll);
	check_string(client, "runs[1].hookOutcome", "spawn_failed");
	check_string(client, "runs[1].errnoName", "ENOENT");
	check_string(client, "runs[1].path", "/no/such/net-add");
	check_absent(client, "runs[1].pid");
	check_string(client, "runs[2].hookOutcome", "timed_out");
	check_absent(client, "runs[2].exitStatus");
	check_string(client, "runs[3].hookOutcome", "exited");
	check_int(client, "runs[3].exitStatus", 3);
	check_int(client, "runs[3].hook", 1);
	check_int(client, "runs[3].hooks", 2);
	check_absent(client, "runs[3].deadlineUSec");
	assert_true(reply_int(client, "runs[3].queuedUSec") >= 0);
	check_int(client, "runs[4].exitStatus", 0);
	run(client, .hooks = {HOOK("'raise','6'")});
	list(client, "'limit':1");
	check_string(client, "runs[0].hookOutcome", "signaled");
	check_string(client, "runs[0].signal", "SIGABRT");
	fifo_release(go);
	client_receive(up);
	check_success(up);
}

static void wrong_values_are_named(void **state)
{
	static const struct {
		const char *parameters, *name;
	} rows[] = {
	    {"'runPrefix':''", "runPrefix"},
	    {"'container':7", "container"},
	    {"'containerPrefix':[]", "containerPrefix"},
	    {"'stage':'stop'", "stage"},
	    {"'state':'lost'", "state"},
	    {"'outcome':'exited'", "outcome"},
	    {"'failed':'yes'", "failed"},
	    {"'path':''", "path"},
	    {"'sinceUSec':-1", "sinceUSec"},
	    {"'untilUSec':1.5", "untilUSec"},
	    {"'limit':-1", "limit"},
	    {"'before':7", "before"},
	    {"'run':'x'", "run"},
	    {"'output':true", "output"},
	    {"'name':'x'", "name"},
	    {"'path':'/*********'", "path"},
	    {"'path':'/[a][b][c][d][e]'", "path"},
	    {"'path':'/*/" DIGITS_250 "12345'", "path"},
	};
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		list(client, rows[i].parameters);
		check_error(client, "org.varlink.service.InvalidParameter");
		check_string(client, "parameter", rows[i].name);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(filters_choose_runs),
	    TEST(times_are_inclusive),
	    TEST(a_prefix_of_the_id_is_enough),
	    TEST(pages_follow_each_other),
	    TEST(streamed_list_says_that_there_is_more),
	    TEST(a_page_is_not_too_long),
	    TEST(a_run_tells_about_its_hook),
	    TEST(wrong_values_are_named),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
