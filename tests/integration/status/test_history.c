/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that memory has no more are in the history: List, Get, Watch and Summary find them, also
 * after hookd was killed. A history that is stopped, or cannot be used, delays no hook.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"

#define RUNS 25

static void list(struct client *client, const char *parameters)
{
	char text[512];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.List','parameters':{%s}}",
		 parameters);
	client_call(client, text);
	check_error(client, "");
}

static void get(struct client *client, const char *id)
{
	char text[256];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 id);
	client_call(client, text);
}

static void end(struct harness *harness)
{
	client_close_all(harness);
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
}

static void crash_and_start(struct harness *harness, const struct start *start)
{
	harness_crash(harness);
	client_close_all(harness);
	harness_start(harness, start);
}

static const struct start few = {.config = "[Results]\nMaxRuns=3\n"};

/* The first one's output and failure are looked at. */
static void make_runs(struct client *client, char ids[RUNS][32])
{
	char container[32];

	for (int i = 0; i < RUNS; i++) {
		snprintf(container, sizeof(container), "box-%d", i);
		run(client, .container = container,
		    .hooks = {i == 0 ? HOOK("'say','first words','exit','3'")
				     : HOOK("'exit','0'")});
		snprintf(ids[i], 32, "%s", reply_string(client, "result.run"));
	}
}

/* Page by page, from the newest to the oldest. */
static void expect_all(struct client *client, char ids[RUNS][32])
{
	char before[64] = "", parameters[128], path[32];
	int left = RUNS;

	do {
		snprintf(parameters, sizeof(parameters), "'limit':4%s", before);
		list(client, parameters);
		for (uint32_t i = 0; i < hp_json_count(reply_value(client, "runs")); i++) {
			snprintf(path, sizeof(path), "runs[%u].run", i);
			assert_true(left > 0);
			assert_string_equal(reply_string(client, path), ids[--left]);
			snprintf(before, sizeof(before), ",'before':'%s'", ids[left]);
		}
	} while (reply_has(client, "hasMore"));
	assert_int_equal(left, 0);
}

static void expect_first(struct client *client, const char *id)
{
	get(client, id);
	check_error(client, "");
	check_string(client, "run.container", "box-0");
	check_string(client, "result.outcome", "failed");
	check_int(client, "result.hooks[0].exitStatus", 3);
	check_part(client, "result.hooks[0].stdout", "first words");
	assert_true(reply_has(client, "result.hooks[0].maxRssBytes"));
	check_string(client, "request.stage", "createRuntime");
}

static void expect_summary(struct client *client, int64_t runs, int64_t failures)
{
	client_call(client, "{'method':'io.hookd.status.Summary'}");
	check_error(client, "");
	check_int(client, "runs", runs);
	check_int(client, "paths[0].runs", runs);
	check_int(client, "paths[0].failures", failures);
}

/* Fault 52. */
static void runs_are_listed_over_restarts(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32];

	harness_start(harness, &few);
	client = client_open(harness);
	make_runs(client, ids);
	expect_all(client, ids);
	expect_summary(client, RUNS, 1);
	for (int i = 0; i < 2; i++) {
		if (i == 0) {
			crash_and_start(harness, &few);
		} else {
			end(harness);
			harness_start(harness, &few);
		}
		client = client_open(harness);
		expect_all(client, ids);
		expect_first(client, ids[0]);
		expect_summary(client, RUNS, 1);
	}
	get(client, "000000000000");
	check_error(client, "io.hookd.status.NoSuchRun");
}

static void without_runners_too(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32], option[128];
	struct start start = {.config = "[Results]\nMaxRuns=0\n", .no_runners = true};

	snprintf(option, sizeof(option), "--state-dir=%s/state", harness->directory);
	start.arguments[0] = option;
	harness_start(harness, &start);
	client = client_open(harness);
	make_runs(client, ids);
	expect_all(client, ids);
	crash_and_start(harness, &start);
	client = client_open(harness);
	expect_all(client, ids);
	expect_first(client, ids[0]);
	expect_summary(client, RUNS, 1);
}

/* Fault 52. hookd is killed at once, so nothing is in the history but what its successor puts
 * there. */
static void runs_that_were_not_written_are_added_later(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32];

	harness_start(harness, &(struct start){0});
	client = client_open(harness);
	make_runs(client, ids);
	crash_and_start(harness, &(struct start){0});
	end(harness);
	harness_start(harness, &few);
	client = client_open(harness);
	expect_all(client, ids);
	expect_summary(client, RUNS, 1);
}

static void a_prefix_finds_runs_in_both(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32], text[64];

	harness_start(harness, &few);
	client = client_open(harness);
	make_runs(client, ids);
	snprintf(text, sizeof(text), "'runPrefix':'%.8s'", ids[1]);
	list(client, text);
	check_string(client, "runs[0].run", ids[1]);
	list(client, "'containerPrefix':'box-2'");
	check_count(client, "runs", 6); /* 24 to 20, 2 */
	list(client, "'failed':true");
	check_count(client, "runs", 1);
	list(client, "'state':'running'");
	check_count(client, "runs", 0);
}

static void another_user_sees_nothing_of_it(void **state)
{
	struct harness *harness = *state;
	struct client *client, *other;
	char ids[RUNS][32], text[128];

	harness_needs_root();
	harness_start(harness, &few);
	client = client_open(harness);
	make_runs(client, ids);
	chmod(harness->socket, 0666);
	chmod(harness->directory, 0755);
	other = client_open_as(harness, 65534);
	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 ids[0]);
	client_call(other, text);
	assert_false(reply_has(other, "run.container"));
}

