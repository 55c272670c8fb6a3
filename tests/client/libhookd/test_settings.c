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
	struct hookd_applied *applied;

	(void)state;
	assert_int_equal(hookd_apply(client, &request, &applied), 0);
	hookd_client_free(client);
	assert_string_equal(applied->container, "a\"b");
	assert_string_equal(applied->cgroup_path, "/b\xc3\xa9");
	assert_true(applied->cgroup_created);
	assert_string_equal(applied->rdt_group, "g");
	assert_true(applied->rdt_created);
	assert_list(applied->schemata, LIST("L3:0=f", "MB:0=20"));
	assert_list(applied->process, LIST("rlimits"));
	assert_list(applied->ignored, LIST(NULL));
	assert_null(hookd_applied_free(applied));
	assert_null(hookd_applied_free(NULL));
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
	struct hookd_applied *applied;

	(void)state;
	assert_int_equal(hookd_update(client, APPLY(.dialect = "oci"), &applied), 0);
	assert_string_equal(applied->container, "web");
	assert_string_equal(applied->cgroup_path, "/b");
	assert_false(applied->cgroup_created);
	assert_null(applied->rdt_group);
	assert_null(applied->schemata);
	assert_null(applied->process);
	assert_null(applied->ignored);
	hookd_applied_free(applied);
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
	char **removed;

	(void)state;
	assert_int_equal(hookd_release(client, "web", &removed), 0);
	assert_list((const char *const *)removed, LIST("/sys/a", "", "unit\n"));
	free(removed);
	assert_int_equal(hookd_release(client, "web", &removed), 0);
	assert_list((const char *const *)removed, LIST(NULL));
	free(removed);
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
	struct hookd_holdings *holdings;

	(void)state;
	assert_int_equal(hookd_holdings(client, &holdings), 0);
	assert_int_equal(hookd_holdings_count(holdings), 2);
	assert_string_equal(hookd_holdings_get(holdings, 0)->container, "web");
	assert_string_equal(hookd_holdings_get(holdings, 0)->cgroup_path, "/web");
	assert_true(hookd_holdings_get(holdings, 0)->cgroup_created);
	assert_string_equal(hookd_holdings_get(holdings, 1)->container, "db");
	assert_null(hookd_holdings_get(holdings, 1)->cgroup_path);
	assert_null(hookd_holdings_get(holdings, 2));
	assert_null(hookd_holdings_free(holdings));
	assert_null(hookd_holdings_free(NULL));

	assert_int_equal(hookd_holdings(client, &holdings), 0);
	assert_int_equal(hookd_holdings_count(holdings), 0);
	assert_null(hookd_holdings_get(holdings, 0));
	hookd_holdings_free(holdings);
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
	struct hookd_applied *applied = NULL;
	char **removed = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hookd_apply_request request = rows[i].request;

		if (request.size == 0)
			request.size = sizeof(request);
		assert_int_equal(rows[i].is_update ? hookd_update(client, &request, &applied)
						   : hookd_apply(client, &request, &applied),
				 -EINVAL);
		assert_string_equal(hookd_client_error_parameter(client), rows[i].parameter);
	}
	assert_int_equal(hookd_release(client, NULL, &removed), -EINVAL);
	assert_int_equal(hookd_release(client, "\xff", &removed), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "container");
	assert_null(applied);
	assert_null(removed);
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
	struct hookd_applied *applied;
	void *part = malloc(size);

	(void)state;
	assert_non_null(part);
	request->size = size;
	memcpy(part, request, size);
	assert_int_equal(hookd_apply(client, part, &applied), 0);
	hookd_applied_free(applied);
	free(part);
	hookd_client_free(client);
	fake_server_join(server);
	assert_null(strstr(fake_server_message(server, 0), "cgroupManager"));
	fake_server_free(server);
}

static int apply(struct hookd_client *client)
{
	struct hookd_applied *applied;

	return hookd_apply(client, APPLY(.pid = 7), &applied);
}

static int update(struct hookd_client *client)
{
	struct hookd_applied *applied;

	return hookd_update(client, APPLY(), &applied);
}

static int release(struct hookd_client *client)
{
	char **removed;

	return hookd_release(client, "web", &removed);
}

static int holdings(struct hookd_client *client)
{
	struct hookd_holdings *holdings;

	return hookd_holdings(client, &holdings);
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
	    {release, "{\"parameters\":{}}", "removed is required"},
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
	struct hookd_holdings *holdings;

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
	assert_int_equal(hookd_holdings(client, &holdings), 0);
	hookd_holdings_free(holdings);
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
