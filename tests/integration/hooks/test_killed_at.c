/* SPDX-License-Identifier: Apache-2.0 */
/* hookd or a runner is killed at a chosen system call, by a test that traces it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"
#include "tests/integration/harness/tracee.h"

#define ID	",'requestId':'start-box-1'"
#define MARKING HOOK("'mark','@DIR@/log','x','say','once'")
/* Its process is there until somebody kills it. */
#define STAYING HOOK("'mark','@DIR@/log','x','sleep','60000'")

static const struct start one_runner = {.runners = 1};

static struct client *begin(struct harness *harness, const char *hook)
{
	struct client *client = client_open(harness);

	begin_run(client, .extra = ID, .hooks = {hook});
	return client;
}

/* The caller sends its request again, to the next hookd, and gets the one result. */
static void expect_one_run_on_retry(struct harness *harness)
{
	struct client *client;

	harness_crash(harness);
	harness_start(harness, &one_runner);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "once");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* ---- hookd ---- */

/* Fault 3. It has recorded the run, and the runner knows nothing of it. */
static void hookd_before_it_hands_the_list_over(void **state)
{
	struct harness *harness = *state;

	harness_start(harness, &one_runner);
	tracee_attach(harness->pid);
	begin(harness, MARKING);
	tracee_run_to(harness->pid, SYS_sendmsg, AT_ENTRY);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	expect_one_run_on_retry(harness);
}

/* Fault 3. */
static void hookd_after_it_has_handed_the_list_over(void **state)
{
	struct harness *harness = *state;

	harness_start(harness, &one_runner);
	tracee_attach(harness->pid);
	begin(harness, MARKING);
	tracee_run_to(harness->pid, SYS_sendmsg, AT_EXIT);
	expect_one_run_on_retry(harness);
}

/* ---- the runner ---- */

static struct client *begin_traced(struct harness *harness)
{
	harness_start(harness, &one_runner);
	harness_needs_cgroups(harness);
	tracee_attach(harness->runner);
	return begin(harness, STAYING);
}

/* The run is lost, nothing of it is left, and the next one finds a new runner. */
static void expect_lost(struct client *client, size_t marks)
{
	struct harness *harness = client->harness;
	pid_t dead = harness->runner;

	client_receive(client);
	check_outcome(client, "lost");
	run(client, .extra = ID, .hooks = {STAYING});
	check_outcome(client, "lost");
	await_true(probe_count_processes(harness->directory) == 0, "the hook is dead");
	assert_in_range(harness_count_lines(harness, "log"), 0, marks);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	harness->runner = probe_find_runner(harness->directory);
	assert_int_not_equal(harness->runner, dead);
	harness->fds_at_start = harness_count_fds(harness);
}

/* Fault 6. The run's cgroup is made, and empty; harness_stop() checks that none is left. */
static void runner_before_it_makes_the_hooks_process(void **state)
{
	struct harness *harness = *state;
	struct client *client = begin_traced(harness);

	tracee_run_to(harness->runner, SYS_clone3, AT_ENTRY);
	tracee_kill(harness->runner);
	expect_lost(client, 0);
}

/*
 * Fault 7. The process is there, and has not executed an instruction. It has the runner's
 * descriptors until its exec, so hookd does not see the runner's end before that.
 */
static void runner_before_the_hook_is_executed(void **state)
{
	struct harness *harness = *state;
	struct client *client = begin_traced(harness);
	pid_t hook = tracee_run_to_child(harness->runner);

	tracee_kill(harness->runner);
	tracee_detach(hook);
	expect_lost(client, 1);
}

/* Fault 8. The hook runs, and hookd has not been told. */
static void runner_before_it_reports_the_start(void **state)
{
	struct harness *harness = *state;
	struct client *client = begin_traced(harness);

	tracee_run_to(harness->runner, SYS_clone3, AT_EXIT);
	tracee_run_to(harness->runner, SYS_sendmsg, AT_ENTRY);
	await_true(harness_count_lines(harness, "log") == 1, "the hook runs");
	tracee_kill(harness->runner);
	expect_lost(client, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(hookd_before_it_hands_the_list_over),
	    TEST_PREPARED(hookd_after_it_has_handed_the_list_over),
	    TEST_PREPARED(runner_before_it_makes_the_hooks_process),
	    TEST_PREPARED(runner_before_the_hook_is_executed),
	    TEST_PREPARED(runner_before_it_reports_the_start),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
