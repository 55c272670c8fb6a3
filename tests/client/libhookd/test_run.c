/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_run() against a scripted peer: what is sent, what is read, and what happens in between. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* ---- one request, one result ---- */

static void test_request_is_written(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;
	char expected[] =
	    "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":{\"stage\":\"createRuntime\","
	    "\"state\":" STATE ",\"hooks\":" HOOKS ",\"dialect\":\"oci\",\"settings\":{},"
	    "\"namespaces\":\"runtime\",\"requestId\":\"mine\",\"onDisconnect\":\"cancel\","
	    "\"traceparent\":\"tp\"}}";

	(void)state;
	assert_int_equal(hookd_run(client,
				   REQUEST(.hooks = HOOKS, .dialect = "oci", .settings = "{}",
					   .namespaces = "runtime", .request_id = "mine",
					   .on_disconnect = "cancel", .traceparent = "tp"),
				   &result),
			 0);
	assert_string_equal(hookd_result_run(result), "r1");
	assert_string_equal(hookd_result_outcome(result), "succeeded");
	assert_null(hookd_result_error(result));
	assert_int_equal(hookd_result_duration_us(result), 20);
	assert_int_equal(hookd_result_hook_count(result), 1);
	assert_null(hookd_result_hook(result, 1));
	hookd_result_free(result);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0), expected);
	fake_server_free(server);
}

/* Whatever the server sends, a run that has not succeeded has an error. */
static void test_every_failure_has_a_sentence(void **state)
{
	static const char *const outcomes[] = {"failed", "cancelled", "lost"};

	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		char reply[512];
		struct fake_server *server;
		struct hookd_client *client;
		struct hookd_result *result;

		snprintf(reply, sizeof(reply),
			 "{\"parameters\":{\"result\":{\"run\":\"r\",\"container\":\"c\",\"stage\":"
			 "\"poststop\",\"outcome\":\"%s\",\"hooks\":[],\"queuedUSec\":1,"
			 "\"durationUSec\":2}}}",
			 outcomes[i]);
		server = fake_server_answer(reply);
		client = test_client(server);
		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
		assert_string_equal(hookd_result_outcome(result), outcomes[i]);
		assert_non_null(hookd_result_error(result));
		assert_string_not_equal(hookd_result_error(result), "");
		hookd_result_free(result);
		test_end(client, server);
	}
}

static void test_result_is_read(void **state)
{
	struct fake_server *server = fake_server_answer(
	    "{\"parameters\":{\"result\":{\"run\":\"r\",\"container\":\"c\",\"stage\":"
	    "\"poststop\","
	    "\"outcome\":\"failed\",\"error\":\"error running poststop hook #0: signal: killed\","
	    "\"hooks\":["
	    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"signaled\",\"success\":false,"
	    "\"signal\":\"SIGKILL\",\"oomKilled\":true,\"error\":\"signal: killed\",\"pid\":12,"
	    "\"startedUSec\":5,\"durationUSec\":6,\"userUSec\":7,\"systemUSec\":8,"
	    "\"maxRssBytes\":9,\"stdoutBase64\":\"AP8=\",\"stdoutBytes\":100,"
	    "\"stdoutTruncated\":true,\"stderr\":\"\\u00e9\\n\",\"stderrBytes\":3,"
	    "\"stderrTruncated\":false,\"lingering\":true,\"later\":[1]},"
	    "{\"index\":1,\"path\":\"/b\",\"outcome\":\"spawn_failed\",\"success\":false,"
	    "\"error\":\"e\",\"failedStep\":\"exec\",\"errnoName\":\"ENOENT\",\"stdoutBytes\":0,"
	    "\"stdoutTruncated\":false,\"stderrBytes\":0,\"stderrTruncated\":false,"
	    "\"lingering\":false}],\"queuedUSec\":1,\"durationUSec\":2}}}");
	struct hookd_client *client = test_client(server);
	const struct hookd_hook_result *hook;
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	assert_string_equal(hookd_result_error(result),
			    "error running poststop hook #0: signal: killed");
	hook = hookd_result_hook(result, 0);
	assert_string_equal(hook->outcome, "signaled");
	assert_string_equal(hook->signal, "SIGKILL");
	assert_int_equal(hook->exit_status, -1);
	assert_int_equal(hook->oom_killed, 1);
	assert_int_equal(hook->pid, 12);
	assert_int_equal(hook->max_rss_bytes, 9);
	assert_int_equal(hook->stdout_length, 2);
	assert_memory_equal(hook->stdout_data, "\0\377", 3);
	assert_int_equal(hook->stdout_bytes, 100);
	assert_true(hook->stdout_truncated && !hook->stderr_truncated && hook->lingering);
	assert_string_equal(hook->stderr_data, "\303\251\n");
	hook = hookd_result_hook(result, 1);
	assert_string_equal(hook->failed_step, "exec");
	assert_string_equal(hook->errno_name, "ENOENT");
	assert_int_equal(hook->oom_killed, -1);
	assert_string_equal(hook->stdout_data, "");
	hookd_result_free(result);
	test_end(client, server);
}

