/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd cannot start a process because it has too few descriptors: the reply is Busy, and nothing
 * is kept of the request. If a hook was run before, it is a result instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define ID	",'requestId':'start-box-1'"
#define MARKING HOOK("'mark','@DIR@/log','x'")
#define WAITING HOOK("'tell','@DIR@/started','await','@DIR@/go'")

/* ---- hookd's descriptors ---- */

static struct rlimit usual;

static int lowest_free_fd(pid_t pid)
{
	struct stat st;
	char path[64];

	for (int fd = 0;; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		if (lstat(path, &st) < 0)
			return fd;
	}
}

/* Lets hookd open `count` more; those that it has stay open. */
static void leave_descriptors(const struct harness *harness, int count)
{
	struct rlimit low;

	if (!usual.rlim_max)
		assert_int_equal(prlimit(harness->runner, RLIMIT_NOFILE, NULL, &usual), 0);
	low = (struct rlimit){(rlim_t)(lowest_free_fd(harness->runner) + count), usual.rlim_max};
	assert_int_equal(prlimit(harness->runner, RLIMIT_NOFILE, &low, NULL), 0);
}

static void give_descriptors(const struct harness *harness)
{
	assert_int_equal(prlimit(harness->runner, RLIMIT_NOFILE, &usual, NULL), 0);
}

static void expect_busy(struct client *client)
{
	check_error(client, "io.hookd.hooks.Busy");
	assert_true(reply_int(client, "retryAfterUSec") > 0);
	check_part(client, "reason", "open files");
}

/* ---- tests ---- */

static void start_with_state(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}});
}

/*
 * Fault 17. Whether the descriptors run out while it examines the caller or when it makes the
 * pipes.
 */
