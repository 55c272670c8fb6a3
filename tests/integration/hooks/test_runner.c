/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps running and what is killed when hookd or the runner of its hooks is killed. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/records/entry.h"
#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"
#include "tests/integration/harness/runs_file.h"

#define ID	",'requestId':'start-box-1'"
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go','say','on'")
/* A hook with a child and a grandchild. */
#define FAMILY HOOK("'foreground','foreground','tell','@DIR@/started','sleep','60000'")

static void start(struct harness *harness, unsigned int runners)
{
	harness_start(harness, &(struct start){.runners = runners});
}

static void kill_runner(struct harness *harness)
{
	assert_int_equal(kill(harness->runner, SIGKILL), 0);
}

/* Waits for a new runner, whose descriptors are checked from now on. */
static void take_new_runner(struct harness *harness)
{
	pid_t old = harness->runner;

	await_true((harness->runner = probe_find_runner(harness->directory)) > 0 &&
		       harness->runner != old,
		   "another runner");
	client_expect_alive(client_open(harness));
	harness->leaves_children = true;
}

/* ---- the runner dies ---- */

/* Fault 9. */
static void hooks_of_a_dead_runner_are_killed_and_lost(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {FAMILY});
	fifo_await(started);
	assert_int_equal(probe_count_processes(harness->directory), 3);
	kill_runner(harness);
	client_receive(client);
	check_outcome(client, "lost");
	check_part(client, "result.error", "has ended");
	await_true(probe_count_processes(harness->directory) == 0, "the whole tree is dead");
	/* A retry gets the same result, and nothing is run. */
	run(client, .extra = ID, .hooks = {FAMILY});
	check_outcome(client, "lost");
	assert_false(fifo_has_told(started));
	/* Another runner is started at once: no caller is refused. */
	run(client, .hooks = {HOOK("'say','next'")});
	check_success(client);
	take_new_runner(harness);
}

/* Fault 9. */
static void runs_of_other_runners_go_on(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *clients[2];
	pid_t runners[2];
	int lost = 0;

	start(harness, 2);
	for (int i = 0; i < 2; i++) {
		clients[i] = client_open(harness);
		begin_run(clients[i], .container = i ? "a" : "b", .hooks = {WAITING});
		fifo_await(started);
	}
	assert_int_equal(probe_find_runners(harness->directory, runners, 2), 2);
	kill(runners[0], SIGKILL);
	await_true(probe_count_processes(harness->directory) == 1, "one of the hooks is dead");
	fifo_release(go);
	for (int i = 0; i < 2; i++) {
		client_receive(clients[i]);
		check_error(clients[i], "");
		lost += strcmp(reply_string(clients[i], "result.outcome"), "lost") == 0;
	}
	assert_int_equal(lost, 1);
	await_true(probe_find_runners(harness->directory, runners, 2) == 2, "two runners again");
	take_new_runner(harness);
}

/* Fault 9. Such children may serve a running container. */
static void children_of_hooks_outlive_the_runner(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), done = fifo_open(harness, "done");
	struct client *client, *other;

	start(harness, 1);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'background','tell','@DIR@/done','sleep','60000'")});
	check_bool(client, "result.hooks[0].lingering", true);
	fifo_await(done);
	other = client_open(harness);
	begin_run(other, .container = "other", .hooks = {FAMILY});
	fifo_await(started);
	kill_runner(harness);
	client_receive(other);
	check_outcome(other, "lost");
	await_true(probe_count_processes(harness->directory) == 1, "the running hook is dead");
	/* And the next runner, which uses the same cgroup directory. */
	take_new_runner(harness);
	begin_run(client, .extra = ID, .hooks = {FAMILY});
	fifo_await(started);
	kill_runner(harness);
	client_receive(client);
	check_outcome(client, "lost");
	await_true(probe_count_processes(harness->directory) == 1, "only the hook is dead");
	take_new_runner(harness);
	probe_kill_processes(harness->directory);
}

/* The container's cgroup is that of the test, in which hookd's is created. */
static void check_no_cgroup_of(const struct harness *harness, pid_t runner)
{
	char path[512];

	for (int i = 1; harness->cgroup[0] && i < 4; i++) {
		snprintf(path, sizeof(path), "%.*s/hook-%d-%d",
			 (int)(strrchr(harness->cgroup, '/') - harness->cgroup), harness->cgroup,
			 runner, i);
		if (access(path, F_OK) == 0)
			fail_msg("%s is left", path);
	}
}

