/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timeouts: hookd kills all processes of the hook and replies in time, whatever they do and whoever
 * has the pipes open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

/* Tolerance for a busy machine. */
#define SLACK_MS 10000

/* libcontainer's timeouts are in nanoseconds, so the test can use half a second. */
#define IN_LIBCONTAINER	  ",'dialect':'libcontainer'"
#define SHORT_HOOK(verbs) HOOK_WITH(",'timeout':500000000", verbs)
#define SHORT_MS	  500

#define run_short(client, ...) run(client, .extra = IN_LIBCONTAINER, .hooks = {__VA_ARGS__})

static void expect_on_time(struct client *client, int64_t started_ms, int64_t timeout_ms)
{
	int64_t took_ms = now_ms() - started_ms;

	check_string(client, "result.hooks[0].outcome", "timed_out");
	check_bool(client, "result.hooks[0].success", false);
	check_absent(client, "result.hooks[0].exitStatus");
	if (took_ms < timeout_ms || took_ms > timeout_ms + SLACK_MS)
		fail_msg("the reply came after %d ms", (int)took_ms);
}

/* All killed processes are gone, at most a moment after the reply. */
static void expect_nobody(const struct harness *harness)
{
	int64_t since = now_ms();

	await_true(probe_count_processes(harness->directory) == 0, "the tree is dead");
	assert_true(now_ms() - since < SLACK_MS);
}

/* runc 1.1.5 took 7.8 s and lost the output, crun 1.8.1 left the grandchild alive. */
static void timeout_kills_grandchild(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int64_t started_ms = now_ms();

	run(client, .hooks = {TIMED_HOOK(
			1, "'say','partial','complain','words','foreground','sleep','60000'")});
	check_outcome(client, "failed");
	expect_on_time(client, started_ms, 1000);
	check_string(client, "result.hooks[0].stdout", "partial");
	check_string(client, "result.hooks[0].stderr", "words");
	check_string(client, "result.hooks[0].error", "hook ran past specified timeout of 1.0s");
	check_string(client, "result.error",
		     "error running createRuntime hook #0: hook ran past specified timeout of "
		     "1.0s");
	expect_nobody(harness);
}

static void timeout_kills_child_in_its_own_session(void **state)
{
	struct client *client = client_open(*state);
	int64_t started_ms = now_ms();

	run_short(client, SHORT_HOOK("'foreground','setsid','sleep','60000'"));
	expect_on_time(client, started_ms, SHORT_MS);
	expect_nobody(*state);
}

/* It has its own session and its parent has exited: only the cgroup shows whose it is. */
static void timeout_kills_orphan_in_its_own_session(void **state)
{
	struct client *client = client_open(*state);
	int64_t started_ms = now_ms();

	harness_needs_cgroups(*state);
	run_short(client, SHORT_HOOK("'orphan','sleep','60000'"));
	expect_on_time(client, started_ms, SHORT_MS);
	expect_nobody(*state);
}

/* A hook of root can move itself to another cgroup, here hookd's; it is killed by its pidfd. */
static void timeout_kills_hook_that_has_left_its_cgroup(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int64_t started_ms = now_ms();
	char hook[512];

	harness_needs_cgroups(harness);
	harness_needs_root();
	snprintf(hook, sizeof(hook),
		 SHORT_HOOK("'mark','%.*s/cgroup.procs','0','say','out','sleep','60000'"),
		 (int)(strrchr(harness->cgroup, '/') - harness->cgroup), harness->cgroup);
	run_short(client, hook);
	expect_on_time(client, started_ms, SHORT_MS);
	check_string(client, "result.hooks[0].stdout", "out");
	expect_nobody(harness);
}

static void timeout_kills_many_processes(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started");
	int64_t started_ms = now_ms();

	begin_run(client, .extra = IN_LIBCONTAINER,
		  .hooks = {HOOK_WITH(",'timeout':1500000000",
				      "'crowd','200','tell','@DIR@/started','sleep','60000'")});
	fifo_await(started);
	assert_int_equal(probe_count_processes(harness->directory), 201);
	client_receive(client);
	expect_on_time(client, started_ms, 1500);
	expect_nobody(harness);
}

static void timeout_kills_a_hook_that_ignores_sigterm(void **state)
{
	struct client *client = client_open(*state);
	int64_t started_ms = now_ms();

	run_short(client, SHORT_HOOK("'ignore-term','foreground','sleep','60000'"));
	expect_on_time(client, started_ms, SHORT_MS);
	expect_nobody(*state);
}

