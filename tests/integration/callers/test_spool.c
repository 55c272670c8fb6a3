/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: hookd-oci-hook leaves poststop hooks while there is no hookd, and the next one runs
 * them, each once and in order, before it answers anybody.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/spool/spool.h"
#include "tests/integration/callers/spool.h"

/* Fault 40. */
static void left_hooks_run_once_in_order_at_the_next_start(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	spool_prepare(harness);
	for (int i = 0; i < 5; i++)
		mark_later(harness, "box", (const char *[]){"1", "2", "3", "4", "5"}[i]);
	assert_int_equal(spool_count(harness, NULL, NULL), 5);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	spool_start(harness, NULL);
	client = client_open(harness);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_count(client, "runs", 5);
	check_string(client, "runs[0].stage", "poststop");
	check_int(client, "runs[0].uid", geteuid());
	await_true(harness_count_lines(harness, "log") == 5, "all of them run");
	expect_log(harness, "1\n2\n3\n4\n5\n");
	await_true(spool_count(harness, NULL, NULL) == 0, "the files are removed");
	harness_stop(harness);
	spool_start(harness, NULL);
	assert_int_equal(status_number(harness, "running"), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 5);
}

/* Fault 40. */
static void later_requests_are_queued_behind(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	spool_prepare(harness);
	assert_int_equal(
	    run_shim_in(harness, 0, "box",
			VERBS((char *)"tell", option_of("%s/started", harness->directory),
			      (char *)"await", option_of("%s/go", harness->directory),
			      (char *)"mark", option_of("%s/log", harness->directory),
			      (char *)"left")),
	    0);
	spool_start(harness, NULL);
	client = client_open(harness);
	begin_run(client, .hooks = {HOOK("'mark','@DIR@/log','asked'")});
	fifo_await(started);
	await_true(status_number(harness, "queued") == 1, "the later one waits");
	fifo_release(go);
	client_receive(client);
	check_success(client);
	expect_log(harness, "left\nasked\n");
}

/* A user may have two runs: the others wait, and none is lost. */
static void what_cannot_be_run_now_is_run_later(void **state)
{
	struct harness *harness = *state;

	spool_prepare(harness);
	for (int i = 0; i < 5; i++)
		mark_later(harness, "box", (const char *[]){"1", "2", "3", "4", "5"}[i]);
	spool_start(harness, "[Hooks]\nQueuedRunsPerUser=2\n");
	await_true(harness_count_lines(harness, "log") == 5, "all of them run");
	expect_log(harness, "1\n2\n3\n4\n5\n");
	await_true(spool_count(harness, NULL, NULL) == 0, "the files are removed");
}

/* Its run is in the records of a hookd that died before it could remove the file. */
static void known_request_is_not_run_again(void **state)
{
	struct harness *harness = *state;
	size_t length;
	char *bytes;

	spool_prepare(harness);
	mark_later(harness, "box", "once");
	bytes = spool_read_request(harness, &length);
	spool_start(harness, NULL);
	await_true(spool_count(harness, NULL, NULL) == 0, "it runs");
	await_true(status_number(harness, "running") == 0, "it ends");
	harness_stop(harness);
	spool_put(harness, spool_name(1), bytes, length);
	spool_start(harness, NULL);
	assert_int_equal(spool_count(harness, NULL, NULL), 0);
	assert_int_equal(spool_count(harness, ".refused", NULL), 0);
	assert_int_equal(status_number(harness, "running"), 0);
	expect_log(harness, "once\n");
	free(bytes);
}

/* By a shim that has found hookd draining, or not there, a moment before. */
static void what_is_left_while_hookd_runs_is_run(void **state)
{
	struct harness *harness = *state;
	size_t length;
	char *bytes = spool_make_request(harness, &length);

	spool_start(harness, NULL);
	spool_put(harness, spool_name(1), bytes, length);
	await_true(harness_count_lines(harness, "log") == 1, "it runs");
	await_true(spool_count(harness, NULL, NULL) == 0, "the file is removed");
	free(bytes);
}

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

