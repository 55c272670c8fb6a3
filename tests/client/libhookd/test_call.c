/* SPDX-License-Identifier: Apache-2.0 */

/* Connecting, hookd_call(), and what a caller learns of an error. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* ---- connecting ---- */

static void test_addresses(void **state)
{
	static const char *const bad[] = {"", "/run/s", "unix:", "unix:s", "unix:@s", "tcp:h:1"};
	struct hookd_client *client = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hookd_client_new(bad[i], &client), -EINVAL);
	assert_null(client);
	assert_null(hookd_client_free(NULL));
}

static void test_environment_has_the_address(void **state)
{
	struct fake_server *server = fake_server_start(fake_no_message);
	struct hookd_client *client;
	char address[128];

	(void)state;
	/* Varlink allows parameters after the path; all are ignored. */
	(void)snprintf(address, sizeof(address), "%s;mode=0600", fake_server_address(server));
	assert_int_equal(setenv("HOOKD_ADDRESS", address, 1), 0);
	assert_int_equal(hookd_client_new(NULL, &client), 0);
	assert_int_equal(hookd_client_connect(client), 0);
	assert_int_equal(hookd_client_connect(client), 0);
	assert_int_equal(calls.connects, 1);
	assert_int_equal(setenv("HOOKD_ADDRESS", "nothing", 1), 0);
	test_end(client, server);
	assert_int_equal(hookd_client_new(NULL, &client), -EINVAL);
	assert_int_equal(unsetenv("HOOKD_ADDRESS"), 0);
}

static void test_nobody_is_there(void **state)
{
	struct hookd_client *client;
	struct hookd_result *result;

	(void)state;
	calls_reset();
	assert_int_equal(hookd_client_new("unix:/nonexistent/s", &client), 0);
	assert_int_equal(hookd_client_connect(client), -ENOENT);
	assert_non_null(strstr(hookd_client_error(client), "/nonexistent/s"));
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -ENOENT);
	assert_int_equal(calls.connects, 2);
	assert_true(hookd_get_fd(client) < 0);
	hookd_client_free(client);
}

static void test_long_path(void **state)
{
	struct fake_server *server = fake_server_start_long(fake_no_message, 150);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_true(strlen(fake_server_path(server)) > 108);
	assert_int_equal(hookd_client_connect(client), 0);
	test_end(client, server);
}

static void test_connecting_has_a_deadline(void **state)
{
	/* Nobody accepts: a backlog of 8 takes 9. */
	static const struct fake_step steps[] = {{FAKE_WAIT}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *clients[10];

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		clients[i] = test_client(server);
		hookd_client_set_timeout(clients[i], 30);
		assert_int_equal(hookd_client_connect(clients[i]), i < 9 ? 0 : -ETIMEDOUT);
	}
	for (size_t i = 1; i < 10; i++)
		hookd_client_free(clients[i]);
	fake_server_go(server);
	test_end(clients[0], server);
}

/* ---- who serves the socket ---- */

/* Connects as `client_uid` to a socket that listens as `server_uid`. */
static void assert_server(uid_t server_uid, uid_t client_uid, int expected)
{
	struct fake_server *server = fake_server_start_as(fake_no_message, server_uid);
	struct hookd_client *client = test_client(server);
	char sentence[256];

	assert_int_equal(seteuid(client_uid), 0);
	assert_int_equal(hookd_client_connect(client), expected);
	assert_int_equal(seteuid(0), 0);
	if (expected < 0) {
		(void)snprintf(sentence, sizeof(sentence),
			       "the socket %s belongs to uid %u, not to root or to you",
			       fake_server_path(server), server_uid);
		assert_string_equal(hookd_client_error(client), sentence);
		assert_true(hookd_get_fd(client) < 0);
	}
	test_end(client, server);
}

static void test_server_is_root_or_the_same_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_server(0, 0, 0);
	assert_server(0, 4711, 0);
	assert_server(4711, 4711, 0);
	assert_server(4711, 0, -EPERM);
	assert_server(4712, 4711, -EPERM);
	/* The uid of the host's root, and of other users, in a user namespace. */
	assert_server(65534, 65534, -EPERM);
}