/* 19 is SIGSTOP: a stopped process handles only SIGKILL and SIGCONT. */
static void timeout_kills_stopped_hook(void **state)
{
	struct client *client = client_open(*state);
	int64_t started_ms = now_ms();

	run_short(client, SHORT_HOOK("'say','before','raise','19','say','behind'"));
	expect_on_time(client, started_ms, SHORT_MS);
	check_string(client, "result.hooks[0].stdout", "before");
	expect_nobody(*state);
}

/* crun 1.8.1 blocked in write(2) for 5 s. */
static void state_1MiB_never_read(void **state)
{
	static const char begin[] = "{\"id\":\"box\",\"annotations\":{\"a\":\"";
	struct client *client = client_open(*state);
	char *text = malloc(1024 * 1024 + 64);
	int64_t started_ms;

	memset(text, 'x', 1024 * 1024);
	memcpy(text, begin, strlen(begin));
	snprintf(text + 1024 * 1024, 64, "\"}}");
	started_ms = now_ms();
	run(client, .state = text, .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	expect_on_time(client, started_ms, 1000);
	expect_nobody(*state);
	free(text);
}

/* Output without end must not delay the timer. */
static void timeout_during_a_flood(void **state)
{
	struct client *client = client_open(*state);
	int64_t started_ms = now_ms();

	run_short(client, SHORT_HOOK("'spam','16000000000000'"));
	expect_on_time(client, started_ms, SHORT_MS);
	check_bool(client, "result.hooks[0].stdoutTruncated", true);
	expect_nobody(*state);
}

/* The hook exited in time, though hookd sees that only after the deadline. */
static void an_exit_that_is_seen_late_is_not_a_timeout(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	int64_t until;

	begin_run(client, .extra = IN_LIBCONTAINER,
		  .hooks = {SHORT_HOOK("'tell','@DIR@/started','await','@DIR@/go','exit','7'")});
	until = now_ms() + SHORT_MS + 100;
	fifo_await(started);
	harness_freeze(harness);
	fifo_release(go);
	while (now_ms() < until) /* the test needs the deadline to pass */
		nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
	assert_int_equal(probe_count_processes(harness->directory), 0);
	harness_thaw(harness);
	client_receive(client);
	check_string(client, "result.hooks[0].outcome", "exited");
	check_int(client, "result.hooks[0].exitStatus", 7);
}

/* Killing one hook must not kill the next one, which may start while the first is exiting. */
static void hook_behind_a_timeout_is_not_hit(void **state)
{
	struct client *client = client_open(*state);

	run(client, .stage = "poststop", .extra = IN_LIBCONTAINER,
	    .hooks = {SHORT_HOOK("'crowd','20','sleep','60000'"), SHORT_HOOK("'say','well'"),
		      HOOK("'exit','0'")});
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].outcome", "timed_out");
	check_bool(client, "result.hooks[1].success", true);
	check_string(client, "result.hooks[1].stdout", "well");
	check_bool(client, "result.hooks[2].success", true);
}

static void default_timeout_is_the_configuration_s(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int64_t started_ms;

	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultTimeoutSec=1\n"});
	client = client_open(harness);
	started_ms = now_ms();
	run(client, .hooks = {HOOK("'sleep','60000'")});
	expect_on_time(client, started_ms, 1000);
}

static void start_then_cancel(struct harness *harness, struct client *client)
{
	struct client *other = client_open(harness);
	int started = fifo_open(harness, "started");
	char call[256];

	begin_run(client, .flags = ",'more':true",
		  .hooks = {HOOK("'foreground','crowd','3','tell','@DIR@/started',"
				 "'sleep','60000'"),
			    HOOK("'exit','0'")});
	client_receive(client);
	snprintf(call, sizeof(call), "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 reply_string(client, "run"));
	fifo_await(started);
	client_call(other, call);
	check_error(other, "");
	while (client->reply.continues)
		client_receive(client);
}

static void cancel_kills_grandchild(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	start_then_cancel(harness, client);
	check_outcome(client, "cancelled");
	check_string(client, "result.hooks[0].outcome", "cancelled");
	check_string(client, "result.hooks[1].outcome", "skipped");
	expect_nobody(harness);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(timeout_kills_grandchild),
	    TEST(timeout_kills_child_in_its_own_session),
	    TEST(timeout_kills_orphan_in_its_own_session),
	    TEST(timeout_kills_hook_that_has_left_its_cgroup),
	    TEST(timeout_kills_many_processes),
	    TEST(timeout_kills_a_hook_that_ignores_sigterm),
	    TEST(timeout_kills_stopped_hook),
	    TEST(state_1MiB_never_read),
	    TEST(timeout_during_a_flood),
	    TEST(an_exit_that_is_seen_late_is_not_a_timeout),
	    TEST(hook_behind_a_timeout_is_not_hit),
	    TEST_PREPARED(default_timeout_is_the_configuration_s),
	    TEST(cancel_kills_grandchild),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
