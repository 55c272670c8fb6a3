/* SPDX-License-Identifier: Apache-2.0 */
/* Runners that do not answer, that die before hookd knows their hook, or that nobody can find. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"

#define ID	",'requestId':'start-box-1'"
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go','say','on'")
#define TRIES	50

static void start(struct harness *harness)
{
	harness_start(harness, &(struct start){.runners = 1});
}

/* ---- hookd is started again while the runner is silent ---- */

/* Returns the runner. Another hookd is ready, with another runner. */
static pid_t start_beside_a_silent_one(struct harness *harness, int *ret_go)
{
	int started = fifo_open(harness, "started");
	pid_t runner;

	*ret_go = fifo_open(harness, "go");
	start(harness);
	begin_run(client_open(harness), .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	runner = harness->runner;
	assert_int_equal(kill(runner, SIGSTOP), 0);
	harness_crash(harness);
	start(harness);
	harness->leaves_children = true; /* descriptors of the run that is adopted */
	return runner;
}

/* Fault 45. */
static void open_runs_wait_for_a_silent_runner(void **state)
{
	struct harness *harness = *state;
	struct client *client, *next, *other;
	int go;
	pid_t runner = start_beside_a_silent_one(harness, &go);

	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	next = client_open(harness);
	begin_run(next, .stage = "poststart", .hooks = {HOOK("'say','next'")});
	/* Other containers have a runner. */
	other = client_open(harness);
	run(other, .container = "other", .hooks = {HOOK("'say','other'")});
	check_success(other);
	assert_int_equal(status_number(harness, "running"), 1);
	await_true(status_number(harness, "queued") == 1, "the next stage waits");
	assert_int_equal(kill(runner, SIGCONT), 0);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "on");
	client_receive(next);
	check_success(next);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Fault 45. */
static void open_runs_are_lost_if_the_silent_runner_ends(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int go;
	pid_t runner = start_beside_a_silent_one(harness, &go);

	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	assert_int_equal(status_number(harness, "running"), 1);
	assert_int_equal(kill(runner, SIGKILL), 0);
	client_receive(client);
	check_outcome(client, "lost");
	probe_kill_processes(harness->directory);
}

/* ---- the runner dies when it has started a hook of an image ---- */

/* Stops the runner when hookd-run has not yet become the hook. False: it was too late. */
static bool stop_at_the_start(const struct harness *harness)
{
	pid_t helper;

	while ((helper = probe_find_helper(harness->runner)) == 0)
		if (probe_count_processes(harness->directory) > 0)
			return false;
	kill(helper, SIGSTOP);
	if (probe_find_helper(harness->runner) != helper)
		return false; /* it has executed the hook, or has ended */
	kill(harness->runner, SIGSTOP);
	kill(helper, SIGCONT);
	/* Until it has created the hook, or, if it is that, waits. */
	await_true(probe_state(helper) == 'Z' || probe_state(helper) == 'S' ||
		       probe_state(helper) == 0,
		   "hookd-run has gone on");
	return true;
}

static void begin_in(const struct container *container, struct client *client)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"id\":\"box\",\"status\":\"created\",\"pid\":%d,"
		 "\"bundle\":\"/\"}",
		 container->pid);
	begin_run(client, .stage = "startContainer", .state = text,
		  .hooks = {"{'path':'@DIR@/private/hook','args':['hook','sleep','60000']}"});
}

/* Fault 43. */
static void hook_of_an_image_does_not_outlive_a_runner_that_dies_at_its_start(void **state)
{
	struct harness *harness = *state;
	struct container container;
	struct client *client;
	bool was_stopped = false;

	harness_needs_root();
	start(harness);
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, false, &container);
	for (int i = 0; i < TRIES && !was_stopped; i++) {
		client = client_open(harness);
		begin_in(&container, client);
		was_stopped = stop_at_the_start(harness);
		kill(harness->runner, SIGKILL);
		client_receive(client);
		check_outcome(client, "lost");
		await_true(probe_count_processes(harness->directory) == 0, "the hook is dead");
		await_true((harness->runner = probe_find_runner(harness->directory)) > 0 &&
			       probe_state(harness->runner) != 'Z',
			   "another runner");
		client_expect_alive(client_open(harness));
	}
	container_stop(&container);
	harness->leaves_children = true;
	if (!was_stopped)
		skip("the runner could not be stopped in time");
}

/* ---- nobody can find the runner ---- */

static void a_runner_whose_socket_was_deleted_ends(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	pid_t runner;

	start(harness);
	begin_run(client_open(harness), .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	runner = harness->runner;
	harness_crash(harness);
	files_remove(harness_path(harness, "state"));
	await_true(probe_count_processes(harness->directory) == 1, "the hook runs");
	fifo_release(go);
	await_true(probe_state(runner) == 0 || probe_state(runner) == 'Z', "the runner has ended");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(open_runs_wait_for_a_silent_runner),
	    TEST_PREPARED(open_runs_are_lost_if_the_silent_runner_ends),
	    TEST_PREPARED(hook_of_an_image_does_not_outlive_a_runner_that_dies_at_its_start),
	    TEST_PREPARED(a_runner_whose_socket_was_deleted_ends),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
