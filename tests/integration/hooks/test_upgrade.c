/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another version of hookd takes over while hooks run, in both directions. What is said
 * between hookd and a runner differs between the two (RUNNER_VERSION).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define ID	",'requestId':'start-box-1'"
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go','say','on'")
#define SECOND	HOOK("'mark','@DIR@/log','x','say','second'")

static const struct start one_version = {.runners = 1};
static const struct start another_version = {.runners = 1, .program = HOOKD_OTHER_PATH};

static bool has_ended(pid_t pid)
{
	char process_state = probe_state(pid);

	return process_state == 0 || process_state == 'Z';
}

/* A run that has begun ends in the runner of before, which then ends; new ones are run in a new
 * one. */
static void take_over(struct harness *harness, const struct start *before,
		      const struct start *after)
{
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client, *other;
	pid_t of_before;

	harness_start(harness, before);
	of_before = harness->runner;
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING, SECOND});
	fifo_await(started);
	harness_crash(harness);

	harness_start(harness, after);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING, SECOND});
	other = client_open(harness);
	run(other, .container = "other", .hooks = {HOOK("'report'")});
	check_success(other);
	assert_false(has_ended(of_before));
	fifo_release(go);
	client_receive(client);
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "on");
	check_string(client, "result.hooks[1].stdout", "second");
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	await_true(has_ended(of_before), "the runner of before has ended");
	harness->runner = probe_find_runner(harness->directory);
	assert_int_not_equal(harness->runner, 0);
}

/* Fault 34. */
static void upgrade(void **state)
{
	take_over(*state, &one_version, &another_version);
}

/* Fault 34. */
static void downgrade(void **state)
{
	take_over(*state, &another_version, &one_version);
}

/* Fault 34. Cancel means the same in every version. */
static void runs_of_before_are_cancelled(void **state)
{
	static const char *const hook = HOOK("'tell','@DIR@/started','foreground','sleep','60000'");
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	struct client *client, *other;
	char call[128];

	harness_start(harness, &one_version);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {hook});
	fifo_await(started);
	harness_crash(harness);
	harness_start(harness, &another_version);
	other = client_open(harness);
	client_call(other, "{'method':'io.hookd.status.List'}");
	snprintf(call, sizeof(call), "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 reply_string(other, "runs[0].run"));
	client_call(other, call);
	check_error(other, "");
	await_true(probe_count_processes(harness->directory) == 0, "the hook is dead");
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {hook});
	check_outcome(client, "cancelled");
}

/* Fault 34. What was recorded by one version is told by the other. */
static void results_outlive_both(void **state)
{
	struct harness *harness = *state;
	const struct start *versions[] = {&one_version, &another_version, &one_version};
	struct client *client;

	for (int i = 0; i < 3; i++) {
		harness_start(harness, versions[i]);
		client = client_open(harness);
		run(client, .extra = ID, .hooks = {SECOND});
		check_success(client);
		check_string(client, "result.hooks[0].stdout", "second");
		if (i < 2)
			harness_crash(harness);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(upgrade),
	    TEST_PREPARED(downgrade),
	    TEST_PREPARED(runs_of_before_are_cancelled),
	    TEST_PREPARED(results_outlive_both),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