/* Its runner has descriptors for a connection, and too few for a hook. The second one of the
 * container waits for the first. */
static void what_was_turned_away_is_run_later_in_order(void **state)
{
	struct harness *harness = *state;
	struct rlimit usual, low;
	pid_t runner;

	if (!harness_has_runners())
		skip("is about a runner that lacks descriptors");
	spool_start(harness, NULL);
	runner = harness->runner;
	harness_crash(harness);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, NULL, &usual), 0);
	low = (struct rlimit){(rlim_t)lowest_free_fd(runner) + 4, usual.rlim_max};
	for (int i = 0; i < 3; i++)
		mark_later(harness, i == 1 ? "other" : "box", (const char *[]){"1", "2", "3"}[i]);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, &low, NULL), 0);
	spool_start(harness, NULL);
	harness_await_log(harness, "the one before it was not run");
	await_true(status_number(harness, "running") + status_number(harness, "queued") == 0,
		   "all are turned away");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	assert_int_equal(spool_count(harness, NULL, NULL), 3);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, &usual, NULL), 0);
	await_true(harness_count_lines(harness, "log") == 3, "they run at the next look");
	await_true(spool_count(harness, NULL, NULL) == 0, "the files are removed");
}

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Which may be set back between two requests: they would run in the wrong order. */
static void names_do_not_depend_on_the_wall_clock(void **state)
{
	struct harness *harness = *state;
	uint64_t before, named;
	char name[256];

	spool_prepare(harness);
	before = boottime_ns();
	mark_later(harness, "box", "1");
	assert_int_equal(spool_count(harness, NULL, name), 1);
	named = strtoull(name, NULL, 10);
	assert_true(before <= named && named <= boottime_ns());
}

/* As after a start on a full disk. */
static void the_view_is_written_when_it_can_be(void **state)
{
	struct harness *harness = *state;
	char argument[128];
	struct stat st;

	spool_prepare(harness);
	assert_int_equal(unlink(spool_path(harness, "view")), 0);
	assert_int_equal(mkdir(spool_path(harness, "view"), 0700), 0);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.arguments = {argument}, .says = "view cannot be written"});
	spool_put(harness, "junk", "", 0);
	harness_await_log_without(harness, "junk is not run", "view cannot be written");
	assert_int_equal(rmdir(spool_path(harness, "view")), 0);
	await_true(stat(spool_path(harness, "view"), &st) == 0 && S_ISREG(st.st_mode),
		   "it is written at the next look");
}

/* ---- where the shim runs the hooks itself ---- */

static void shim_in_other_namespaces_runs_them_here(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	spool_prepare(harness);
	mark_here(harness, CLONE_NEWNS, "the namespaces or the root directory are not those");
	mark_here(harness, CLONE_NEWUTS, "the namespaces or the root directory are not those");
	assert_int_equal(spool_count(harness, NULL, NULL), 0);
}

static void shim_without_a_spool_runs_them_here(void **state)
{
	struct harness *harness = *state;

	mark_here(harness, 0, "it cannot be opened: No such file");
	assert_int_equal(mkdir(harness_path(harness, "state"), 0700), 0);
	assert_int_equal(mkdir(harness_path(harness, "elsewhere"), 0700), 0);
	assert_int_equal(symlink("../elsewhere", harness_path(harness, "state/spool")), 0);
	mark_here(harness, 0, "it is a symbolic link or not a directory");
	assert_int_equal(unlink(harness_path(harness, "state/spool")), 0);
	harness_write_file(harness, "state/spool", "a file");
	mark_here(harness, 0, "it is a symbolic link or not a directory");
}

static void shim_finds_the_view_damaged(void **state)
{
	struct harness *harness = *state;

	spool_prepare(harness);
	harness_write_file(harness, "state/spool/view", "garbage");
	mark_here(harness, 0, "the file view in it is damaged");
}

static void shim_does_not_use_a_directory_of_others(void **state)
{
	struct harness *harness = *state;

	spool_prepare(harness);
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0770), 0);
	mark_here(harness, 0, "has mode 0770");
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0700), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(harness_path(harness, "state/spool"), 4242, 0), 0);
	mark_here(harness, 0, "belongs to uid 4242");
}

