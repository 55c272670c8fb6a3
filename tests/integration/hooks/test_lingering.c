/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hook is done when it exits, also if it leaves children. They go on, and can write to their
 * stdout.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"

#define MEASURED_MS 2000

/*
 * runc 1.1.5 waited for the grandchild and then failed with a timeout. The grandchild writes more
 * than a pipe holds, so it goes on only if hookd reads.
 */
static void grandchild_holds_pipe_is_lingering_success(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int go = fifo_open(harness, "go"), done = fifo_open(harness, "done");
	int end = fifo_open(harness, "end");

	run(client, .hooks = {TIMED_HOOK(1, "'say','now','background','await','@DIR@/go',"
					    "'spam','1000000','complain','late',"
					    "'tell','@DIR@/done','await','@DIR@/end'")});
	check_success(client);
	check_bool(client, "result.hooks[0].success", true);
	check_bool(client, "result.hooks[0].lingering", true);
	check_string(client, "result.hooks[0].stdout", "now");
	check_int(client, "result.hooks[0].stdoutBytes", 3);
	assert_true(reply_int(client, "result.hooks[0].durationUSec") < 1000000);
	fifo_release(go);
	fifo_await(done);
	assert_int_equal(probe_count_processes(harness->directory), 1);
	fifo_release(end);
}

/* Only its cgroup shows that it exists, so without cgroups it is not reported. */
static void lingering_without_a_pipe(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client, .hooks = {HOOK("'close','orphan'")});
	check_success(client);
	check_bool(client, "result.hooks[0].lingering", harness->cgroup[0] != '\0');
	probe_kill_processes(harness->directory);
}

/* The kernel reports an exit before it removes the process from its cgroup and process group. */
static void hook_that_leaves_nobody_is_not_lingering(void **state)
{
	struct client *client = client_open(*state);

	for (int i = 0; i < 50; i++) {
		run(client, .hooks = {HOOK("'foreground','say','x'")});
		check_success(client);
		check_bool(client, "result.hooks[0].lingering", false);
		assert_true(reply_int(client, "result.hooks[0].drainUSec") >= 0);
	}
}

static void timeout_of_the_next_hook_does_not_reach_it(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client,
	    .hooks = {HOOK("'background','sleep','60000'"), TIMED_HOOK(1, "'sleep','60000'")});
	check_outcome(client, "failed");
	check_bool(client, "result.hooks[0].lingering", true);
	check_string(client, "result.hooks[1].outcome", "timed_out");
	await_true(probe_count_processes(harness->directory) == 1, "the second hook is dead");
	probe_kill_processes(harness->directory);
}

/* The next run has its own cgroup; killing that does not kill the child of the first run. */
static void next_run_does_not_reach_it(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client, .hooks = {HOOK("'background','sleep','60000'")});
	check_bool(client, "result.hooks[0].lingering", true);
	for (int i = 0; i < 10; i++) {
		run(client, .hooks = {HOOK("'exit','0'")});
		check_bool(client, "result.hooks[0].lingering", false);
	}
	run(client, .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	check_string(client, "result.hooks[0].outcome", "timed_out");
	await_true(probe_count_processes(harness->directory) == 1, "the last hook is dead");
	probe_kill_processes(harness->directory);
}

/* The process survives hookd, which exits though it cannot remove the cgroup. */
static void it_outlives_hookd(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int done = fifo_open(harness, "done");

	run(client, .hooks = {HOOK("'background','tell','@DIR@/done','sleep','60000'")});
	check_bool(client, "result.hooks[0].lingering", true);
	fifo_await(done);
	harness->leaves_children = true;
	harness_stop(harness);
	assert_int_equal(probe_count_processes(harness->directory), 1);
	probe_kill_processes(harness->directory);
	await_true(probe_count_processes(harness->directory) == 0, "it is dead");
	if (harness->cgroup[0])
		await_true((files_remove(harness->cgroup), access(harness->cgroup, F_OK) < 0),
			   "the cgroup is empty");
}

static void many_that_linger(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for (int i = 0; i < 100; i++) {
		run(client, .hooks = {HOOK("'background','sleep','60000'")});
		check_bool(client, "result.hooks[0].lingering", true);
	}
	assert_int_equal(probe_count_processes(harness->directory), 100);
	probe_kill_processes(harness->directory);
}

/* Processes that write for ever, in large or small pieces, block on a full pipe: hookd is idle. */
static void what_is_left_behind_cannot_keep_hookd_busy(void **state)
{
	const struct timespec measured = {.tv_sec = MEASURED_MS / 1000};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int64_t cpu_ms;

	run(client,
	    .hooks = {HOOK("'background','spam','1000000000000'"),
		      HOOK("'background','spam','1000000000000'"),
		      HOOK("'background','drip','60000'"), HOOK("'background','drip','60000'")});
	check_success(client);
	cpu_ms = probe_cpu_ms(harness->runner);
	nanosleep(&measured, NULL);
	cpu_ms = probe_cpu_ms(harness->runner) - cpu_ms;
	/* None of them got EPIPE. */
	assert_int_equal(probe_count_processes(harness->directory), 4);
	if (cpu_ms > MEASURED_MS / 10)
		fail_msg("hookd has used %ld ms of CPU time in %d ms", (long)cpu_ms, MEASURED_MS);
	probe_kill_processes(harness->directory);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(grandchild_holds_pipe_is_lingering_success),
	    TEST(lingering_without_a_pipe),
	    TEST(hook_that_leaves_nobody_is_not_lingering),
	    TEST(timeout_of_the_next_hook_does_not_reach_it),
	    TEST(next_run_does_not_reach_it),
	    TEST(it_outlives_hookd),
	    TEST(many_that_linger),
	    TEST(what_is_left_behind_cannot_keep_hookd_busy),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