/* Fault 9. Its cgroup is below the container's, not below the runner's. */
static void hook_in_a_container_dies_with_its_runner(void **state)
{
	struct harness *harness = *state;
	static const char *const inside =
	    "{'path':'@DIR@/private/hook','args':['hook','foreground','tell','@DIR@/started',"
	    "'sleep','60000']}";
	int started = fifo_open(harness, "started");
	struct container container;
	struct client *client;
	char text[512];

	harness_needs_root();
	start(harness, 1);
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, false, &container);
	client = client_open(harness);
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"id\":\"box\",\"status\":\"created\",\"pid\":%d,"
		 "\"bundle\":\"/\"}",
		 container.pid);
	begin_run(client, .stage = "startContainer", .state = text, .hooks = {inside});
	fifo_await(started);
	assert_int_equal(probe_count_processes(harness->directory), 2);
	kill_runner(harness);
	client_receive(client);
	check_outcome(client, "lost");
	await_true(probe_count_processes(harness->directory) == 0, "the hook and its child");
	check_no_cgroup_of(harness, harness->runner);
	container_stop(&container);
	take_new_runner(harness);
}

/* ---- hookd dies ---- */

/* Fault 4. */
static void run_goes_on_and_its_caller_finds_it(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING, HOOK("'say','second'")});
	fifo_await(started);
	harness_crash(harness);
	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING, HOOK("'say','second'")});
	fifo_release(go);
	client_receive(client);
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "on");
	check_string(client, "result.hooks[1].stdout", "second");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	harness->leaves_children = true; /* descriptors of the run that was adopted */
}

/* Fault 4. Only the runner is alive when the timeout expires. */
static void timeout_holds_while_there_is_no_hookd(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID,
		  .hooks = {TIMED_HOOK(1, "'say','partial','tell','@DIR@/started',"
					  "'foreground','sleep','60000'")});
	fifo_await(started);
	harness_crash(harness);
	await_true(probe_count_processes(harness->directory) == 0, "the hook is dead");
	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID,
	    .hooks = {TIMED_HOOK(1, "'say','partial','tell','@DIR@/started',"
				    "'foreground','sleep','60000'")});
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].outcome", "timed_out");
	check_string(client, "result.hooks[0].stdout", "partial");
}

/* Fault 4. The hook after the running one is run as well: poststop runs all. */
static void rest_of_the_list_is_run_without_hookd(void **state)
{
	static const char *const first =
	    HOOK("'tell','@DIR@/started','await','@DIR@/go','exit','3'");
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	int done = fifo_open(harness, "done");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .stage = "poststop",
		  .hooks = {first, HOOK("'say','last','tell','@DIR@/done'")});
	fifo_await(started);
	harness_crash(harness);
	fifo_release(go);
	fifo_await(done);
	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID, .stage = "poststop",
	    .hooks = {first, HOOK("'say','last','tell','@DIR@/done'")});
	check_outcome(client, "failed");
	check_int(client, "result.hooks[0].exitStatus", 3);
	check_string(client, "result.hooks[1].stdout", "last");
}

/* Fault 10. The caller gets the signal, whether or not hookd was running when the hook died. */
static void hook_killed_by_a_signal_is_reported_as_such(void **state)
{
	static const char *const hook =
	    HOOK("'say','x','tell','@DIR@/started','await','@DIR@/go','raise','9'");
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {hook});
	fifo_await(started);
	harness_crash(harness);
	fifo_release(go);
	await_true(probe_count_processes(harness->directory) == 0, "the hook is dead");
	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {hook});
	check_string(client, "result.hooks[0].outcome", "signaled");
	check_string(client, "result.hooks[0].signal", "SIGKILL");
	check_string(client, "result.hooks[0].stdout", "x");
}

/* Fault 4. More runs are going on than results are kept; none may be dropped, and run again. */
static void runs_beyond_the_kept_results_are_adopted(void **state)
{
	static const char config[] = "[Results]\nMaxRuns=2\n";
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *clients[6];
	char extra[64], container[16];

	for (int pass = 0; pass < 2; pass++) {
		harness_start(harness, &(struct start){.config = config, .runners = 1});
		for (int i = 0; i < 6; i++) {
			snprintf(extra, sizeof(extra), ",'requestId':'request-%d'", i);
			snprintf(container, sizeof(container), "box-%d", i);
			clients[i] = client_open(harness);
			begin_run(clients[i], .extra = extra, .container = container,
				  .hooks = {WAITING});
			if (pass == 0)
				fifo_await(started);
		}
		if (pass == 0)
			harness_crash(harness);
	}
	/* No hook was started again. */
	client_expect_alive(client_open(harness));
	assert_int_equal(status_number(harness, "running"), 6);
	assert_int_equal(status_number(harness, "queued"), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 6);
	for (int i = 0; i < 6; i++)
		fifo_release(go);
	for (int i = 0; i < 6; i++) {
		client_receive(clients[i]);
		check_success(clients[i]);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 6);
	harness->leaves_children = true;
}

static void begin_and_forget_end(struct harness *harness)
{
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_success(client);
	/* The ACKNOWLEDGE of the first list is sent with the next START. */
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	harness_crash(harness);
	/* As if hookd was killed before it was written. */
	runs_file_remove(harness, ENTRY_ENDED);
}

/* Fault 3. All runners are alive and none has the list: it was never sent, so a retry runs it. */
static void run_that_was_not_handed_over_is_run_on_retry(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	begin_and_forget_end(harness);
	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 2);
}