static void shim_finds_the_spool_full(void **state)
{
	struct harness *harness = *state;
	char name[64];

	spool_prepare(harness);
	spool_put_unmarked(harness, "large.refused", "", 0);
	assert_int_equal(truncate(spool_path(harness, "large.refused"), HP_SPOOL_BYTES_MAX - 1000),
			 0);
	mark_here(harness, 0, "it is full");
	assert_int_equal(unlink(spool_path(harness, "large.refused")), 0);
	/* With the file of hookd's namespaces there is room for one more. */
	for (int i = 0; i < HP_SPOOL_FILES_MAX - 2; i++) {
		snprintf(name, sizeof(name), "%d.refused", i);
		spool_put_unmarked(harness, name, "", 0);
	}
	mark_later(harness, "box", "last");
	mark_here(harness, 0, "it is full");
	assert_int_equal(spool_count(harness, NULL, NULL), 1);
}

/* ---- SIGKILL ---- */

#define ROUNDS 20
#define MARKS  6

static size_t count_lost(struct harness *harness)
{
	struct client *client = client_open(harness);
	size_t count = 0;
	const char *found;

	client_call(client, "{'method':'io.hookd.status.List','parameters':{'outcome':'lost'}}");
	for (found = client->text; (found = strstr(found, "\"outcome\":\"lost\"")); found++)
		count++;
	client_close(client);
	return count;
}

/* Fault 41: at moments from before the first file is read until all have run. */
static void killed_hookd_runs_none_twice(void **state)
{
	static const char *const marks[MARKS] = {"1", "2", "3", "4", "5", "6"};
	struct harness *harness = *state;
	char argument[128], before[64];

	if (!harness_has_runners())
		skip("without runners hooks are killed with hookd");
	spool_prepare(harness);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	for (int round = 0; round < ROUNDS; round++) {
		const struct timespec moment = {.tv_nsec = round * 2000000l};
		size_t lost;

		for (size_t i = 0; i < MARKS; i++)
			mark_later(harness, i % 2 ? "odd" : "even", marks[i]);
		harness_spawn(harness, &(struct start){.arguments = {argument}});
		nanosleep(&moment, NULL);
		harness_crash(harness);
		spool_start(harness, NULL);
		await_true(spool_count(harness, NULL, NULL) == 0 &&
			       status_number(harness, "running") == 0 &&
			       status_number(harness, "queued") == 0,
			   "all are done");
		lost = count_lost(harness);
		if (harness_count_lines(harness, "log") + lost != MARKS)
			fail_msg("round %d: %zu hooks have run, %zu were lost", round,
				 harness_count_lines(harness, "log"), lost);
		harness_stop(harness);
		snprintf(before, sizeof(before), "log.%d", round);
		rename(harness_path(harness, "log"), harness_path(harness, before));
		unlink(harness_path(harness, "state/runs"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(left_hooks_run_once_in_order_at_the_next_start),
	    TEST_PREPARED(later_requests_are_queued_behind),
	    TEST_PREPARED(what_cannot_be_run_now_is_run_later),
	    TEST_PREPARED(known_request_is_not_run_again),
	    TEST_PREPARED(what_is_left_while_hookd_runs_is_run),
	    TEST_PREPARED(what_was_turned_away_is_run_later_in_order),
	    TEST_PREPARED(shim_in_other_namespaces_runs_them_here),
	    TEST_PREPARED(shim_without_a_spool_runs_them_here),
	    TEST_PREPARED(shim_finds_the_view_damaged),
	    TEST_PREPARED(names_do_not_depend_on_the_wall_clock),
	    TEST_PREPARED(the_view_is_written_when_it_can_be),
	    TEST_PREPARED(shim_does_not_use_a_directory_of_others),
	    TEST_PREPARED(shim_finds_the_spool_full),
	    TEST_PREPARED(killed_hookd_runs_none_twice),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