static void watch_tells_what_was(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32];
	int done = 0, submitted = 0;

	harness_start(harness, &few);
	client = client_open(harness);
	make_runs(client, ids);
	list(client, "'limit':1"); /* so that all are written */
	crash_and_start(harness, &few);
	client = client_open(harness);
	client_send(client, "{'method':'io.hookd.status.Watch','more':true,"
			    "'parameters':{'sinceUSec':1}}");
	while (done < RUNS) {
		client_receive(client);
		check_error(client, "");
		if (strcmp(reply_string(client, "event"), "submitted") == 0)
			assert_string_equal(reply_string(client, "run.run"), ids[submitted++]);
		done += strcmp(reply_string(client, "event"), "done") == 0;
	}
	assert_int_equal(submitted, RUNS);
}

/* Until the first of them has ended. */
static void watch_tells_what_was_until_then(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32], text[128];
	int done = 0;

	harness_start(harness, &few);
	client = client_open(harness);
	make_runs(client, ids);
	list(client, "'limit':1"); /* so that all are written */
	crash_and_start(harness, &few);
	client = client_open(harness);
	client_send(client, "{'method':'io.hookd.status.Watch','more':true,"
			    "'parameters':{'sinceUSec':1}}");
	do
		client_receive(client);
	while (strcmp(reply_string(client, "event"), "done") != 0);
	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.status.Watch','more':true,"
		 "'parameters':{'sinceUSec':1,'untilUSec':%" PRId64 "}}",
		 reply_int(client, "timeUSec"));
	client = client_open(harness);
	client_send(client, text);
	for (client_receive(client); client->reply.continues; client_receive(client)) {
		assert_string_equal(reply_string(client, "run.run"), ids[0]);
		done += strcmp(reply_string(client, "event"), "done") == 0;
	}
	check_string(client, "event", "end");
	assert_int_equal(done, 1);
	client_expect_alive(client);
}

/* ---- a history that does not work ---- */

static pid_t history_thread_of(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks))) {
		char *name;

		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", pid, entry->d_name);
		name = entry->d_name[0] == '.' ? NULL : file_read(path, NULL);
		if (name && strcmp(name, "hookd-history\n") == 0)
			found = atoi(entry->d_name);
		free(name);
	}
	closedir(tasks);
	assert_true(found > 0);
	return found;
}

/* Fault 51. While the thread is stopped hooks run, and what does not need it is answered. */
static void a_stopped_history_delays_no_hook(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char ids[RUNS][32];
	pid_t thread;
	int status;

	harness_needs_root();
	harness_start(harness, &few);
	client = client_open(harness);
	thread = history_thread_of(harness->pid);
	if (ptrace(PTRACE_SEIZE, thread, 0, 0) < 0)
		skip("needs ptrace(2)");
	assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, 0, 0), 0);
	assert_int_equal(waitpid(thread, &status, __WALL), thread);
	make_runs(client, ids);
	get(client, ids[RUNS - 1]);
	check_error(client, "");
	list(client, "'state':'running'");
	list(client_open(harness), "'state':'queued'");
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_part(client, "reason", "does not answer");
	assert_int_equal(ptrace(PTRACE_DETACH, thread, 0, 0), 0);
	expect_all(client, ids);
}

static void a_history_that_cannot_be_opened_is_told(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char config[256];
	static const char *const calls[] = {
	    "{'method':'io.hookd.status.Get','parameters':{'run':'0123456789ab'}}",
	    "{'method':'io.hookd.status.List'}",
	    "{'method':'io.hookd.status.List','parameters':{'before':'0123456789ab'}}",
	    "{'method':'io.hookd.status.Summary'}",
	    "{'method':'io.hookd.status.Watch','more':true,'parameters':{'run':'0123456789ab'}}",
	    "{'method':'io.hookd.status.Watch','more':true,'parameters':{'sinceUSec':1}}",
	};

	snprintf(config, sizeof(config), "[History]\nDirectory=%s/none/at/all\n",
		 harness->directory);
	harness_start(harness, &(struct start){.config = config});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	do
		client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	while (strcmp(reply_string(client, "history.state"), "opening") == 0);
	check_string(client, "history.state", "failing");
	check_string(client, "history.error", "No such file or directory");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		client_call(client, calls[i]);
		check_error(client, "io.hookd.hooks.Busy");
		check_part(client, "reason", "No such file or directory");
	}
	list(client, "'state':'running'");
}

static void without_a_history_there_is_memory(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[History]\nStore=no\n"});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	list(client, "");
	check_count(client, "runs", 1);
	get(client, "0123456789ab");
	check_error(client, "io.hookd.status.NoSuchRun");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(runs_are_listed_over_restarts),
	    TEST_PREPARED(without_runners_too),
	    TEST_PREPARED(runs_that_were_not_written_are_added_later),
	    TEST_PREPARED(a_prefix_finds_runs_in_both),
	    TEST_PREPARED(another_user_sees_nothing_of_it),
	    TEST_PREPARED(watch_tells_what_was),
	    TEST_PREPARED(watch_tells_what_was_until_then),
	    TEST_PREPARED(a_stopped_history_delays_no_hook),
	    TEST_PREPARED(a_history_that_cannot_be_opened_is_told),
	    TEST_PREPARED(without_a_history_there_is_memory),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
