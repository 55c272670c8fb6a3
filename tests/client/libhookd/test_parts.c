/* SPDX-License-Identifier: Apache-2.0 */

/* Hook lists with functions: what is sent to hookd, what runs here, and the result of both. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* Functions that record when they ran. */
static char trace[64];

static int note(const char *state, void *userdata)
{
	size_t length = strlen(trace);

	assert_string_equal(state, STATE);
	(void)snprintf(trace + length, sizeof(trace) - length, "%s ", (const char *)userdata);
	return 0;
}

static int note_and_fail(const char *state, void *userdata)
{
	(void)note(state, userdata);
	return -EPERM;
}

/* "c" a command, "f" a function, "F" one that fails. */
static struct hookd_hooks *list_of(const char *stage, const char *kinds)
{
	static char names[16][24];
	struct hookd_hook command = {.size = sizeof(command), .dir = "/d"};
	struct hookd_hooks *hooks;

	trace[0] = '\0';
	assert_int_equal(hookd_hooks_new(&hooks), 0);
	for (size_t i = 0; kinds[i]; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "/%zu", i);
		command.path = names[i];
		if (kinds[i] == 'c')
			assert_int_equal(hookd_hooks_add_command(hooks, stage, &command), 0);
		else
			assert_int_equal(hookd_hooks_add_function(
					     hooks, stage, names[i],
					     kinds[i] == 'f' ? note : note_and_fail, names[i]),
					 0);
	}
	return hooks;
}

static void assert_hook(const struct hookd_result *result, size_t index, const char *outcome,
			bool success)
{
	const struct hookd_hook_result *hook = hookd_result_hook(result, index);
	char path[24];

	(void)snprintf(path, sizeof(path), "/%zu", index);
	assert_non_null(hook);
	assert_int_equal(hook->index, index);
	assert_string_equal(hook->path, path);
	assert_string_equal(hook->outcome, outcome);
	assert_int_equal(hook->success, success);
}

static void assert_message(const struct fake_server *server, size_t index, const char *id,
			   const char *first, const char *last)
{
	const char *message = fake_server_message(server, index);
	char text[64];

	(void)snprintf(text, sizeof(text), "\"requestId\":\"%s\"", id);
	assert_non_null(strstr(message, text));
	(void)snprintf(text, sizeof(text), "[{\"path\":\"%s\"", first);
	assert_non_null(strstr(message, text));
	(void)snprintf(text, sizeof(text),
		       "{\"path\":\"%s\",\"args\":null,\"env\":null,\"dir\":\"/d\"", last);
	assert_non_null(strstr(message, text));
	assert_non_null(strstr(message, "\"dialect\":\"libcontainer\""));
}

#define TWO FAKE_HOOK(0, "/1") "," FAKE_HOOK(1, "/2")

static void test_parts_are_one_result(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "", TWO)},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r2", "succeeded", "", FAKE_HOOK(0, "/4"))},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "fccfcf");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(
	    hookd_run(client, REQUEST(.hook_list = hooks, .request_id = "id"), &result), 0);
	assert_string_equal(hookd_result_outcome(result), "succeeded");
	assert_string_equal(hookd_result_run(result), "r2");
	assert_null(hookd_result_error(result));
	assert_true(hookd_result_duration_us(result) >= 40);
	assert_int_equal(hookd_result_hook_count(result), 6);
	for (size_t i = 0; i < 6; i++)
		assert_hook(result, i, i == 0 || i == 3 || i == 5 ? "returned" : "exited", true);
	assert_true(hookd_result_hook(result, 0)->started_us > 0);
	assert_string_equal(trace, "/0 /3 /5 ");
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	hookd_client_free(client);
	fake_server_join(server);
	assert_message(server, 0, "id-0", "/1", "/2");
	assert_message(server, 1, "id-1", "/4", "/4");
	fake_server_free(server);
}

