/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_apply(), hookd_update(), hookd_release(), hookd_holdings(). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

#define APPLY(...)                                                                                 \
	(&(struct hookd_apply_request){.size = sizeof(struct hookd_apply_request),                 \
				       .container = "web",                                         \
				       .settings = "{}",                                           \
				       __VA_ARGS__})

static void assert_list(const char *const *list, const char *const *expected)
{
	assert_non_null(list);
	for (; *expected; list++, expected++) {
		assert_non_null(*list);
		assert_string_equal(*list, *expected);
	}
	assert_null(*list);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_apply(void **state)
{
	struct fake_server *server = fake_server_answer(
	    "{\"parameters\":{\"applied\":{\"cgroupPath\":\"/b\\u00e9\",\"cgroupCreated\":"
	    "true,\"rdtGroup\":\"g\",\"rdtCreated\":true,\"schemata\":[\"L3:0=f\",\"MB:"
	    "0=20\"],\"process\":[\"rlimits\"],\"ignored\":[]}}}");
	struct hookd_client *client = test_client(server);
	struct hookd_apply_request request = {
	    .size = sizeof(request),
	    .container = "a\"b",
	    .pid = 7,
	    .settings = " { \"process\" : {} }\n",
	    .dialect = "libcontainer",
	    .cgroup_manager = "systemd",
	};
	const struct hookd_applied *applied;
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_apply(client, &request, &reply), 0);
	hookd_client_free(client);
	applied = hookd_reply_applied(reply);
	assert_string_equal(applied->container, "a\"b");
	assert_string_equal(applied->cgroup_path, "/b\xc3\xa9");
	assert_true(applied->cgroup_created);
	assert_string_equal(applied->rdt_group, "g");
	assert_true(applied->rdt_created);
	assert_list(applied->schemata, LIST("L3:0=f", "MB:0=20"));
	assert_list(applied->process, LIST("rlimits"));
	assert_list(applied->ignored, LIST(NULL));
	assert_null(hookd_reply_strings(reply));
	assert_non_null(strstr(hookd_reply_json(reply), "\"/b\\u00e9\""));
	assert_null(hookd_reply_free(reply));
	assert_null(hookd_reply_free(NULL));
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.settings.Apply\",\"parameters\":{\"container\":"
			    "\"a\\\"b\",\"pid\":7,\"settings\": { \"process\" : {} }\n,\"dialect\":"
			    "\"libcontainer\",\"cgroupManager\":\"systemd\"}}");
	fake_server_free(server);
}

static void test_update(void **state)
{
	struct fake_server *server =
	    fake_server_answer("{\"parameters\":{\"applied\":{\"cgroupPath\":\"/b\"}}}");
	struct hookd_client *client = test_client(server);
	const struct hookd_applied *applied;
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_update(client, APPLY(.dialect = "oci"), &reply), 0);
	applied = hookd_reply_applied(reply);
	assert_string_equal(applied->container, "web");
	assert_string_equal(applied->cgroup_path, "/b");
	assert_false(applied->cgroup_created);
	assert_null(applied->rdt_group);
	assert_null(applied->schemata);
	assert_null(applied->process);
	assert_null(applied->ignored);
	hookd_reply_free(reply);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.settings.Update\",\"parameters\":{"
			    "\"container\":\"web\",\"settings\":{},\"dialect\":\"oci\"}}");
	fake_server_free(server);
}

static void test_release(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"removed\":[\"/sys/a\",\"\",\"unit\\n\"]}}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"removed\":[]}}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_release(client, "web", &reply), 0);
	assert_list(hookd_reply_strings(reply), LIST("/sys/a", "", "unit\n"));
	hookd_reply_free(reply);
	assert_int_equal(hookd_release(client, "web", &reply), 0);
	assert_list(hookd_reply_strings(reply), LIST(NULL));
	hookd_reply_free(reply);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.settings.Release\",\"parameters\":{"
			    "\"container\":\"web\"}}");
	fake_server_free(server);
}

static void test_holdings(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"containers\":{\"web\":{\"cgroupPath\":\"/web\","
			"\"cgroupCreated\":true},\"d\\u0062\":{}}}}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"containers\":{}}}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	const struct hookd_holding_list *holdings;
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_holdings(client, &reply), 0);
	holdings = hookd_reply_holdings(reply);
	assert_int_equal(holdings->count, 2);
	assert_string_equal(holdings->containers[0].container, "web");
	assert_string_equal(holdings->containers[0].cgroup_path, "/web");
	assert_true(holdings->containers[0].cgroup_created);
	assert_string_equal(holdings->containers[1].container, "db");
	assert_null(holdings->containers[1].cgroup_path);
	hookd_reply_free(reply);

	assert_int_equal(hookd_holdings(client, &reply), 0);
	assert_int_equal(hookd_reply_holdings(reply)->count, 0);
	hookd_reply_free(reply);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.settings.Holdings\"}");
	fake_server_free(server);
}

