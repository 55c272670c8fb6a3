/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_run() after a lost connection: the same request again, and no hook runs twice. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

static void test_lost_request_is_sent_again_with_its_id(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},
						 {FAKE_CLOSE},	{FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_SEND_PART, "{\"para"},
						 {FAKE_CLOSE},	{FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},	{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;
	const char *id;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	assert_string_equal(hookd_result_outcome(result), "succeeded");
	hookd_result_free(result);
	hookd_client_free(client);
	fake_server_join(server);
	id = strstr(fake_server_message(server, 0), "\"requestId\":\"");
	assert_non_null(id);
	id += strlen("\"requestId\":\"");
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 2));
	fake_server_free(server);
}

static void test_two_requests_have_two_ids(void **state)
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
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
		hookd_result_free(result);
	}
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_not_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	fake_server_free(server);
}

static void test_restarted_daemon_is_waited_for(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_UNLISTEN},
						 {FAKE_CLOSE},
						 {FAKE_WAIT_CONNECTS, .number = 4},
						 {FAKE_LISTEN},
						 {FAKE_ACCEPT},
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
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	fake_server_free(server);
}

/* A Wait too, on a connection that is new; with the id of the run. */
static void test_restarted_daemon_is_waited_for_by_wait(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_UNLISTEN},
						 {FAKE_CLOSE},
						 {FAKE_WAIT_CONNECTS, .number = 4},
						 {FAKE_LISTEN},
						 {FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);

	(void)state;
	assert_int_equal(
	    hookd_call(client, "io.hookd.hooks.Wait", "{\"run\":\"r1\"}", false, NULL, NULL), 0);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	fake_server_free(server);
}

static void test_daemon_that_stays_away_is_given_up(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result = NULL;

	(void)state;
	calls_skip_pauses(true);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EPIPE);
	calls_skip_pauses(false);
	assert_null(result);
	assert_string_not_equal(hookd_client_error(client), "");
	/* 60 s in pauses that grow to half a second. */
	assert_in_range(calls.connects, 120, 140);
	test_end(client, server);
}

static void test_request_is_not_repeated_to_another_user(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ},	  {FAKE_UNLISTEN}, {FAKE_LISTEN, .number = 4711},
	    {FAKE_CLOSE},  {FAKE_ACCEPT}, {FAKE_EOF},	   {FAKE_END}};
	struct hookd_result *result = NULL;
	struct fake_server *server;
	struct hookd_client *client;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	server = fake_server_start(steps);
	client = test_client(server);
	/* Not -EPERM, which would say that nothing was run. */
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EPIPE);
	assert_non_null(strstr(hookd_client_error(client), "belongs to uid 4711"));
	assert_null(result);
	test_end(client, server);
}

static void test_each_long_connection_counts_anew(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},
						 {FAKE_CLOSE},	{FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_ADVANCE, .number = 11000},
						 {FAKE_CLOSE},	{FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},	{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	test_end(client, server);
}

static void test_deadline_holds_while_reconnecting(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result = NULL;

	(void)state;
	hookd_client_set_timeout(client, 60000);
	calls_skip_pauses(true);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -ETIMEDOUT);
	calls_skip_pauses(false);
	assert_true(calls.connects > 100);
	test_end(client, server);
}

static void test_busy_is_final_only_the_first_time(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Draining\"}"},
	    {FAKE_EOF},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Busy\"}"},
	    {FAKE_EOF},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_SUCCESS},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Busy\"}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EBUSY);
	test_end(client, server);
}

static void test_other_errors_are_final(void **state)
{
	static const struct {
		const char *error;
		int r;
	} rows[] = {
	    {"{\"error\":\"io.hookd.hooks.RequestIdConflict\"}", -EEXIST},
	    {"{\"error\":\"io.hookd.hooks.Invalid\"}", -EINVAL},
	    {"{\"error\":\"io.hookd.hooks.Refused\"}", -EPERM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},
						  {FAKE_CLOSE},	 {FAKE_ACCEPT},
						  {FAKE_READ},	 {FAKE_SEND, rows[i].error},
						  {FAKE_EOF},	 {FAKE_END}};
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_result *result;

		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), rows[i].r);
		test_end(client, server);
	}
}

static void test_connection_closed_while_idle_is_replaced(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_WAIT}, {FAKE_CLOSE},
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_EOF},	{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_result *result;

	(void)state;
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	fake_server_go(server);
	/* hookd_process() reports it; the next call works without it. */
	assert_int_equal(hookd_get_events(client), POLLIN);
	assert_int_equal(poll(&(struct pollfd){hookd_get_fd(client), POLLIN, 0}, 1, 10000), 1);
	assert_int_equal(hookd_process(client), -EPIPE);
	assert_true(hookd_get_fd(client) < 0);
	assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), 0);
	hookd_result_free(result);
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lost_request_is_sent_again_with_its_id),
	    cmocka_unit_test(test_two_requests_have_two_ids),
	    cmocka_unit_test(test_restarted_daemon_is_waited_for),
	    cmocka_unit_test(test_restarted_daemon_is_waited_for_by_wait),
	    cmocka_unit_test(test_daemon_that_stays_away_is_given_up),
	    cmocka_unit_test(test_request_is_not_repeated_to_another_user),
	    cmocka_unit_test(test_each_long_connection_counts_anew),
	    cmocka_unit_test(test_deadline_holds_while_reconnecting),
	    cmocka_unit_test(test_busy_is_final_only_the_first_time),
	    cmocka_unit_test(test_other_errors_are_final),
	    cmocka_unit_test(test_connection_closed_while_idle_is_replaced),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