static void on_no_event(struct hookd_client *client, const struct hookd_event *event,
			void *userdata)
{
	(void)client, (void)event, (void)userdata;
	fail();
}

/* FAKE_EOF: the server has received no byte. */
static void test_server_of_another_user_gets_no_byte(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_EOF},    {FAKE_ACCEPT},
						 {FAKE_EOF},	{FAKE_ACCEPT}, {FAKE_EOF},
						 {FAKE_END}};
	const struct hookd_run_request *request = REQUEST(.hooks = HOOKS);
	struct hookd_result *result = NULL;
	struct hookd_client *client;
	struct fake_server *server;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	server = fake_server_start_as(steps, 4711);
	client = test_client(server);
	assert_int_equal(hookd_call(client, "io.hookd.control.Ping", NULL, false, NULL, NULL),
			 -EPERM);
	assert_int_equal(hookd_run(client, request, &result), -EPERM);
	assert_int_equal(hookd_run_start(client, request, on_no_event, NULL), -EPERM);
	assert_non_null(strstr(hookd_client_error(client), "belongs to uid 4711"));
	assert_null(result);
	test_end(client, server);
}

/* ---- calls ---- */

struct replies {
	struct hookd_client *client;
	char text[256];
	unsigned int count;
	int r;
};

static int on_reply(const char *parameters, bool continues, void *userdata)
{
	struct replies *replies = userdata;
	size_t length = strlen(replies->text);

	(void)snprintf(replies->text + length, sizeof(replies->text) - length, "%s%s", parameters,
		       continues ? "," : ".");
	replies->count++;
	return replies->r;
}

static void test_calls(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"version\":\"\\u00e9\"}}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{}}\n"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct replies replies = {0};

	(void)state;
	assert_int_equal(
	    hookd_call(client, "io.hookd.status.GetStatus", NULL, false, on_reply, &replies), 0);
	assert_int_equal(
	    hookd_call(client, "io.hookd.control.Reload", " { } ", false, on_reply, &replies), 0);
	assert_int_equal(hookd_call(client, "a.b.C", "{ \"x\" : [1] }", false, NULL, NULL), 0);
	assert_string_equal(replies.text, "{\"version\":\"\\u00e9\"}.{}.");
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.status.GetStatus\"}");
	assert_string_equal(fake_server_message(server, 1),
			    "{\"method\":\"io.hookd.control.Reload\"}");
	assert_string_equal(fake_server_message(server, 2),
			    "{\"method\":\"a.b.C\",\"parameters\":{ \"x\" : [1] }}");
	fake_server_free(server);
}

static void test_more_replies(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"a\":1},\"continues\":true}"},
	    {FAKE_SEND, "{\"continues\":true}"},
	    {FAKE_SEND, "{\"parameters\":{\"a\":3}}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"continues\":true}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct replies replies = {0};

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, true, on_reply, &replies), 0);
	assert_string_equal(replies.text, "{\"a\":1},{},{\"a\":3}.");
	/* A callback ends the call, which returns the callback's value. */
	replies = (struct replies){.r = -ECANCELED};
	assert_int_equal(hookd_call(client, "a.b.C", NULL, true, on_reply, &replies), -ECANCELED);
	assert_int_equal(replies.count, 1);
	assert_true(hookd_get_fd(client) < 0);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0), "{\"method\":\"a.b.C\",\"more\":true}");
	fake_server_free(server);
}

static void test_more_than_was_asked_for(void **state)
{
	struct fake_server *server = fake_server_answer("{\"continues\":true}");
	struct hookd_client *client = test_client(server);
	struct replies replies = {0};

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, on_reply, &replies), -EBADMSG);
	assert_int_equal(replies.count, 0);
	assert_true(hookd_get_fd(client) < 0);
	test_end(client, server);
}

