/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that fail: before the exec, by their exit status, by a signal; and the hooks after them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/integration/harness/check.h"

#define HOOK0	"result.hooks[0]"
#define NO_HOOK "{'path':'/nonexistent'}"

/* procd and crun report the exit status of a child that could not exec as that of the hook. */
static void missing_binary_reports_enoent(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {"{'path':'/nonexistent/hook','timeout':5}"});
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_bool(client, HOOK0 ".success", false);
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "ENOENT");
	check_absent(client, HOOK0 ".exitStatus");
	check_string(client, HOOK0 ".error",
		     "fork/exec /nonexistent/hook: no such file or directory");
	check_string(client, "result.error",
		     "error running createRuntime hook #0: fork/exec /nonexistent/hook: no such "
		     "file or directory");
}

static void exit_127_is_not_spawn_failure(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'exit','127'")});
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "exited");
	check_int(client, HOOK0 ".exitStatus", 127);
	check_absent(client, HOOK0 ".failedStep");
	check_absent(client, HOOK0 ".errnoName");
}

static void expect_exec_error(struct client *client, const char *hook, const char *errno_name)
{
	run(client, .hooks = {hook});
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", errno_name);
}

static void errno_of_exec_reaches_the_client(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_write_file(harness, "plain", "not executable\n");
	harness_write_file(harness, "noise", "no program either\n");
	assert_int_equal(chmod(harness_path(harness, "noise"), 0755), 0);
	harness_write_file(harness, "script", "#!/nonexistent/interpreter\n");
	assert_int_equal(chmod(harness_path(harness, "script"), 0755), 0);
	expect_exec_error(client, "{'path':'@DIR@/plain'}", "EACCES");
	expect_exec_error(client, "{'path':'@DIR@'}", "EACCES");
	expect_exec_error(client, "{'path':'@DIR@/plain/below'}", "ENOTDIR");
	expect_exec_error(client, "{'path':'@DIR@/noise'}", "ENOEXEC");
	expect_exec_error(client, "{'path':'@DIR@/script'}", "ENOENT");
}

static void script_runs(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_write_file(harness, "script", "#!/bin/sh\nread line\necho \"$1:$line\"\nexit 4\n");
	assert_int_equal(chmod(harness_path(harness, "script"), 0755), 0);
	run(client, .state = "{\"id\":\"box\"}",
	    .hooks = {"{'path':'@DIR@/script','args':['script','word']}"});
	check_int(client, HOOK0 ".exitStatus", 4);
	check_string(client, HOOK0 ".stdout", "word:{\"id\":\"box\"}\n");
}

static void exit_statuses(void **state)
{
	static const int statuses[] = {0, 1, 2, 126, 128, 255};
	struct client *client = client_open(*state);
	char hook[256];

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		snprintf(hook, sizeof(hook), HOOK("'exit','%d'"), statuses[i]);
		run(client, .hooks = {hook});
		check_string(client, HOOK0 ".outcome", "exited");
		check_int(client, HOOK0 ".exitStatus", statuses[i]);
		check_bool(client, HOOK0 ".success", statuses[i] == 0);
	}
}

static void hook_killed_by_signal(void **state)
{
	static const struct {
		int number;
		const char *name, *error;
	} signals[] = {
	    {SIGKILL, "SIGKILL", "signal: killed, stdout: x, stderr: "},
	    {SIGSEGV, "SIGSEGV", "signal: segmentation fault, stdout: x, stderr: "},
	    {SIGTERM, "SIGTERM", "signal: terminated, stdout: x, stderr: "},
	    {SIGPIPE, "SIGPIPE", "signal: broken pipe, stdout: x, stderr: "},
	    {40, "signal 40", NULL},
	};
	struct client *client = client_open(*state);
	char hook[256];

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		snprintf(hook, sizeof(hook), HOOK("'say','x','raise','%d'"), signals[i].number);
		run(client, .hooks = {hook});
		check_outcome(client, "failed");
		check_string(client, HOOK0 ".outcome", "signaled");
		check_string(client, HOOK0 ".signal", signals[i].name);
		check_absent(client, HOOK0 ".exitStatus");
		if (signals[i].error)
			check_string(client, HOOK0 ".error", signals[i].error);
	}
}

static void first_failure_ends_the_list(void **state)
{
	static const char *const stages[] = {"prestart", "createRuntime", "poststart"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		run(client, .stage = stages[i],
		    .hooks = {HOOK("'exit','0'"), HOOK("'exit','9'"),
			      HOOK("'mark','@DIR@/third','x'")});
		check_outcome(client, "failed");
		check_count(client, "result.hooks", 3);
		check_bool(client, "result.hooks[0].success", true);
		check_int(client, "result.hooks[1].exitStatus", 9);
		check_string(client, "result.hooks[2].outcome", "skipped");
		check_bool(client, "result.hooks[2].success", false);
		check_absent(client, "result.hooks[2].pid");
		check_part(client, "result.error", "hook #1: exit status 9");
	}
	assert_int_equal(harness_count_lines(harness, "third"), 0);
}

/* runc stops at the first failure here too, contrary to runtime-spec. */
static void poststop_runs_them_all(void **state)
{
	struct client *client = client_open(*state);

	run(client, .stage = "poststop",
	    .hooks = {HOOK("'exit','5'"), HOOK("'exit','6'"), NO_HOOK, NO_HOOK,
		      HOOK("'say','last'")});
	check_outcome(client, "failed");
	check_string(client, "result.error",
		     "error running poststop hook #0: exit status 5, stdout: , stderr: ");
	check_int(client, "result.hooks[1].exitStatus", 6);
	check_string(client, "result.hooks[2].outcome", "spawn_failed");
	check_string(client, "result.hooks[3].outcome", "spawn_failed");
	check_bool(client, "result.hooks[4].success", true);
	check_string(client, "result.hooks[4].stdout", "last");
}

static void process_is_described(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int64_t now_us = (int64_t)time(NULL) * 1000000;
	char line[64];

	run(client, .hooks = {HOOK("'report'")});
	check_success(client);
	snprintf(line, sizeof(line), "pid %d", (int)reply_int(client, HOOK0 ".pid"));
	check_line(client, HOOK0 ".stdout", line);
	check_string(client, HOOK0 ".path", harness->hook);
	assert_true(llabs(reply_int(client, HOOK0 ".startedUSec") - now_us) < 60 * 1000000);
	assert_true(reply_int(client, HOOK0 ".durationUSec") > 0);
	assert_true(reply_int(client, "result.durationUSec") >=
		    reply_int(client, HOOK0 ".durationUSec"));
	assert_true(reply_int(client, HOOK0 ".maxRssBytes") > 0);
	assert_true(reply_int(client, HOOK0 ".userUSec") >= 0);
	check_string(client, "result.container", "box");
	check_string(client, "result.stage", "createRuntime");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(missing_binary_reports_enoent),
	    TEST(exit_127_is_not_spawn_failure),
	    TEST(errno_of_exec_reaches_the_client),
	    TEST(script_runs),
	    TEST(exit_statuses),
	    TEST(hook_killed_by_signal),
	    TEST(first_failure_ends_the_list),
	    TEST(poststop_runs_them_all),
	    TEST(process_is_described),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