static void nothing_is_kept_of_a_request(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_expect_alive(client);
	for (int count = 0; count < 4; count++) {
		leave_descriptors(harness, count);
		run(client, .extra = ID, .hooks = {MARKING});
		expect_busy(client);
		run(client, .extra = ID, .flags = ",'more':true", .hooks = {MARKING});
		while (client->reply.continues)
			client_receive(client);
		expect_busy(client);
		give_descriptors(harness);
	}
	assert_int_equal(status_number(harness, "stored"), 0);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_count(client, "runs", 0);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* For each number of free descriptors: those for hookd-run are needed as well. */
static void a_hook_with_settings_is_no_failure(void **state)
{
	/* More than the runner has open: the lowest free one may be below many that it keeps. */
	enum { ENOUGH = 512 };
	static const char extra[] = ID ",'settings':{'process':{'noNewPrivileges':true}}";
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int count = 0;
	bool is_busy = true;

	client_expect_alive(client);
	for (; is_busy && count < ENOUGH; count++) {
		leave_descriptors(harness, count);
		run(client, .extra = extra, .hooks = {MARKING});
		is_busy = client->reply.error[0] != '\0';
		if (is_busy)
			expect_busy(client);
	}
	give_descriptors(harness);
	check_success(client);
	assert_in_range(count, 8, ENOUGH);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Another request may use the id. */
static void the_id_is_free_again(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_expect_alive(client);
	leave_descriptors(harness, 1);
	run(client, .extra = ID, .hooks = {HOOK("'exit','3'")});
	expect_busy(client);
	give_descriptors(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
}

/* All waiters get the error: those of the same request and those that wait for the run. */
static void all_waiters_get_the_error(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *waiters[3];
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char wait[128];

	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	for (int i = 0; i < 3; i++)
		waiters[i] = client_open(harness);
	begin_run(waiters[0], .extra = ID, .hooks = {MARKING});
	begin_run(waiters[1], .extra = ID, .hooks = {MARKING});
	await_true(status_number(harness, "queued") == 1, "it is in the line");
	client_call(waiters[2], "{'method':'io.hookd.status.List'}");
	snprintf(wait, sizeof(wait), "{'method':'io.hookd.hooks.Wait','parameters':{'run':'%s'}}",
		 reply_string(waiters[2], "runs[0].run"));
	client_send(waiters[2], wait);
	client_expect_alive(client_open(harness));
	/* The second hook of the first run does not exist, so the run ends without descriptors. */
	leave_descriptors(harness, 0);
	fifo_release(go);
	client_receive(first);
	check_success(first);
	for (int i = 0; i < 3; i++) {
		client_receive(waiters[i]);
		expect_busy(waiters[i]);
	}
	give_descriptors(harness);
	assert_int_equal(status_number(harness, "stored"), 1);
	run(waiters[0], .extra = ID, .hooks = {MARKING});
	check_success(waiters[0]);
}

/* The same request behind it on the connection is read when the first one is answered. */
static void a_pipelined_repeat_is_a_new_run(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(client, .extra = ID, .hooks = {MARKING});
	begin_run(client, .extra = ID, .hooks = {MARKING});
	await_true(status_number(harness, "queued") == 1, "it is queued");
	client_expect_alive(client_open(harness));
	leave_descriptors(harness, 0);
	fifo_release(go);
	client_receive(first);
	for (int i = 0; i < 2; i++) {
		client_receive(client);
		expect_busy(client);
	}
	give_descriptors(harness);
	assert_int_equal(status_number(harness, "stored"), 1);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* A hook was run, so it is a result, which is kept. */
static void a_later_hook_is_a_result(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(client, .extra = ID, .hooks = {WAITING, MARKING});
	fifo_await(started);
	leave_descriptors(harness, 0);
	fifo_release(go);
	client_receive(client);
	give_descriptors(harness);
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].outcome", "exited");
	check_string(client, "result.hooks[1].outcome", "spawn_failed");
	check_string(client, "result.hooks[1].errnoName", "EMFILE");
	assert_int_equal(status_number(harness, "stored"), 1);
	run(client, .extra = ID, .hooks = {WAITING, MARKING});
	check_outcome(client, "failed");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

static int64_t running(struct client *client)
{
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	return reply_int(client, "running");
}

/* A oneway call gets no reply and has no id for a retry, so the failure is kept as a result. */
static void a_oneway_failure_is_kept_as_a_result(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_expect_alive(client);
	leave_descriptors(harness, 1);
	begin_run(client, .flags = ",'oneway':true", .hooks = {MARKING});
	client_expect_alive(client);
	await_true(running(client) == 0, "the run ends");
	give_descriptors(harness);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].outcome", "failed");
	check_part(client, "runs[0].error", "open files");
}

/* It is not recorded on disk either: requested again after a crash, it is run. */
static void a_busy_request_is_not_recorded(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	start_with_state(harness);
	client = client_open(harness);
	client_expect_alive(client);
	leave_descriptors(harness, 1);
	run(client, .extra = ID, .hooks = {MARKING});
	expect_busy(client);
	give_descriptors(harness);
	harness_crash(harness);

	start_with_state(harness);
	assert_int_equal(status_number(harness, "stored"), 0);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* The next run of the container is started. */
static void the_queue_goes_on(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *next = client_open(harness);

	client_expect_alive(client);
	client_expect_alive(next);
	leave_descriptors(harness, 1);
	run(client, .hooks = {MARKING});
	expect_busy(client);
	give_descriptors(harness);
	run(next, .hooks = {MARKING});
	check_success(next);
	harness_await_log(harness, "refused for lack of resources, no hook was run: ");
}

/* Sets the limit of hookd's cgroup: mkdir(2) in it then fails with EAGAIN. */
static void allow_cgroups(const struct harness *harness, const char *count)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.max.descendants", harness->cgroup);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(count, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Fault 25. hookd keeps some cgroups ready; these hooks use them up. */
static void a_limit_of_cgroups_is_busy(void **state)
{
	enum { RESERVE_MAX = 80 };
	struct harness *harness = *state;
	struct client *client = NULL;
	int started = fifo_open(harness, "started");
	bool is_busy = false;
	char container[16];

	harness_needs_cgroups(harness);
	fifo_open(harness, "go");
	allow_cgroups(harness, "0");
	for (int i = 0; !is_busy && i < RESERVE_MAX; i++) {
		client = client_open(harness);
		snprintf(container, sizeof(container), "box-%d", i);
		begin_run(client, .container = container, .extra = ",'onDisconnect':'cancel'",
			  .hooks = {WAITING});
		await_true(fifo_has_told(started) || client_has_input(client), "it has begun");
		is_busy = client_has_input(client);
		if (!is_busy)
			fifo_await(started);
	}
	assert_true(is_busy);
	client_receive(client);
	check_error(client, "io.hookd.hooks.Busy");
	check_part(client, "reason", "cgroup: ");
	allow_cgroups(harness, "max");
	run(client, .container = "other", .hooks = {MARKING});
	check_success(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_kept_of_a_request),
	    TEST(a_hook_with_settings_is_no_failure),
	    TEST(the_id_is_free_again),
	    TEST(all_waiters_get_the_error),
	    TEST(a_pipelined_repeat_is_a_new_run),
	    TEST(a_later_hook_is_a_result),
	    TEST(a_oneway_failure_is_kept_as_a_result),
	    TEST_PREPARED(a_busy_request_is_not_recorded),
	    TEST(the_queue_goes_on),
	    TEST(a_limit_of_cgroups_is_busy),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
