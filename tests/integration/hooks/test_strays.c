/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of hookd that hookd has not started: hooks make them with CLONE_PARENT, and a hookd-run
 * that is killed while it enters a pid namespace leaves one. Until hookd reaps them they stay
 * zombies, and the init process of their pid namespace cannot exit.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"
#include "tests/integration/harness/probe.h"

#define CANCELLED_RUNS 300

static void expect_no_children(const struct harness *harness)
{
	await_true(probe_count_children(harness->runner) == 0, "hookd has waited for all children");
}

static const char *state_of(const struct harness *harness, const struct container *container)
{
	static char state[256];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d,\"bundle\":\"%s\"}",
		 container->pid, harness->directory);
	return state;
}

/* Like container_stop(), which would block if the init process cannot exit. */
static void expect_end(struct container *container)
{
	assert_int_equal(kill(container->pid, SIGKILL), 0);
	await_true(waitpid(container->pid, NULL, WNOHANG) == container->pid,
		   "the container's init process ends");
	container->pid = 0;
}

static void children_of_hookd_that_a_hook_makes(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client, .hooks = {HOOK("'siblings','100','exit','3'")});
	check_success(client);
	expect_no_children(harness);
	run(client, .hooks = {HOOK("'siblings','3','exit','0'"), HOOK("'exit','5'")});
	check_int(client, "result.hooks[1].exitStatus", 5);
	expect_no_children(harness);
}

/* It exits when hookd has no other child, and has looked for strays several times. */
static void one_that_lives_on(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int go = fifo_open(harness, "go");

	run(client, .hooks = {HOOK("'siblings','1','await','@DIR@/go'")});
	check_success(client);
	check_bool(client, "result.hooks[0].lingering", true);
	assert_int_equal(probe_count_children(harness->runner), 1);
	run(client, .hooks = {HOOK("'sleep','2500'")});
	check_success(client);
	fifo_release(go);
	expect_no_children(harness);
}

static void children_of_hookd_in_a_pid_namespace(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, CLONE_NEWPID | CLONE_NEWNS, false, &container);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'siblings','20','exit','0'")});
	check_success(client);
	expect_end(&container);
	expect_no_children(harness);
}

static void pause_us(int64_t us)
{
	const struct timespec pause = {.tv_nsec = us * 1000};

	nanosleep(&pause, NULL);
}

/* Each run is cancelled a little later, so that all moments of the entry are hit. */
static void cancelled_on_the_way_into_a_pid_namespace(void **state)
{
	struct harness *harness = *state;
	struct container container;

	harness_needs_root();
	container_start(harness, CLONE_NEWPID | CLONE_NEWNS, false, &container);
	for (int i = 0; i < CANCELLED_RUNS; i++) {
		struct client *client = client_open(harness);

		begin_run(client, .stage = "startContainer", .flags = ",'more':true",
			  .extra = ",'onDisconnect':'cancel'",
			  .state = state_of(harness, &container),
			  .hooks = {HOOK("'sleep','60000'")});
		client_receive(client);
		pause_us(i * 10);
		client_close(client);
	}
	await_true(status_number(harness, "running") + status_number(harness, "queued") == 0,
		   "all runs are cancelled");
	expect_end(&container);
	expect_no_children(harness);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(children_of_hookd_that_a_hook_makes),
	    TEST(one_that_lives_on),
	    TEST(children_of_hookd_in_a_pid_namespace),
	    TEST(cancelled_on_the_way_into_a_pid_namespace),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
