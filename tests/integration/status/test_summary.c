/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.status.Summary: what it counts, and of which runs. */
#include <stdio.h>
#include <string.h>

#include "tests/integration/harness/check.h"

static void summary(struct client *client, const char *parameters)
{
	char text[256];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Summary','parameters':{%s}}",
		 parameters);
	client_call(client, text);
	check_error(client, "");
}

static void nothing_to_count(void **state)
{
	struct client *client = client_open(*state);

	summary(client, "");
	check_int(client, "runs", 0);
	check_count(client, "paths", 0);
	check_absent(client, "oldestUSec");
}

/* Hooks of a path and a stage are one row; the hook of another path or stage is another. */
static void rows_by_path_and_stage(void **state)
{
	struct client *client = client_open(*state);

	for (int i = 0; i < 4; i++)
		run(client, .container = "a",
		    .hooks = {HOOK("'exit','0'"), "{'path':'/bin/true'}"});
	run(client, .container = "b", .hooks = {HOOK("'exit','3'"), "{'path':'/bin/true'}"});
	run(client, .container = "b", .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	run(client, .container = "b", .hooks = {"{'path':'/bin/true'}"}, .stage = "poststop");
	summary(client, "");
	check_int(client, "runs", 7);
	check_count(client, "paths", 3);
	check_absent(client, "hasMore");
	check_part(client, "paths[0].path", "/hook");
	check_string(client, "paths[0].stage", "createRuntime");
	check_int(client, "paths[0].runs", 6);
	check_int(client, "paths[0].failures", 1);
	check_int(client, "paths[0].timeouts", 1);
	assert_true(reply_int(client, "paths[0].p50USec") < 1000000);
	assert_true(reply_int(client, "paths[0].p90USec") >= 1000000);
	assert_int_equal(reply_int(client, "paths[0].p99USec"),
			 reply_int(client, "paths[0].maxUSec"));
	check_string(client, "paths[1].path", "/bin/true");
	check_string(client, "paths[1].stage", "createRuntime");
	check_int(client, "paths[1].runs", 4); /* the one after the failure was skipped */
	check_string(client, "paths[2].stage", "poststop");
	check_int(client, "paths[2].runs", 1);
	check_int(client, "paths[2].failures", 0);
}

static void filters_choose_runs(void **state)
{
	struct client *client = client_open(*state);
	char parameters[64];
	int64_t second_us;

	run(client, .container = "a", .hooks = {HOOK("'exit','0'"), "{'path':'/bin/true'}"});
	run(client, .container = "b", .hooks = {"{'path':'/bin/true'}"}, .stage = "poststop");
	client_call(client, "{'method':'io.hookd.status.List'}");
	second_us = reply_int(client, "runs[0].submittedUSec");
	summary(client, "'container':'b'");
	check_int(client, "runs", 1);
	check_int(client, "oldestUSec", second_us);
	summary(client, "'stage':'createRuntime'");
	check_count(client, "paths", 2);
	summary(client, "'path':'tru?'");
	check_count(client, "paths", 2);
	check_string(client, "paths[0].path", "/bin/true");
	check_string(client, "paths[1].path", "/bin/true");
	snprintf(parameters, sizeof(parameters), "'sinceUSec':%jd", (intmax_t)second_us);
	summary(client, parameters);
	check_int(client, "runs", 1);
	snprintf(parameters, sizeof(parameters), "'untilUSec':%jd", (intmax_t)second_us - 1);
	summary(client, parameters);
	check_int(client, "runs", 1);
	client_call(client,
		    "{'method':'io.hookd.status.Summary','parameters':{'outcome':'failed'}}");
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "outcome");
}

/* What is not done does not count. */
static void running_runs_do_not_count(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *other = client_open(harness);

	begin_run(client, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	summary(other, "");
	check_int(other, "runs", 0);
	fifo_release(go);
	client_receive(client);
	summary(other, "");
	check_int(other, "runs", 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_to_count),
	    TEST(rows_by_path_and_stage),
	    TEST(filters_choose_runs),
	    TEST(running_runs_do_not_count),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
