/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.control: Reload, SetLogLevel and ExplainPolicy. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

static void call(struct client *client, const char *method, const char *parameters)
{
	char text[256];

	snprintf(text, sizeof(text), "{'method':'io.hookd.control.%s','parameters':{%s}}", method,
		 parameters);
	client_call(client, text);
}

static void expect_path(struct client *client, const char *path)
{
	run(client, .hooks = {"{'path':'/bin/sh','args':['sh','-c','printf %s \\\"$PATH\\\"']}"});
	check_string(client, "result.hooks[0].stdout", path);
}

static void reload_reads_the_files(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultPath=/old\n"});
	client = client_open(harness);
	harness_write_file(harness, "hookd.conf", "[Hooks]\nDefaultPath=/new\n");
	expect_path(client, "/old");
	call(client, "Reload", "");
	check_error(client, "");
	check_count(client, "files", 1);
	check_string(client, "files[0]", harness->config);
	expect_path(client, "/new");
	call(client, "Reload", "'now':true");
	check_error(client, "org.varlink.service.InvalidParameter");
}

/* The error says where the mistake is, and nothing has changed. */
static void reload_of_a_wrong_file(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultPath=/old\n"});
	client = client_open(harness);
	harness_write_file(harness, "hookd.conf",
			   "[Hooks]\nDefaultPath=/new\nConcurrentHooks=many\n");
	for (int i = 0; i < 2; i++) {
		call(client, "Reload", "");
		check_error(client, "io.hookd.control.ConfigError");
		check_string(client, "file", harness->config);
		check_int(client, "line", 3);
		check_string(client, "key", "ConcurrentHooks");
		assert_true(strlen(reply_string(client, "reason")) > 0);
		expect_path(client, "/old");
		client_call(client, "{'method':'io.hookd.status.GetStatus'}");
		check_int(client, "configError.line", 3);
		check_string(client, "configError.key", "ConcurrentHooks");
	}
	client_call(client, "{'method':'io.hookd.status.GetMetrics'}");
	check_line(client, "text", "hookd_config_last_reload_successful 0");
	check_line(client, "text",
		   "hookd_requests_total{method=\"io.hookd.control.Reload\","
		   "status=\"ConfigError\"} 2");
	harness_write_file(harness, "hookd.conf", "[Hooks]\nDefaultPath=/new\n");
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, "configuration reloaded");
	expect_path(client, "/new");
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_absent(client, "configError");
	assert_int_equal(unlink(harness->config), 0);
	call(client, "Reload", "");
	check_error(client, "io.hookd.control.ConfigError");
	check_int(client, "line", 0);
	check_absent(client, "key");
}

static void log_level_is_set_until_the_next_reload(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Log]\nLevel=warning\n"});
	client = client_open(harness);
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_string(client, "logLevel", "warning");
	call(client, "SetLogLevel", "'level':'debug'");
	check_error(client, "");
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_string(client, "logLevel", "debug");
	call(client, "SetLogLevel", "'level':'loud'");
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "level");
	/* At this level refused values are logged. */
	harness_await_log(harness, "io.hookd.control.SetLogLevel");
	call(client, "SetLogLevel", "");
	check_string(client, "parameter", "level");
	call(client, "Reload", "");
	check_error(client, "");
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_string(client, "logLevel", "warning");
}

static void policy_is_explained(void **state)
{
	struct client *client;

	harness_needs_root();
	client = client_open(*state);
	call(client, "ExplainPolicy", "'uid':0,'method':'io.hookd.hooks.Run'");
	check_error(client, "");
	check_bool(client, "allowed", true);
	check_string(client, "reason", "");
	check_absent(client, "rule");
	call(client, "ExplainPolicy", "'uid':1000,'method':'io.hookd.hooks.Run'");
	check_bool(client, "allowed", false);
	check_string(client, "rule", "permission");
	check_part(client, "reason", "uid 1000");
	call(client, "ExplainPolicy",
	     "'uid':1000,'method':'io.hookd.settings.CompileSeccomp','parameters':{}");
	check_bool(client, "allowed", true);
	call(client, "ExplainPolicy", "'uid':1000,'method':'io.hookd.hooks.Walk'");
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "method");
	call(client, "ExplainPolicy", "'uid':-1,'method':'io.hookd.hooks.Run'");
	check_string(client, "parameter", "uid");
}

static void check_answer(struct client *client, const char *parameters, const char *rule,
			 const char *part)
{
	call(client, "ExplainPolicy", parameters);
	check_error(client, "");
	check_bool(client, "allowed", !rule);
	if (rule)
		check_string(client, "rule", rule);
	check_part(client, "reason", part);
}

/* Whether they may connect, by the mode of the socket. */
static void groups_count(void **state)
{
#define COMPILES "'method':'io.hookd.settings.CompileSeccomp'"
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	client = client_open(harness);
	check_answer(client, "'uid':1000,'gids':[]," COMPILES, "socket", "mode 600 of 0:0");
	check_answer(client, "'uid':0,'gids':[]," COMPILES, NULL, "");
	assert_int_equal(chown(harness->socket, (uid_t)-1, 4711), 0);
	assert_int_equal(chmod(harness->socket, 0660), 0);
	check_answer(client, "'uid':1000,'gids':[7,4711]," COMPILES, NULL, "");
	check_answer(client, "'uid':1000,'gids':[7]," COMPILES, "socket", "mode 660 of 0:4711");
	assert_int_equal(chmod(harness->socket, 0606), 0);
	check_answer(client, "'uid':1000,'gids':[4711]," COMPILES, "socket", "mode 606");
	check_answer(client, "'uid':1000,'gids':[7]," COMPILES, NULL, "");
	call(client, "ExplainPolicy", "'uid':0,'gids':[1,-1]," COMPILES);
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "gids[1]");
	call(client, "ExplainPolicy", "'uid':0,'gids':7," COMPILES);
	check_string(client, "parameter", "gids");
}

static void parameters_count(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char text[160];

	harness_needs_root();
	client = client_open(harness);
	snprintf(text, sizeof(text),
		 "'uid':0,'method':'io.hookd.settings.Apply','parameters':{'pid':%d}",
		 harness->pid);
	check_answer(client, text, "process", "hookd");
	snprintf(text, sizeof(text),
		 "'uid':0,'method':'io.hookd.settings.Apply','parameters':{'pid':%d}", getpid());
	check_answer(client, text, NULL, "");
	check_answer(client, "'uid':0,'method':'io.hookd.settings.Apply','parameters':{'pid':1}",
		     "process", "pid 1");
	call(client, "ExplainPolicy",
	     "'uid':0,'method':'io.hookd.control.Ping','parameters':'none'");
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "parameters");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(reload_reads_the_files),
	    TEST_PREPARED(reload_of_a_wrong_file),
	    TEST_PREPARED(log_level_is_set_until_the_next_reload),
	    TEST(policy_is_explained),
	    TEST(groups_count),
	    TEST(parameters_count),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