/* Fault 8. The runner that may have got the list is dead. */
static void run_that_may_have_been_handed_over_is_lost(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	begin_and_forget_end(harness);
	kill_runner(harness);
	for (int i = 0; i < 2; i++) {
		start(harness, 1);
		client = client_open(harness);
		run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','x'")});
		check_outcome(client, "lost");
		if (i == 0)
			harness_crash(harness);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Fault 20. If the end of a run cannot be recorded, its runner keeps the results. */
static void result_that_was_not_recorded_is_not_forgotten(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	struct client *client;
	struct stat st;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	assert_int_equal(stat(harness_path(harness, "state/runs"), &st), 0);
	limit.rlim_cur = (rlim_t)st.st_size; /* nothing can be appended */
	assert_int_equal(prlimit(harness->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	client_expect_alive(client);
	harness_crash(harness);
	start(harness, 1);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {WAITING});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "on");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* ---- hookd is stopped ---- */

/* Fault 22. */
static void timeouts_hold_while_hookd_is_stopped(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	struct client *client;

	start(harness, 1);
	client = client_open(harness);
	begin_run(client, .hooks = {TIMED_HOOK(1, "'tell','@DIR@/started','sleep','60000'")});
	fifo_await(started);
	harness_freeze(harness);
	await_true(probe_count_processes(harness->directory) == 0, "the hook is killed");
	harness_thaw(harness);
	client_receive(client);
	check_string(client, "result.hooks[0].outcome", "timed_out");
}

/* ---- both die ---- */

static void start_in(struct harness *harness, const char *option)
{
	harness_start(harness, &(struct start){.runners = 2, .arguments = {option}});
}

static void kill_both(struct harness *harness, const char *option)
{
	int started = fifo_open(harness, "started");
	struct client *client;

	start_in(harness, option);
	for (int i = 0; i < 2; i++) {
		client = client_open(harness);
		begin_run(client, .container = i ? "a" : "b", .hooks = {FAMILY});
		fifo_await(started);
	}
	harness_crash(harness);
	kill_runner(harness); /* one of the two */
	assert_int_equal(probe_count_processes(harness->directory), 6);
	start_in(harness, option);
	await_true(probe_count_processes(harness->directory) == 3,
		   "the hook of the dead runner is dead");
	harness_crash(harness);
	while ((harness->runner = probe_find_runner(harness->directory)) > 0)
		kill_runner(harness);
	start_in(harness, option);
	await_true(probe_count_processes(harness->directory) == 0, "the other one is dead");
}

static void hooks_of_dead_runners_are_killed_by_the_next_hookd(void **state)
{
	struct harness *harness = *state;

	start(harness, 1);
	harness_needs_cgroups(harness);
	harness_stop(harness);
	kill_both(harness, NULL);
}

/* The next runner has the directory of the dead one. */
static void so_are_those_in_a_configured_cgroup(void **state)
{
	struct harness *harness = *state;
	char root[400], option[420];

	start(harness, 1);
	harness_needs_cgroups(harness);
	snprintf(root, sizeof(root), "%s-of-test", harness->cgroup);
	harness_stop(harness);
	assert_int_equal(mkdir(root, 0755), 0);
	snprintf(option, sizeof(option), "--cgroup-root=%s", root);
	kill_both(harness, option);
	harness_stop(harness);
	files_remove(root);
}

/* ---- another number of runners ---- */

static void runs_go_on_where_the_next_hookd_has_no_runners(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	start(harness, 2);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	harness_crash(harness);
	harness_start(harness, &(struct start){.no_runners = true});
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	client_expect_alive(client_open(harness));
	fifo_release(go);
	client_receive(client);
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	await_true(probe_find_runner(harness->directory) == 0, "the runners have ended");
	harness->leaves_children = true;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(hooks_of_a_dead_runner_are_killed_and_lost),
	    TEST_PREPARED(runs_of_other_runners_go_on),
	    TEST_PREPARED(children_of_hooks_outlive_the_runner),
	    TEST_PREPARED(hook_in_a_container_dies_with_its_runner),
	    TEST_PREPARED(run_goes_on_and_its_caller_finds_it),
	    TEST_PREPARED(timeout_holds_while_there_is_no_hookd),
	    TEST_PREPARED(rest_of_the_list_is_run_without_hookd),
	    TEST_PREPARED(hook_killed_by_a_signal_is_reported_as_such),
	    TEST_PREPARED(runs_beyond_the_kept_results_are_adopted),
	    TEST_PREPARED(run_that_was_not_handed_over_is_run_on_retry),
	    TEST_PREPARED(run_that_may_have_been_handed_over_is_lost),
	    TEST_PREPARED(result_that_was_not_recorded_is_not_forgotten),
	    TEST_PREPARED(timeouts_hold_while_hookd_is_stopped),
	    TEST_PREPARED(hooks_of_dead_runners_are_killed_by_the_next_hookd),
	    TEST_PREPARED(so_are_those_in_a_configured_cgroup),
	    TEST_PREPARED(runs_go_on_where_the_next_hookd_has_no_runners),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