static void test_wrong_requests(void **state)
{
	static const struct {
		struct hookd_apply_request request;
		bool is_update;
		const char *parameter;
	} rows[] = {
	    {{.size = 1, .container = "c", .pid = 1, .settings = "{}"}, false, "size"},
	    {{.size = offsetof(struct hookd_apply_request, settings),
	      .container = "c",
	      .pid = 1,
	      .settings = "{}"},
	     false,
	     "settings"},
	    {{.pid = 1, .settings = "{}"}, false, "container"},
	    {{.container = "\xff", .pid = 1, .settings = "{}"}, false, "container"},
	    {{.container = "c", .settings = "{}"}, false, "pid"},
	    {{.container = "c", .pid = -1, .settings = "{}"}, false, "pid"},
	    {{.container = "c", .pid = 1, .settings = "{},\"pid\":1"}, false, "settings"},
	    {{.container = "c", .pid = 1, .settings = "[]"}, false, "settings"},
	    {{.container = "c", .pid = 1, .settings = "{}"}, true, "pid"},
	    {{.container = "c", .cgroup_manager = "systemd", .settings = "{}"},
	     true,
	     "cgroup_manager"},
	    {{.container = "c"}, true, "settings"},
	};
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hookd_apply_request request = rows[i].request;

		if (request.size == 0)
			request.size = sizeof(request);
		assert_int_equal(rows[i].is_update ? hookd_update(client, &request, &reply)
						   : hookd_apply(client, &request, &reply),
				 -EINVAL);
		assert_string_equal(hookd_client_error_parameter(client), rows[i].parameter);
	}
	assert_int_equal(hookd_release(client, NULL, &reply), -EINVAL);
	assert_int_equal(hookd_release(client, "\xff", &reply), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "container");
	assert_null(reply);
	assert_int_equal(calls.connects, 0);
	test_end(client, server);
}

/* The part of the request that an older header has is read, and nothing after it. */
static void test_a_shorter_request(void **state)
{
	struct fake_server *server = fake_server_answer("{\"parameters\":{\"applied\":{}}}");
	struct hookd_client *client = test_client(server);
	size_t size = offsetof(struct hookd_apply_request, cgroup_manager);
	struct hookd_apply_request *request = APPLY(.pid = 7, .cgroup_manager = "systemd");
	struct hookd_reply *reply;
	void *part = malloc(size);

	(void)state;
	assert_non_null(part);
	request->size = size;
	memcpy(part, request, size);
	assert_int_equal(hookd_apply(client, part, &reply), 0);
	hookd_reply_free(reply);
	free(part);
	hookd_client_free(client);
	fake_server_join(server);
	assert_null(strstr(fake_server_message(server, 0), "cgroupManager"));
	fake_server_free(server);
}

/* A newer header's: fields that this library does not know are an error unless they are empty. */
static void test_a_longer_request(void **state)
{
	struct fake_server *server = fake_server_answer("{\"parameters\":{\"applied\":{}}}");
	struct hookd_client *client = test_client(server);
	struct {
		struct hookd_apply_request known;
		const char *later;
	} request = {.known = *APPLY(.pid = 7), .later = "x"};
	struct hookd_reply *reply;

	(void)state;
	request.known.size = sizeof(request);
	assert_int_equal(hookd_apply(client, &request.known, &reply), -E2BIG);
	request.later = NULL;
	assert_int_equal(hookd_apply(client, &request.known, &reply), 0);
	hookd_reply_free(reply);
	test_end(client, server);
}

static int apply(struct hookd_client *client)
{
	struct hookd_reply *reply;

	return hookd_apply(client, APPLY(.pid = 7), &reply);
}

static int update(struct hookd_client *client)
{
	struct hookd_reply *reply;

	return hookd_update(client, APPLY(), &reply);
}

static int release(struct hookd_client *client)
{
	struct hookd_reply *reply;

	return hookd_release(client, "web", &reply);
}

static int holdings(struct hookd_client *client)
{
	struct hookd_reply *reply;

	return hookd_holdings(client, &reply);
}

