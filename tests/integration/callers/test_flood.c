/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault 38: everything at once. Another user keeps connections with half messages, sends
 * descriptors and asks for runs; hooks fork and write without end; hookd is killed meanwhile.
 * root's hooks run all the time.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define NOBODY	    65534
#define OF_ONE_USER 50 /* MaxPerUser= */
#define LOUD_HOOKS  4
#define ROUNDS	    60
#define RSS_BYTES_MAX                                                                              \
	(64 * 1024 * 1024) /* the limits of the configuration below, with room to spare */
#define CONFIG                                                                                     \
	"[Connections]\nMaxPerUser=50\n[Results]\nMaxBytes=4000000\n[Hooks]\nQueuedRunsPerUser="   \
	"64\n"

static const struct start usual = {.config = CONFIG, .runners = 2};

static void open_to_all(const struct harness *harness)
{
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
}

/* ---- the other user ---- */

/* A quarter of the connections each: silent, the beginning of a message, no reading, a request. */
static void attack(struct client *client, int kind)
{
	static const char half[] =
	    "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":{\"state\":\"";

	if (kind == 1)
		client_send_bytes(client, half, sizeof(half) - 1);
	for (int i = 0; kind == 2 && i < 200; i++)
		client_send(client, "{'method':'org.varlink.service.GetInfo'}");
	if (kind == 3)
		begin_run(client, .hooks = {HOOK("'mark','@DIR@/stolen','x'")});
}

/* More than it may have: hookd closes those beyond the limit. */
static void connect_all(struct harness *harness)
{
	for (int i = 0; i < OF_ONE_USER + 20; i++)
		attack(client_open_as(harness, NOBODY), i % 4);
}

/* ---- hooks that do not stop ---- */

static void start_loud_hooks(struct harness *harness, int round)
{
	char container[32];

	for (int i = 0; i < LOUD_HOOKS; i++) {
		snprintf(container, sizeof(container), "loud-%d-%d", round, i);
		begin_run(client_open(harness), .container = container,
			  .hooks = {TIMED_HOOK(2, "'foreground','spam','1000000000000'")});
		snprintf(container, sizeof(container), "crowd-%d-%d", round, i);
		begin_run(client_open(harness), .container = container,
			  .hooks = {TIMED_HOOK(2, "'crowd','100','sleep','60000'")});
	}
}

static void check_memory(const struct harness *harness, pid_t pid)
{
	int64_t bytes = probe_rss_bytes(pid);

	if (bytes > RSS_BYTES_MAX)
		fail_msg("process %d of %s has %lld bytes", pid, harness->directory,
			 (long long)bytes);
}

/* root's own, one after the other. */
static void run_of_root(struct harness *harness, int number)
{
	struct client *client = client_open(harness);
	char extra[64];

	snprintf(extra, sizeof(extra), ",'requestId':'request-%d'", number);
	run(client, .container = "quiet", .extra = extra,
	    .hooks = {HOOK("'mark','@DIR@/log','x','say','heard'")});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "heard");
	client_close(client);
}

/* Fault 38. */
static void hooks_of_root_run_through_a_flood(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	for (int i = 0; i < ROUNDS; i++) {
		if (i % (ROUNDS / 3) == 0) {
			if (i > 0)
				harness_crash(harness);
			harness_start(harness, &usual);
			open_to_all(harness);
			start_loud_hooks(harness, i);
			connect_all(harness);
		}
		run_of_root(harness, i);
		check_memory(harness, harness->pid);
		check_memory(harness, harness->runner);
	}
	assert_int_equal(harness_count_lines(harness, "log"), ROUNDS);
	assert_int_equal(harness_count_lines(harness, "stolen"), 0);
	client_close_all(harness);
	await_true(status_number(harness, "running") == 0, "the loud hooks have timed out");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(hooks_of_root_run_through_a_flood),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