#define LONGEST "9223372036854775807"
#define LONG_RESULT(run, hooks)                                                                    \
	"{\"parameters\":{\"result\":{\"run\":\"" run                                              \
	"\",\"container\":\"c\",\"stage\":\"createRuntime\",\"outcome\":\"succeeded\",\"hooks\":"  \
	"[" hooks "],\"queuedUSec\":" LONGEST ",\"durationUSec\":" LONGEST "}}}"

/* A sum that overflows is the longest duration, not a negative one. */
static void test_parts_that_take_for_ever(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, LONG_RESULT("r1", FAKE_HOOK(0, "/0"))},
						 {FAKE_READ},
						 {FAKE_SEND, LONG_RESULT("r2", FAKE_HOOK(0, "/2"))},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "cfc");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_int_equal(hookd_result_duration_us(result), INT64_MAX);
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_list_of_commands_is_one_request(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "", "")},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "", "")},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "ccc");
	struct hookd_result *result;
	struct hookd_run_request *request = REQUEST(.hook_list = hooks, .request_id = "id");

	(void)state;
	assert_int_equal(hookd_run(client, request, &result), 0);
	hookd_result_free(result);
	/* Another stage of the same lists is empty; hookd is asked all the same. */
	request->stage = "poststart";
	assert_int_equal(hookd_run(client, request, &result), 0);
	assert_int_equal(hookd_result_hook_count(result), 0);
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	hookd_client_free(client);
	fake_server_join(server);
	assert_message(server, 0, "id", "/0", "/2");
	assert_null(strstr(fake_server_message(server, 1), "path"));
	fake_server_free(server);
}

static void test_failing_command_stops(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_RESULT(
	    "r1", "failed", "\"error\":\"error running createRuntime hook #1: exit status 3\",",
	    FAKE_HOOK(0, "/1") "," FAKE_FAILED_HOOK(1, "/2", 3)));
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "fccfc");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_string_equal(hookd_result_outcome(result), "failed");
	assert_string_equal(hookd_result_error(result),
			    "error running createRuntime hook #2: exit status 3");
	assert_hook(result, 1, "exited", true);
	assert_hook(result, 2, "exited", false);
	assert_int_equal(hookd_result_hook(result, 2)->exit_status, 3);
	assert_string_equal(hookd_result_hook(result, 2)->stderr_data, "oh\n");
	assert_hook(result, 3, "skipped", false);
	assert_hook(result, 4, "skipped", false);
	assert_string_equal(trace, "/0 ");
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_failing_function_stops(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "fFcf");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_string_equal(hookd_result_error(result),
			    "error running createRuntime hook #1: Operation not permitted");
	assert_hook(result, 0, "returned", true);
	assert_hook(result, 1, "returned", false);
	assert_string_equal(hookd_result_hook(result, 1)->errno_name, "EPERM");
	assert_hook(result, 2, "skipped", false);
	assert_hook(result, 3, "skipped", false);
	assert_string_equal(trace, "/0 /1 ");
	/* There was nothing to ask hookd for. */
	assert_string_equal(hookd_result_run(result), "");
	assert_int_equal(calls.connects, 0);
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_poststop_goes_on(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r1", "failed",
				    "\"error\":\"error running poststop hook #0: exit status 3\",",
				    FAKE_FAILED_HOOK(0, "/1", 3))},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Busy\"}"},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r3", "succeeded", "", FAKE_HOOK(0, "/5"))},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("poststop", "FcfcFc");
	struct hookd_run_request *request = REQUEST(.hook_list = hooks);
	struct hookd_result *result;

	(void)state;
	request->stage = "poststop";
	assert_int_equal(hookd_run(client, request, &result), 0);
	assert_string_equal(hookd_result_outcome(result), "failed");
	assert_string_equal(hookd_result_error(result),
			    "error running poststop hook #0: Operation not permitted");
	assert_hook(result, 0, "returned", false);
	assert_hook(result, 1, "exited", false);
	assert_hook(result, 2, "returned", true);
	assert_hook(result, 3, "skipped", false);
	assert_hook(result, 4, "returned", false);
	assert_hook(result, 5, "exited", true);
	assert_string_equal(trace, "/0 /2 /4 ");
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

