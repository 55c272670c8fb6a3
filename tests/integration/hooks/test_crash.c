/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd is killed and restarted: it knows the runs that had begun, and starts none of them twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define ID	",'requestId':'start-box-1'"
#define MARKING HOOK("'mark','@DIR@/log','x','say','once'")
#define WAITING HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go'")

static void start_with_state(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}});
}

/* Fault 5. */
static void result_outlives_a_crash(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char *id;

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	id = strdup(reply_string(client, "result.run"));
	harness_crash(harness);

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	check_string(client, "result.run", id);
	check_string(client, "result.hooks[0].stdout", "once");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	run(client, .extra = ID, .hooks = {HOOK("'mark','@DIR@/log','other'")});
	check_error(client, "io.hookd.hooks.RequestIdConflict");
	free(id);
}

/* Fault 2. */
static void a_request_that_was_half_read_is_run_on_retry(void **state)
{
	static const char half[] = "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":{";
	struct harness *harness = *state;
	struct client *client;

	start_with_state(harness);
	client = client_open(harness);
	client_expect_alive(client);
	client_send_bytes(client, half, sizeof(half) - 1);
	client_expect_alive(client_open(harness)); /* hookd has read it */
	harness_crash(harness);

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/*
 * Fault 5. The reply is larger than what a socket holds, and its client has read only the
 * beginning.
 */
static void a_reply_that_was_half_sent_is_sent_again(void **state)
{
	static const struct run_text text = {
	    .extra = ID,
	    .hooks = {HOOK("'mark','@DIR@/log','x','spam','64000'"), HOOK("'spam','64000'"),
		      HOOK("'spam','64000'"), HOOK("'spam','64000'"), HOOK("'spam','64000'"),
		      HOOK("'spam','64000'"), HOOK("'spam','64000'"), HOOK("'spam','64000'")},
	};
	struct harness *harness = *state;
	struct client *client;
	char beginning[1000];

	start_with_state(harness);
	client = client_open(harness);
	client_send_run(client, &text);
	assert_int_equal(recv(client->fd, beginning, sizeof(beginning), MSG_WAITALL),
			 sizeof(beginning));
	harness_crash(harness);

	start_with_state(harness);
	client = client_open(harness);
	client_send_run(client, &text);
	client_receive(client);
	check_success(client);
	assert_true(client->length > 400000);
	assert_memory_equal(client->text, beginning, sizeof(beginning));
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* Fault 5. Else a client that has received the result would be told later that the run was lost. */
static void result_is_recorded_before_the_reply(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char end[128];

	start_with_state(harness);
	client = client_open(harness);
	for (int i = 0; i < 100; i++) {
		char *records;
		size_t length;

		run(client);
		records = harness_read_file(harness, "state/runs", &length);
		assert_non_null(records);
		snprintf(end, sizeof(end), "{\"end\":\"%s\"", reply_string(client, "result.run"));
		if (!memmem(records, length, end, strlen(end)))
			fail_msg("run %d is told of and not recorded", i);
		free(records);
	}
}

/* Its result is unknown. It is reported as lost: running it again could do more damage. */
static void a_running_run_is_lost(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	if (harness_has_runners())
		skip("needs Runners=0: a runner goes on without hookd");

	start_with_state(harness);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	if (harness->runner != harness->pid)
		kill(harness->runner, SIGKILL);
	harness_crash(harness);
	fifo_release(go);

	start_with_state(harness);
	client = client_open(harness);
	for (int i = 0; i < 2; i++) {
		run(client, .extra = ID, .hooks = {WAITING});
		check_outcome(client, "lost");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].outcome", "lost");
	check_string(client, "runs[0].container", "box");
}

/* Its runner goes on with the list, and the next hookd gets the result from it. */
static void a_running_run_goes_on(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	if (!harness_has_runners())
		skip("needs runners");
	start_with_state(harness);
	client = client_open(harness);
	begin_run(client, .extra = ID, .hooks = {WAITING, MARKING});
	fifo_await(started);
	harness_crash(harness);
	fifo_release(go);

	start_with_state(harness);
	client = client_open(harness);
	for (int i = 0; i < 2; i++) {
		run(client, .extra = ID, .hooks = {WAITING, MARKING});
		check_success(client);
		check_string(client, "result.hooks[1].outcome", "exited");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].outcome", "succeeded");
}

/* Fault 3. It had not begun, so it can be run. */
static void a_queued_run_runs_on_retry(void **state)
{
	struct harness *harness = *state;
	struct client *first, *second;
	int started = fifo_open(harness, "started");

	fifo_open(harness, "go");
	start_with_state(harness);
	first = client_open(harness);
	second = client_open(harness);
	begin_run(first, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .extra = ID, .hooks = {HOOK("'mark','@DIR@/second','x'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	harness_crash(harness);
	probe_kill_processes(harness->directory);

	start_with_state(harness);
	second = client_open(harness);
	run(second, .extra = ID, .hooks = {HOOK("'mark','@DIR@/second','x'")});
	check_success(second);
	assert_int_equal(harness_count_lines(harness, "second"), 1);
}

static void ids_stay_unique(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char *id;

	start_with_state(harness);
	client = client_open(harness);
	run(client);
	id = strdup(reply_string(client, "result.run"));
	harness_crash(harness);
	start_with_state(harness);
	client = client_open(harness);
	run(client);
	assert_string_not_equal(reply_string(client, "result.run"), id);
	assert_int_equal(status_number(harness, "stored"), 2);
	free(id);
}

static void expect_row(struct client *client, int row, const char *stage, int hook,
		       const char *path)
{
	char name[32];

	snprintf(name, sizeof(name), "runs[%d].stage", row);
	check_string(client, name, stage);
	snprintf(name, sizeof(name), "runs[%d].hook", row);
	check_int(client, name, hook);
	snprintf(name, sizeof(name), "runs[%d].hooks", row);
	check_int(client, name, 3);
	snprintf(name, sizeof(name), "runs[%d].path", row);
	check_string(client, name, path);
}

/* The row of a failed run names the failed hook also after a restart. */
static void list_is_the_same_after_a_restart(void **state)
{
	static const char *const call = "{'method':'io.hookd.status.List'}";
	struct harness *harness = *state;
	struct client *client;
	char *before;

	start_with_state(harness);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'"), HOOK("'exit','0'"), "{'path':'/bin/true'}"});
	check_success(client);
	run(client, .hooks = {HOOK("'exit','0'"), "{'path':'/bin/false'}", HOOK("'exit','0'")});
	check_outcome(client, "failed");
	run(client, .stage = "poststop",
	    .hooks = {"{'path':'/bin/true'}", "{'path':'/bin/false'}", HOOK("'exit','0'")});
	check_outcome(client, "failed");
	run(client, .stage = "poststop",
	    .hooks = {"{'path':'/nonexistent'}", HOOK("'exit','1'"), "{'path':'/bin/true'}"});
	check_outcome(client, "failed");
	client_call(client, call);
	expect_row(client, 3, "createRuntime", 2, "/bin/true");
	expect_row(client, 2, "createRuntime", 1, "/bin/false");
	expect_row(client, 1, "poststop", 1, "/bin/false");
	expect_row(client, 0, "poststop", 0, "/nonexistent");
	before = strndup(client->text, client->length);
	harness_stop(harness);

	start_with_state(harness);
	client = client_open(harness);
	client_call(client, call);
	assert_int_equal(client->length, strlen(before));
	assert_memory_equal(client->text, before, client->length);
	free(before);
}

static void only_as_many_runs_are_kept_as_configured(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Results]\nMaxRuns=2\n"});
	client = client_open(harness);
	for (int i = 0; i < 5; i++)
		run(client, .hooks = {HOOK("'exit','0'")});
	assert_int_equal(status_number(harness, "stored"), 2);
	client_call(client, "{'method':'io.hookd.status.List'}");
	assert_true(reply_has(client, "runs[1].run"));
	check_absent(client, "runs[2]");
}

/* A crash can leave half a record, and other programs can write anything. */
static void torn_and_foreign_records(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	harness_crash(harness);
	harness_append_file(harness, "state/runs", "{\"begin\":\"torn");
	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	harness_stop(harness);

	harness_write_file(harness, "state/runs", "hello");
	harness_write_file(harness, "state/runs.old", "{}[]{}");
	start_with_state(harness);
	client_expect_alive(client_open(harness));
}

/* The log says which member of a record is wrong. */
static void a_wrong_member_of_a_record_is_named(void **state)
{
	static const char *const records[][2] = {
	    {"{\"x\":1}", "records of runs cannot be read: end: is required"},
	    {"{\"begin\":\"a\"}", "records of runs cannot be read: uid: is required"},
	    {"{\"forget\":5}", "records of runs cannot be read: forget: must be a string"},
	};
	struct harness *harness = *state;
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	assert_int_equal(mkdir(harness_path(harness, "state"), 0700), 0);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		size_t length = strlen(records[i][0]) + 1;
		int fd = open(harness_path(harness, "state/runs"),
			      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_equal(write(fd, records[i][0], length), length);
		close(fd);
		harness_start(harness,
			      &(struct start){.arguments = {argument}, .says = records[i][1]});
		harness_stop(harness);
	}
}

/*
 * Fault 33. A damaged file is kept under another name for the administrator; hookd begins a new
 * one.
 */
static void damaged_records_are_kept_and_new_ones_begin(void **state)
{
	static const char damaged[] = "hello\0there";
	struct harness *harness = *state;
	struct client *client;
	size_t length;
	char *kept;
	int fd;

	assert_int_equal(mkdir(harness_path(harness, "state"), 0700), 0);
	fd = open(harness_path(harness, "state/runs"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, damaged, sizeof(damaged)), sizeof(damaged));
	close(fd);
	start_with_state(harness);
	kept = harness_read_file(harness, "state/runs.unreadable", &length);
	assert_non_null(kept);
	assert_int_equal(length, sizeof(damaged));
	assert_memory_equal(kept, damaged, sizeof(damaged));
	free(kept);
	for (int i = 0; i < 2; i++) {
		client = client_open(harness);
		run(client, .extra = ID, .hooks = {MARKING});
		check_success(client);
		if (i == 0) {
			harness_crash(harness);
			start_with_state(harness);
		}
	}
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

static void fill(const char *path)
{
	static const char bytes[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* Fault 19. Of a new record only the beginning fits into the last page of the file. */
static void records_stay_on_a_full_disk(void **state)
{
	static char large[6400];
	struct harness *harness = *state;
	struct client *client;
	char directory[128], filler[160];

	harness_needs_root();
	snprintf(large, sizeof(large),
		 "{\"id\":\"box\",\"pid\":1,\"bundle\":\"/\",\"annotations\":{\"a\":\"%06000d\"}}",
		 0);
	snprintf(directory, sizeof(directory), "%s/state", harness->directory);
	snprintf(filler, sizeof(filler), "%s/filler", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(mount("tmpfs", directory, "tmpfs", 0, "size=256k,mode=700"), 0);
	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	for (int i = 0; i < 8; i++)
		run(client, .state = large, .hooks = {HOOK("'exit','0'")});
	harness_crash(harness);
	fill(filler);
	start_with_state(harness);
	client = client_open(harness);
	run(client, .state = large, .hooks = {HOOK("'exit','0'")});
	harness_crash(harness);
	assert_int_equal(unlink(filler), 0);
	start_with_state(harness);
	client = client_open(harness);
	run(client, .extra = ID, .hooks = {MARKING});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	harness_stop(harness);
	assert_int_equal(umount2(directory, MNT_DETACH), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(result_outlives_a_crash),
	    TEST_PREPARED(a_request_that_was_half_read_is_run_on_retry),
	    TEST_PREPARED(a_reply_that_was_half_sent_is_sent_again),
	    TEST_PREPARED(result_is_recorded_before_the_reply),
	    TEST_PREPARED(a_running_run_is_lost),
	    TEST_PREPARED(a_running_run_goes_on),
	    TEST_PREPARED(a_queued_run_runs_on_retry),
	    TEST_PREPARED(ids_stay_unique),
	    TEST_PREPARED(list_is_the_same_after_a_restart),
	    TEST_PREPARED(records_stay_on_a_full_disk),
	    TEST_PREPARED(only_as_many_runs_are_kept_as_configured),
	    TEST_PREPARED(torn_and_foreign_records),
	    TEST_PREPARED(a_wrong_member_of_a_record_is_named),
	    TEST_PREPARED(damaged_records_are_kept_and_new_ones_begin),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