static void test_reply_comes_in_single_bytes(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND_BYTES, FAKE_SUCCESS},
						 {FAKE_READ},
						 {FAKE_SEND_BYTES, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	for (int i = 0; i < 2; i++) {
		/* 0: without a deadline. */
		hookd_client_set_timeout(client, i == 0 ? 0 : 10000);
		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
		assert_int_equal(hookd_result_hook_count(result), 1);
		hookd_result_free(result);
	}
	test_end(client, server);
}

static void test_kept_connection_costs_three_calls(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	calls_reset();
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	assert_int_equal(calls.connects, 0);
	assert_int_equal(calls.sends, 1);
	assert_int_equal(calls.recvs, 1);
	assert_int_equal(calls.polls, 1);
	test_end(client, server);
}

static void test_smaller_request_is_an_older_one(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;
	struct hookd_run_request *request =
	    REQUEST(.hooks = HOOKS, .traceparent = "not known to that caller");

	(void)state;
	request->size = offsetof(struct hookd_run_request, traceparent);
	assert_int_equal(hookd_run(client, request, &result), 0);
	hookd_result_free(result);
	hookd_client_free(client);
	fake_server_join(server);
	assert_null(strstr(fake_server_message(server, 0), "traceparent"));
	fake_server_free(server);
}

/* ---- deadlines and bad peers ---- */

static void test_deadline_passes(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND_PART, "{\"parameters\":"},
						 {FAKE_EOF},
						 {FAKE_CLOSE},
						 {FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	hookd_client_set_timeout(client, 30);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -ETIMEDOUT);
	/* A late reply must not be read by the next call, which uses a new connection. */
	hookd_client_set_timeout(client, 10000);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	test_end(client, server);
}

static void test_bad_answers(void **state)
{
	static const char *const answers[] = {
	    "not JSON",
	    "[]",
	    "",
	    "{\"parameters\":{}}",
	    "{\"parameters\":{\"result\":{\"run\":1}}}",
	    "{\"continues\":true,\"parameters\":{\"result\":" FAKE_RUN("r", "succeeded", "",
								       "") "}}",
	    "{\"error\":\"io.hookd.hooks.Busy\",\"continues\":true}",
	    FAKE_RESULT("r", "later", "", ""),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fake_server *server = fake_server_answer(answers[i]);
		struct hookd_client *client = test_client(server);
		struct hookd_result *result = NULL;

		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EBADMSG);
		assert_null(result);
		assert_string_not_equal(hookd_client_error(client), "");
		test_end(client, server);
	}
}

static void test_answer_without_end(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND_FLOOD}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EBADMSG);
	test_end(client, server);
}

/* ---- requests that are not sent ---- */

#define SIZE .size = sizeof(struct hookd_run_request)

static void test_wrong_requests(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;
	const struct {
		const char *parameter;
		struct hookd_run_request request;
	} rows[] = {
	    {"state", {SIZE, .stage = "poststop", .hooks = HOOKS}},
	    {"state", {SIZE, .stage = "poststop", .hooks = HOOKS, .state = "{"}},
	    {"state", {SIZE, .stage = "poststop", .hooks = HOOKS, .state = "{},\"x\":{}"}},
	    {"state", {SIZE, .stage = "poststop", .hooks = HOOKS, .state = "7"}},
	    {"stage", {SIZE, .hooks = HOOKS, .state = STATE}},
	    {"hooks", {SIZE, .stage = "poststop", .state = STATE}},
	    {"hooks", {SIZE, .stage = "poststop", .state = STATE, .hooks = "{\"a\":1,\"a\":2}"}},
	    {"settings",
	     {SIZE, .stage = "poststop", .state = STATE, .hooks = HOOKS, .settings = "]"}},
	    {"size", {.size = 1, .stage = "poststop", .state = STATE, .hooks = HOOKS}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(hookd_run(client, &rows[i].request, &result), -EINVAL);
		assert_string_equal(hookd_client_error_parameter(client), rows[i].parameter);
	}
	assert_int_equal(calls.connects, 0);
	test_end(client, server);
}

static void test_request_too_long(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	struct hookd_client *client = test_client(server);
	size_t length = 4 * 1024 * 1024 - 100;
	char *hooks = test_malloc(length + 1);
	struct hookd_result *result;

	(void)state;
	memset(hooks, ' ', length);
	memcpy(hooks + length - strlen(HOOKS), HOOKS, strlen(HOOKS) + 1);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = hooks), &result), -EMSGSIZE);
	/* Nothing of it is left to send: a request that fits succeeds. */
	assert_int_equal(hookd_get_events(client), 0);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = hooks + 4096), &result), 0);
	hookd_result_free(result);
	test_free(hooks);
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_is_written),
	    cmocka_unit_test(test_result_is_read),
	    cmocka_unit_test(test_every_failure_has_a_sentence),
	    cmocka_unit_test(test_reply_comes_in_single_bytes),
	    cmocka_unit_test(test_kept_connection_costs_three_calls),
	    cmocka_unit_test(test_smaller_request_is_an_older_one),
	    cmocka_unit_test(test_deadline_passes),
	    cmocka_unit_test(test_bad_answers),
	    cmocka_unit_test(test_answer_without_end),
	    cmocka_unit_test(test_wrong_requests),
	    cmocka_unit_test(test_request_too_long),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
