/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of libhookd with a real hookd, each in the form that waits and in the one for an event
 * loop; and what a client gets that knows the protocol only.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/callers/lib_client.h"

#define STATE	"{\"ociVersion\":\"1.0.2\",\"id\":\"box\",\"status\":\"creating\",\"bundle\":\"/\"}"
#define WAITING "'tell','@DIR@/started','await','@DIR@/go'"

/* The reply of a call in both forms; the first one is freed. */
#define CALL(client, name, ...)                                                                    \
	({                                                                                         \
		struct answer answer_ = {0};                                                       \
		struct hookd_reply *reply_ = NULL;                                                 \
		if (hookd_##name(client, ##__VA_ARGS__, &reply_) < 0)                              \
			fail_msg(#name ": %s", hookd_client_error(client));                        \
		hookd_reply_free(reply_);                                                          \
		assert_int_equal(hookd_##name##_start(client, ##__VA_ARGS__, on_done, &answer_),   \
				 0);                                                               \
		await_answer(client, &answer_);                                                    \
	})

/* A client that sends and reads JSON gets the same. */
static void expect_same(struct harness *harness, const char *text, struct hookd_reply *reply)
{
	struct client *client = client_open(harness);
	struct hp_json_value parameters;
	const char *bytes;
	size_t length;

	client_call(client, text);
	check_error(client, "");
	parameters = client->reply.parameters;
	bytes = hp_json_is_absent(parameters) ? "{}" : hp_json_text(parameters, &length);
	if (hp_json_is_absent(parameters))
		length = 2;
	assert_int_equal(strlen(hookd_reply_json(reply)), length);
	assert_memory_equal(hookd_reply_json(reply), bytes, length);
	client_close(client);
}

static void calls_about_runs(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct hookd_run_filter filter = {.size = sizeof(filter), .container = "box", .limit = 1};
	struct hookd_reply *reply;
	char id[64], text[256];

	run_one(harness, id);
	run_one(harness, id);
	reply = CALL(client, wait, id);
	assert_string_equal(hookd_result_run(hookd_reply_result(reply)), id);
	assert_string_equal(hookd_result_outcome(hookd_reply_result(reply)), "failed");
	snprintf(text, sizeof(text), "{'method':'io.hookd.hooks.Wait','parameters':{'run':'%s'}}",
		 id);
	expect_same(harness, text, reply);
	hookd_reply_free(reply);

	reply = CALL(client, get, id);
	assert_string_equal(hookd_reply_details(reply)->run->run, id);
	assert_int_equal(hookd_reply_details(reply)->run->exit_status, 3);
	assert_int_equal(hookd_reply_details(reply)->run->hook, 1);
	assert_non_null(strstr(hookd_reply_details(reply)->request, "createRuntime"));
	assert_string_equal(hookd_result_hook(hookd_reply_result(reply), 0)->stdout_data, "one");
	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 id);
	expect_same(harness, text, reply);
	hookd_reply_free(reply);

	reply = CALL(client, list, &filter);
	assert_int_equal(hookd_reply_list(reply)->count, 1);
	assert_true(hookd_reply_list(reply)->has_more);
	assert_string_equal(hookd_reply_list(reply)->runs[0].run, id);
	expect_same(harness,
		    "{'method':'io.hookd.status.List','parameters':{'container':'box','limit':1}}",
		    reply);
	hookd_reply_free(reply);
	filter.before = id;
	reply = CALL(client, list, &filter);
	assert_int_equal(hookd_reply_list(reply)->count, 1);
	assert_false(hookd_reply_list(reply)->has_more);
	hookd_reply_free(reply);

	reply = CALL(client, summary, NULL);
	assert_int_equal(hookd_reply_summary(reply)->runs, 2);
	assert_int_equal(hookd_reply_summary(reply)->count, 1);
	assert_int_equal(hookd_reply_summary(reply)->paths[0].failures, 2);
	expect_same(harness, "{'method':'io.hookd.status.Summary'}", reply);
	hookd_reply_free(reply);

	reply = CALL(client, cancel, id);
	snprintf(text, sizeof(text), "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 id);
	expect_same(harness, text, reply);
	hookd_reply_free(reply);
	assert_int_equal(hookd_get(client, "none", &reply), -ESRCH);
	assert_string_equal(hookd_client_last_error(client)->name, "io.hookd.status.NoSuchRun");
	hookd_client_free(client);
}

/* Of a run that goes on: its progress, and how it is cancelled. */
static void calls_about_a_running_hook(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct client *runner = client_open(harness);
	int started = fifo_open(harness, "started");
	const struct hookd_run_details *details;
	struct hookd_reply *reply;
	struct answer answer = {0};
	char id[64];

	(void)fifo_open(harness, "go");
	begin_run(runner, .flags = ",'oneway':true", .hooks = {HOOK("'say','so far'," WAITING)});
	fifo_await(started);
	reply = CALL(client, list, NULL);
	snprintf(id, sizeof(id), "%s", hookd_reply_list(reply)->runs[0].run);
	hookd_reply_free(reply);
	reply = CALL(client, get, id);
	details = hookd_reply_details(reply);
	assert_null(hookd_reply_result(reply));
	assert_string_equal(details->run->state, "running");
	/* hookd learns of the start some milliseconds later. */
	if (details->hook_count > 0) {
		assert_string_equal(details->hooks[0]->outcome, "running");
		assert_string_equal(details->hooks[0]->stdout_data, "so far");
	}
	hookd_reply_free(reply);
	assert_int_equal(hookd_wait_start(client, id, on_done, &answer), 0);
	{
		struct hookd_client *other = lib_open(harness);

		reply = CALL(other, cancel, id);
		hookd_reply_free(reply);
		hookd_client_free(other);
	}
	reply = await_answer(client, &answer);
	assert_string_equal(hookd_result_outcome(hookd_reply_result(reply)), "cancelled");
	hookd_reply_free(reply);
	hookd_client_free(client);
}

static void calls_about_the_daemon(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct hookd_reply *reply = CALL(client, ping);

	expect_same(harness, "{'method':'io.hookd.control.Ping'}", reply);
	hookd_reply_free(reply);
	reply = CALL(client, status);
	assert_int_equal(hookd_reply_status(reply)->pid, harness->pid);
	assert_string_equal(hookd_reply_status(reply)->state, "running");
	assert_non_null(strstr(hookd_reply_status(reply)->addresses[0], harness->socket));
	assert_null(hookd_reply_status(reply)->config_error_file);
	assert_true(hookd_reply_status(reply)->kernel_feature_count > 0);
	/* hookd may not have seen yet that the one of expect_same() was closed. */
	assert_in_range(hookd_reply_status(reply)->connections, 1, 2);
	hookd_reply_free(reply);
	reply = CALL(client, metrics, NULL);
	assert_non_null(strstr(hookd_reply_text(reply), "# EOF\n"));
	hookd_reply_free(reply);
	reply = CALL(client, metrics, "prometheus");
	assert_non_null(strstr(hookd_reply_text(reply), "hookd_build_info"));
	hookd_reply_free(reply);
	harness_needs_root();
	reply = CALL(client, set_log_level, "debug");
	hookd_reply_free(reply);
	reply = CALL(client, reload);
	assert_non_null(hookd_reply_strings(reply)[0]);
	expect_same(harness, "{'method':'io.hookd.control.Reload'}", reply);
	hookd_reply_free(reply);
	reply =
	    CALL(client, explain_policy, &(struct hookd_caller){.uid = 4711}, "io.hookd.hooks.Run");
	assert_false(hookd_reply_decision(reply)->allowed);
	expect_same(harness,
		    "{'method':'io.hookd.control.ExplainPolicy','parameters':{'uid':4711,"
		    "'method':'io.hookd.hooks.Run'}}",
		    reply);
	hookd_reply_free(reply);
	assert_int_equal(hookd_set_log_level(client, "loud", &reply), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "level");
	hookd_client_free(client);
}

/* What is wrong with a configuration is in the error. */
static void a_bad_configuration(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client;
	struct hookd_reply *reply = NULL;
	const struct hookd_error *error;

	harness_needs_root();
	harness_start(harness, &(struct start){.config = "[Hooks]\nConcurrentHooks=7\n"});
	client = lib_open(harness);
	harness_write_file(harness, "hookd.conf", "[Hooks]\nConcurrentHooks=many\n");
	assert_int_equal(hookd_reload(client, &reply), -ESHUTDOWN);
	error = hookd_client_last_error(client);
	assert_string_equal(error->name, "io.hookd.control.ConfigError");
	assert_string_not_equal(error->reason, "");
	assert_non_null(strstr(error->json, "\"line\":2"));
	assert_int_equal(hookd_status(client, &reply), 0);
	assert_int_equal(hookd_reply_status(reply)->config_error_line, 2);
	hookd_reply_free(reply);
	hookd_client_free(client);
}

static void calls_about_settings(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct hookd_reply *reply = CALL(client, holdings);

	assert_int_equal(hookd_reply_holdings(reply)->count, 0);
	expect_same(harness, "{'method':'io.hookd.settings.Holdings'}", reply);
	hookd_reply_free(reply);
	reply = CALL(client, compile_seccomp, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", NULL);
	assert_true(hookd_reply_seccomp(reply)->count > 0);
	expect_same(harness,
		    "{'method':'io.hookd.settings.CompileSeccomp','parameters':{'seccomp':"
		    "{'defaultAction':'SCMP_ACT_ALLOW'}}}",
		    reply);
	hookd_reply_free(reply);
	hookd_client_free(client);
}

/* In one of the two forms. */
static struct hookd_reply *apply(struct hookd_client *client,
				 const struct hookd_apply_request *request, bool waits)
{
	struct answer answer = {0};
	struct hookd_reply *reply = NULL;

	if (waits) {
		assert_int_equal(hookd_apply(client, request, &reply), 0);
		return reply;
	}
	assert_int_equal(hookd_apply_start(client, request, on_done, &answer), 0);
	return await_answer(client, &answer);
}

static struct hookd_reply *release(struct hookd_client *client, bool waits)
{
	struct answer answer = {0};
	struct hookd_reply *reply = NULL;

	if (waits) {
		assert_int_equal(hookd_release(client, "box", &reply), 0);
		return reply;
	}
	assert_int_equal(hookd_release_start(client, "box", on_done, &answer), 0);
	return await_answer(client, &answer);
}

static void apply_and_release(struct hookd_client *client, pid_t pid, bool waits)
{
	struct hookd_apply_request request = {.size = sizeof(request), .container = "box"};
	struct hookd_reply *reply;

	request.pid = pid;
	request.settings = "{\"process\":{\"oomScoreAdj\":77}}";
	reply = apply(client, &request, waits);
	assert_string_equal(hookd_reply_applied(reply)->container, "box");
	assert_string_equal(hookd_reply_applied(reply)->process[0], "oomScoreAdj");
	hookd_reply_free(reply);
	request.pid = 0;
	request.settings = "{\"process\":{\"oomScoreAdj\":78}}";
	reply = CALL(client, update, &request);
	assert_string_equal(hookd_reply_applied(reply)->process[0], "oomScoreAdj");
	hookd_reply_free(reply);
	reply = CALL(client, holdings);
	assert_int_equal(hookd_reply_holdings(reply)->count, 1);
	hookd_reply_free(reply);
	reply = release(client, waits);
	assert_null(hookd_reply_strings(reply)[0]);
	hookd_reply_free(reply);
}

static void settings_of_a_process(void **state)
{
	struct hookd_client *client = lib_open(*state);
	struct hookd_reply *reply;
	pid_t pid;

	harness_needs_root();
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	apply_and_release(client, pid, true);
	apply_and_release(client, pid, false);
	assert_int_equal(hookd_release(client, "box", &reply), -ESRCH);
	assert_string_equal(hookd_client_error_name(client), "io.hookd.settings.NoSuchContainer");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	hookd_client_free(client);
}

static void drain_ends_hookd(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct answer answer = {0};

	harness_needs_root();
	assert_int_equal(hookd_drain_start(client, on_done, &answer), 0);
	hookd_reply_free(await_answer(client, &answer));
	assert_int_equal(harness_await_end(harness), 0);
	hookd_client_free(client);
}

/* ---- functions as hooks ---- */

struct events {
	char text[1024];
	struct hookd_result *result;
	int error;
	bool is_done;
};

static void on_run_event(struct hookd_client *client, const struct hookd_event *event,
			 void *userdata)
{
	static const char *const names[] = {"?",      "accepted", "started",
					    "output", "finished", "done"};
	struct events *events = userdata;
	size_t length = strlen(events->text);

	(void)client;
	snprintf(events->text + length, sizeof(events->text) - length, "%s%zu ", names[event->type],
		 event->index);
	if (event->type == HOOKD_EVENT_DONE) {
		events->result = event->result;
		events->error = event->error;
		events->is_done = true;
	}
}

static int mark(const char *state, void *userdata)
{
	assert_string_equal(state, STATE);
	++*(int *)userdata;
	return 0;
}

static void functions_run_between_programs(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	const char *const args[] = {"hook", "exit", "0", NULL};
	const struct hookd_hook hook = {.size = sizeof(hook), .path = harness->hook, .args = args};
	struct hookd_run_request request = {
	    .size = sizeof(request), .stage = "createRuntime", .state = STATE};
	struct events events = {0};
	struct hookd_result *result;
	struct hookd_hooks *hooks;
	int count = 0;

	assert_int_equal(hookd_hooks_new(&hooks), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "f", mark, &count), 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "createRuntime", &hook), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "g", mark, &count), 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "createRuntime", &hook), 0);
	request.hook_list = hooks;
	assert_int_equal(hookd_run(client, &request, &result), 0);
	assert_string_equal(hookd_result_outcome(result), "succeeded");
	assert_int_equal(count, 2);
	hookd_result_free(result);

	assert_int_equal(hookd_run_start(client, &request, on_run_event, &events), 0);
	while (!events.is_done)
		loop_once(client);
	assert_int_equal(events.error, 0);
	assert_int_equal(count, 4);
	assert_int_equal(hookd_result_hook_count(events.result), 4);
	assert_string_equal(hookd_result_hook(events.result, 2)->outcome, "returned");
	assert_string_equal(hookd_result_hook(events.result, 3)->outcome, "exited");
	hookd_result_free(events.result);
	assert_string_equal(events.text, "started0 finished0 accepted0 started1 finished1 started2 "
					 "finished2 accepted0 started3 finished3 done0 ");
	hookd_hooks_free(hooks);
	hookd_client_free(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(calls_about_runs),	  TEST(calls_about_a_running_hook),
	    TEST(calls_about_the_daemon), TEST_PREPARED(a_bad_configuration),
	    TEST(calls_about_settings),	  TEST(settings_of_a_process),
	    TEST(drain_ends_hookd),	  TEST(functions_run_between_programs),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