static int (*const functions[])(struct hookd_client *client) = {apply, update, release, holdings};
#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

static void test_answers_that_are_none(void **state)
{
	static const struct {
		int (*function)(struct hookd_client *client);
		const char *answer, *in_sentence;
	} rows[] = {
	    {apply, "{}", "applied"},
	    {apply, "{\"parameters\":{\"applied\":{\"cgroupPath\":1}}}", "applied.cgroupPath must"},
	    {update, "{\"parameters\":{\"applied\":[]}}", "applied"},
	    {release, "{\"parameters\":{\"removed\":[1]}}", "removed[0] must"},
	    {holdings, "{\"parameters\":{\"containers\":[]}}", "containers must"},
	    {holdings, "{\"parameters\":{\"containers\":{\"a\":{},\"b\":{\"ignored\":1}}}}",
	     "containers.b.ignored must"},
	    {holdings, "{\"parameters\":{\"containers\":{}},\"continues\":true}", "more replies"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_server *server = fake_server_answer(rows[i].answer);
		struct hookd_client *client = test_client(server);

		assert_int_equal(rows[i].function(client), -EBADMSG);
		if (!strstr(hookd_client_error(client), rows[i].in_sentence))
			fail_msg("%s: %s", rows[i].answer, hookd_client_error(client));
		test_end(client, server);
	}
}

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < FUNCTION_COUNT; i++) {
		struct fake_server *server = fake_server_answer(
		    "{\"error\":\"io.hookd.settings.SettingFailed\",\"parameters\":{\"path\":"
		    "\"settings.x\",\"step\":\"cgroup\",\"errnoName\":\"EBUSY\"}}");
		struct hookd_client *client = test_client(server);

		assert_int_equal(functions[i](client), -EIO);
		assert_string_equal(hookd_client_error(client),
				    "a setting failed: settings.x in step cgroup: EBUSY");
		assert_string_equal(hookd_client_error_parameter(client), "settings.x");
		test_end(client, server);
	}
}

static void test_the_deadline_holds(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_EOF}, {FAKE_END}};

	(void)state;
	for (size_t i = 0; i < FUNCTION_COUNT; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);

		hookd_client_set_timeout(client, 20);
		assert_int_equal(functions[i](client), -ETIMEDOUT);
		test_end(client, server);
	}
}

/* A lost Release may have been done: a second one would fail with NoSuchContainer. */
static void test_what_changes_something_is_sent_once(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},  {FAKE_SEND, "{}"},
						 {FAKE_READ},	{FAKE_CLOSE}, {FAKE_END}};

	(void)state;
	for (size_t i = 0; i < FUNCTION_COUNT; i++) {
		struct fake_server *server;
		struct hookd_client *client;

		if (functions[i] == holdings)
			continue;
		server = fake_server_start(steps);
		client = test_client(server);
		assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
		assert_int_equal(functions[i](client), -EPIPE);
		test_end(client, server);
	}
}

static void test_holdings_are_asked_for_again(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_READ},
	    {FAKE_SEND, "{}"}, {FAKE_READ},
	    {FAKE_CLOSE},      {FAKE_ACCEPT},
	    {FAKE_READ},       {FAKE_SEND, "{\"parameters\":{\"containers\":{}}}"},
	    {FAKE_EOF},	       {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
	assert_int_equal(hookd_holdings(client, &reply), 0);
	hookd_reply_free(reply);
	test_end(client, server);
}

static int call_all(const char *parameters, bool continues, void *userdata)
{
	(void)parameters;
	(void)continues;
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		assert_int_equal(functions[i](userdata), -EALREADY);
	return 0;
}

static void test_no_call_in_a_call(void **state)
{
	struct fake_server *server = fake_server_answer("{}");
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, call_all, client), 0);
	test_end(client, server);
}

static int reset(void **state)
{
	(void)state;
	calls_reset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_apply),
	    cmocka_unit_test(test_update),
	    cmocka_unit_test(test_release),
	    cmocka_unit_test(test_holdings),
	    cmocka_unit_test_setup(test_wrong_requests, reset),
	    cmocka_unit_test(test_a_shorter_request),
	    cmocka_unit_test(test_a_longer_request),
	    cmocka_unit_test(test_answers_that_are_none),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_the_deadline_holds),
	    cmocka_unit_test(test_what_changes_something_is_sent_once),
	    cmocka_unit_test(test_holdings_are_asked_for_again),
	    cmocka_unit_test(test_no_call_in_a_call),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