static int call_again(const char *parameters, bool continues, void *userdata)
{
	struct replies *replies = userdata;
	struct hookd_result *result;

	(void)parameters;
	(void)continues;
	assert_int_equal(hookd_call(replies->client, "a.b.C", NULL, false, NULL, NULL), -EALREADY);
	assert_int_equal(hookd_run(replies->client, REQUEST(.hooks = HOOKS), &result), -EALREADY);
	assert_int_equal(hookd_process(replies->client), -EALREADY);
	replies->count++;
	return 0;
}

static void test_no_call_in_a_call(void **state)
{
	struct fake_server *server = fake_server_answer("{}");
	struct hookd_client *client = test_client(server);
	struct replies replies = {.client = client};

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, call_again, &replies), 0);
	assert_int_equal(replies.count, 1);
	test_end(client, server);
}

static void test_wrong_calls(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C\"", NULL, false, NULL, NULL), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "method");
	assert_int_equal(hookd_call(client, "", NULL, false, NULL, NULL), -EINVAL);
	assert_int_equal(hookd_call(client, "a.b.C", "[]", false, NULL, NULL), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "parameters");
	assert_int_equal(hookd_call(client, "a.b.C", "{}}", false, NULL, NULL), -EINVAL);
	assert_int_equal(calls.connects, 0);
	test_end(client, server);
}

/* ---- lost connections ---- */

#define FIRST_CALL                                                                                 \
	{FAKE_ACCEPT}, {FAKE_READ},                                                                \
	{                                                                                          \
		FAKE_SEND, "{}"                                                                    \
	}

static void test_unsafe_call_is_made_once(void **state)
{
	static const struct fake_step steps[] = {FIRST_CALL, {FAKE_READ}, {FAKE_CLOSE}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(hookd_call(client, "io.hookd.control.Ping", NULL, false, NULL, NULL), 0);
	assert_int_equal(hookd_call(client, "io.hookd.control.Drain", NULL, false, NULL, NULL),
			 -EPIPE);
	assert_int_equal(calls.connects, 1);
	assert_string_not_equal(hookd_client_error(client), "");
	assert_string_equal(hookd_client_error_name(client), "");
	test_end(client, server);
}

static void test_safe_call_is_repeated_once(void **state)
{
	static const char *const methods[] = {"io.hookd.control.Ping", "io.hookd.hooks.Cancel",
					      "io.hookd.settings.Holdings", "io.hookd.status.List",
					      "org.varlink.service.GetInfo"};
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},  {FAKE_CLOSE},
						 {FAKE_ACCEPT}, {FAKE_READ},  {FAKE_SEND, "{}"},
						 {FAKE_READ},	{FAKE_CLOSE}, {FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_CLOSE}, {FAKE_END}};

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);

		assert_int_equal(hookd_call(client, methods[i], NULL, false, NULL, NULL), 0);
		assert_int_equal(hookd_call(client, methods[i], NULL, false, NULL, NULL), -EPIPE);
		test_end(client, server);
	}
}

/* A reply that was delivered would come a second time. */
static void test_nothing_is_repeated_after_a_reply(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, "{\"continues\":true}"},
						 {FAKE_CLOSE},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct replies replies = {0};

	(void)state;
	assert_int_equal(hookd_call(client, "io.hookd.status.List", NULL, true, on_reply, &replies),
			 -EPIPE);
	assert_int_equal(replies.count, 1);
	test_end(client, server);
}

/* Without sinceUSec the second one would leave out what has happened between. */
static void test_watch_is_not_repeated(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_CLOSE}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(hookd_call(client, "io.hookd.status.Watch", NULL, true, NULL, NULL),
			 -EPIPE);
	test_end(client, server);
}