/* ---- hookd cannot be asked ---- */

static void test_error_before_anything_ran_is_the_calls(void **state)
{
	struct fake_server *server = fake_server_answer("{\"error\":\"io.hookd.hooks.Busy\"}");
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "cf");
	struct hookd_result *result = NULL;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), -EBUSY);
	assert_null(result);
	assert_string_equal(trace, "");
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_error_afterwards_is_a_failure(void **state)
{
	struct fake_server *server = fake_server_answer("{\"error\":\"io.hookd.hooks.Busy\"}");
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "fcf");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_string_equal(hookd_result_outcome(result), "failed");
	assert_string_equal(hookd_result_error(result),
			    "error running createRuntime hook #1: hookd's queue is full");
	assert_hook(result, 1, "skipped", false);
	assert_hook(result, 2, "skipped", false);
	assert_string_equal(trace, "/0 ");
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_part_that_is_lost(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_EOF}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "fcf");
	struct hookd_result *result;

	(void)state;
	hookd_client_set_timeout(client, 30);
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_string_equal(hookd_result_outcome(result), "lost");
	assert_hook(result, 0, "returned", true);
	assert_hook(result, 1, "unknown", false);
	assert_hook(result, 2, "skipped", false);
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

/* ---- what a function may not do, and what a request may not hold ---- */

static int call_inside(const char *state, void *userdata)
{
	struct hookd_client *client = userdata;

	(void)state;
	return hookd_call(client, "a.b.C", NULL, false, NULL, NULL);
}

static void test_function_cannot_use_its_client(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "");
	struct hookd_result *result;

	(void)state;
	assert_int_equal(
	    hookd_hooks_add_function(hooks, "createRuntime", "/0", call_inside, client), 0);
	assert_int_equal(hookd_run(client, REQUEST(.hook_list = hooks), &result), 0);
	assert_string_equal(hookd_result_hook(result, 0)->errno_name, "EALREADY");
	hookd_result_free(result);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

static void test_wrong_requests(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks = list_of("createRuntime", "cf");
	char id[300] = {0};
	struct hookd_run_request *request = REQUEST(.hook_list = hooks);
	struct hookd_result *result;

	(void)state;
	memset(id, 'i', 252);
	request->request_id = id;
	assert_int_equal(hookd_run(client, request, &result), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "requestId");
	request->request_id = NULL;
	request->stage = "stop";
	assert_int_equal(hookd_run(client, request, &result), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "stage");
	request->stage = "createRuntime";
	/* With settings in oci's dialect the hooks must be in it too, and it has no `dir`. */
	request->settings = "{}";
	assert_int_equal(hookd_run(client, request, &result), -ENOTSUP);
	request->dialect = "runc";
	assert_int_equal(hookd_run(client, request, &result), -EINVAL);
	request->hooks = HOOKS;
	assert_int_equal(hookd_run(client, request, &result), -EINVAL);
	assert_int_equal(calls.connects, 0);
	hookd_hooks_free(hooks);
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts_are_one_result),
	    cmocka_unit_test(test_parts_that_take_for_ever),
	    cmocka_unit_test(test_list_of_commands_is_one_request),
	    cmocka_unit_test(test_failing_command_stops),
	    cmocka_unit_test(test_failing_function_stops),
	    cmocka_unit_test(test_poststop_goes_on),
	    cmocka_unit_test(test_error_before_anything_ran_is_the_calls),
	    cmocka_unit_test(test_error_afterwards_is_a_failure),
	    cmocka_unit_test(test_part_that_is_lost),
	    cmocka_unit_test(test_function_cannot_use_its_client),
	    cmocka_unit_test(test_wrong_requests),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