static void test_nothing_sent_is_sent_again(void **state)
{
	static const struct fake_step steps[] = {FIRST_CALL,  {FAKE_CLOSE},	 {FAKE_ACCEPT},
						 {FAKE_READ}, {FAKE_SEND, "{}"}, {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(hookd_call(client, "io.hookd.control.Drain", NULL, false, NULL, NULL), 0);
	/* The close has arrived once the server's end is closed: send(2) fails with EPIPE. */
	while (recv(hookd_get_fd(client), (char[1]){0}, 1, MSG_PEEK) > 0)
		continue;
	assert_int_equal(hookd_call(client, "io.hookd.control.Drain", NULL, false, NULL, NULL), 0);
	test_end(client, server);
}

/* ---- errors of the service ---- */

static const struct {
	const char *reply;
	int error;
	const char *name, *parameter, *in_sentence;
} errors[] = {
    {"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":"
     "\"hooks.createRuntime[1].timeout\"}}",
     -EINVAL, "org.varlink.service.InvalidParameter", "hooks.createRuntime[1].timeout",
     "invalid parameter hooks.createRuntime[1].timeout"},
    {"{\"error\":\"io.hookd.hooks.Invalid\",\"parameters\":{\"path\":"
     "\"hooks.createRuntime[1].timeout\",\"detail\":\"must be an integer\"}}",
     -EINVAL, "io.hookd.hooks.Invalid", "hooks.createRuntime[1].timeout",
     "invalid parameter hooks.createRuntime[1].timeout: must be an integer"},
    {"{\"error\":\"io.hookd.settings.Invalid\",\"parameters\":{\"path\":\"pid\","
     "\"detail\":\"must be from 1 to 2147483647\"}}",
     -EINVAL, "io.hookd.settings.Invalid", "pid",
     "invalid parameter pid: must be from 1 to 2147483647"},
    {"{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"M\"}}",
     -ENOSYS, "org.varlink.service.MethodNotFound", "", "method M"},
    {"{\"error\":\"org.varlink.service.MethodNotImplemented\"}", -ENOSYS,
     "org.varlink.service.MethodNotImplemented", "", "method"},
    {"{\"error\":\"org.varlink.service.InterfaceNotFound\"}", -ENOSYS,
     "org.varlink.service.InterfaceNotFound", "", "interface"},
    {"{\"error\":\"org.varlink.service.PermissionDenied\"}", -EPERM,
     "org.varlink.service.PermissionDenied", "", "allow"},
    {"{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":5}}", -EBUSY,
     "io.hookd.hooks.Busy", "", "full"},
    {"{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":5,"
     "\"reason\":\"too many\"}}",
     -EBUSY, "io.hookd.hooks.Busy", "", "hookd is busy and refuses it: too many"},
    {"{\"error\":\"io.hookd.hooks.Draining\"}", -ESHUTDOWN, "io.hookd.hooks.Draining", "",
     "shutting down"},
    {"{\"error\":\"io.hookd.control.ConfigError\",\"parameters\":{\"file\":\"/f\",\"line\":7,"
     "\"column\":2,\"key\":\"K\",\"reason\":\"why\"}}",
     -ESHUTDOWN, "io.hookd.control.ConfigError", "",
     "hookd's configuration is wrong: /f:7: K: why"},
    {"{\"error\":\"io.hookd.hooks.Refused\",\"parameters\":{\"reason\":\"no\\n\"}}", -EPERM,
     "io.hookd.hooks.Refused", "", "no\n"},
    {"{\"error\":\"io.hookd.settings.Refused\",\"parameters\":{\"reason\":7}}", -EPERM,
     "io.hookd.settings.Refused", "", "refused"},
    {"{\"error\":\"io.hookd.hooks.RequestIdConflict\"}", -EEXIST,
     "io.hookd.hooks.RequestIdConflict", "", "id"},
    {"{\"error\":\"io.hookd.hooks.NoSuchRun\",\"parameters\":{\"run\":\"r9\"}}", -ESRCH,
     "io.hookd.hooks.NoSuchRun", "", "no such run: r9"},
    {"{\"error\":\"io.hookd.status.NoSuchRun\"}", -ESRCH, "io.hookd.status.NoSuchRun", "", "run"},
    {"{\"error\":\"io.hookd.settings.SettingFailed\",\"parameters\":"
     "{\"path\":\"settings.a.b\",\"step\":\"rdt\",\"errnoName\":\"EINVAL\",\"detail\":\"a "
     "\\\"mask\\\"\"}}",
     -EIO, "io.hookd.settings.SettingFailed", "settings.a.b",
     "a setting failed: settings.a.b in step rdt: EINVAL: a \"mask\""},
    {"{\"error\":\"io.hookd.settings.SettingFailed\",\"parameters\":{\"path\":\"\","
     "\"step\":\"process\",\"errnoName\":\"EPERM\"}}",
     -EIO, "io.hookd.settings.SettingFailed", "", "a setting failed in step process: EPERM"},
    {"{\"error\":\"io.hookd.settings.NotSupported\",\"parameters\":"
     "{\"path\":\"settings.r\",\"detail\":\"no resctrl\"}}",
     -EOPNOTSUPP, "io.hookd.settings.NotSupported", "settings.r",
     "this machine cannot do it: settings.r: no resctrl"},
    {"{\"error\":\"io.hookd.settings.NoSuchProcess\",\"parameters\":{\"pid\":4711}}", -ESRCH,
     "io.hookd.settings.NoSuchProcess", "", "no such process: 4711"},
    {"{\"error\":\"io.hookd.settings.NoSuchContainer\",\"parameters\":{\"container\":"
     "\"web\"}}",
     -ESRCH, "io.hookd.settings.NoSuchContainer", "", "container: web"},
    {"{\"error\":\"io.hookd.settings.Busy\",\"parameters\":{\"container\":\"web\"}}", -EBUSY,
     "io.hookd.settings.Busy", "", "another call is going on for container web"},
    {"{\"error\":\"io.hookd.settings.Exhausted\",\"parameters\":{\"resource\":\"CLOSIDs\","
     "\"limit\":4}}",
     -ENOSPC, "io.hookd.settings.Exhausted", "", "limit reached for CLOSIDs: 4"},
    {"{\"error\":\"io.hookd.later.Error\",\"parameters\":{\"path\":\"p\"}}", -EREMOTE,
     "io.hookd.later.Error", "", "{\"path\":\"p\"}"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct fake_step steps[] = {
		    {FAKE_ACCEPT}, {FAKE_READ},	      {FAKE_SEND, errors[i].reply},
		    {FAKE_READ},   {FAKE_SEND, "{}"}, {FAKE_EOF},
		    {FAKE_END}};
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);

		assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL),
				 errors[i].error);
		assert_string_equal(hookd_client_error_name(client), errors[i].name);
		assert_string_equal(hookd_client_error_parameter(client), errors[i].parameter);
		assert_non_null(strstr(hookd_client_error(client), errors[i].in_sentence));
		assert_int_equal(hookd_client_retry_after_us(client),
				 strstr(errors[i].reply, "retryAfterUSec") ? 5 : 0);
		/* The connection is still usable, and the next call has no error. */
		assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
		assert_string_equal(hookd_client_error(client), "");
		assert_string_equal(hookd_client_error_name(client), "");
		assert_int_equal(hookd_client_retry_after_us(client), 0);
		test_end(client, server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_environment_has_the_address),
	    cmocka_unit_test(test_nobody_is_there),
	    cmocka_unit_test(test_long_path),
	    cmocka_unit_test(test_connecting_has_a_deadline),
	    cmocka_unit_test(test_server_is_root_or_the_same_user),
	    cmocka_unit_test(test_server_of_another_user_gets_no_byte),
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_more_replies),
	    cmocka_unit_test(test_more_than_was_asked_for),
	    cmocka_unit_test(test_no_call_in_a_call),
	    cmocka_unit_test(test_wrong_calls),
	    cmocka_unit_test(test_unsafe_call_is_made_once),
	    cmocka_unit_test(test_safe_call_is_repeated_once),
	    cmocka_unit_test(test_nothing_is_repeated_after_a_reply),
	    cmocka_unit_test(test_watch_is_not_repeated),
	    cmocka_unit_test(test_nothing_sent_is_sent_again),
	    cmocka_unit_test(test_errors),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
