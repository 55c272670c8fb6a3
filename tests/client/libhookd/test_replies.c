/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The calls of hookd_calls.h: what they send and what they read, in both forms. Each row is made
 * once by the function that waits, and once by hookd_process(), with the reply in single bytes.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/libhookd/reply_rows.h"

/* ---- both forms ---- */

struct answer {
	struct hookd_reply *reply;
	int error;
	unsigned int count;
};

static void on_done(struct hookd_client *client, int error, struct hookd_reply *reply,
		    void *userdata)
{
	struct answer *answer = userdata;

	(void)client;
	answer->reply = reply;
	answer->error = error;
	answer->count++;
}

static void loop_until(struct hookd_client *client, const unsigned int *count)
{
	while (*count == 0) {
		struct pollfd pollfd = {.fd = hookd_get_fd(client),
					.events = hookd_get_events(client)};

		assert_true(pollfd.fd >= 0);
		assert_int_equal(poll(&pollfd, 1, 30000), 1);
		(void)hookd_process(client);
	}
}

/* Makes the call in one of the two forms. */
static int make(struct hookd_client *client, const struct reply_row *row, bool waits,
		struct hookd_reply **ret)
{
	struct answer answer = {0};
	int r;

	if (waits)
		return row->call(&(struct form){.client = client, .ret = ret});
	r = row->call(&(struct form){.client = client, .done = on_done, .userdata = &answer});
	if (r < 0)
		return r;
	assert_int_equal(row->call(&(struct form){.client = client, .ret = ret}), -EALREADY);
	loop_until(client, &answer.count);
	assert_int_equal(answer.count, 1);
	*ret = answer.reply;
	return answer.error;
}

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * reply_row_count; i++) {
		const struct reply_row *row = &reply_rows[i / 2];
		const struct fake_step steps[] = {{FAKE_ACCEPT},
						  {FAKE_READ},
						  {i % 2 ? FAKE_SEND_BYTES : FAKE_SEND, row->reply},
						  {FAKE_EOF},
						  {FAKE_END}};
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(make(client, row, i % 2 == 0, &reply), 0);
		assert_string_equal(hookd_client_error(client), "");
		hookd_client_free(client);
		row->check(reply);
		hookd_reply_free(reply);
		fake_server_join(server);
		assert_string_equal(fake_server_message(server, 0), row->sent);
		fake_server_free(server);
	}
}

static void test_errors(void **state)
{
	const char *error = "{\"error\":\"io.hookd.settings.SettingFailed\",\"parameters\":{"
			    "\"path\":\"settings.x\",\"step\":\"cgroup\",\"errnoName\":\"EBUSY\","
			    "\"detail\":\"why\"}}";
	const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, error}, {FAKE_EOF}, {FAKE_END}};

	(void)state;
	for (size_t i = 0; i < 2 * reply_row_count; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;
		const struct hookd_error *last;

		assert_int_equal(make(client, &reply_rows[i / 2], i % 2 == 0, &reply), -EIO);
		assert_null(reply);
		last = hookd_client_last_error(client);
		assert_int_equal(last->error, -EIO);
		assert_string_equal(last->name, "io.hookd.settings.SettingFailed");
		assert_string_equal(last->parameter, "settings.x");
		assert_string_equal(last->reason, "why");
		assert_string_equal(last->step, "cgroup");
		assert_string_equal(last->errno_name, "EBUSY");
		assert_non_null(strstr(last->json, "\"detail\":\"why\"}"));
		test_end(client, server);
	}
}

/* A reply of another type, or none that is Varlink: -EBADMSG with the path of what is wrong. */
static void test_replies_that_are_none(void **state)
{
	static const struct {
		int (*call)(const struct form *form);
		const char *reply, *in_sentence;
	} bad[] = {
	    {call_wait, "{}", "result"},
	    {call_get, REPLY("{\"run\":{}}"), "run.run is required"},
	    {call_get, REPLY("{\"run\":{\"run\":\"r\"},\"progress\":{\"hooks\":[7]}}"),
	     "progress.hooks[0]"},
	    {call_list, REPLY("{\"runs\":{}}"), "runs must be a list"},
	    {call_list, REPLY("{\"runs\":[{\"run\":\"r\"},{\"run\":7}]}"), "runs[1].run must"},
	    {call_summary, REPLY("{\"paths\":[{\"p50USec\":\"x\"}]}"), "paths[0].p50USec must"},
	    {call_status, REPLY("{\"lastHour\":{\"runs\":-1}}"), "lastHour.runs must"},
	    {call_status, REPLY("{\"kernelFeatures\":[]}"), "kernelFeatures must"},
	    {call_metrics, REPLY("{\"text\":[]}"), "text must"},
	    {call_reload, REPLY("{\"files\":\"/a\"}"), "files must"},
	    {call_explain, REPLY("{\"hooks\":[{\"path\":\"/h\"},{\"why\":{\"ids\":1}}]}"),
	     "hooks[1].why.ids must"},
	    {call_explain, REPLY("{\"defaults\":[{\"value\":\"x\"}]}"), "defaults[0].value must"},
	    {call_explain_policy, REPLY("{\"allowed\":\"yes\"}"), "allowed must"},
	    {call_ping, "[]", "not Varlink"},
	    {call_ping, "{\"continues\":true}", "more replies"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		const struct reply_row row = {.call = bad[i / 2].call};
		struct fake_server *server = fake_server_answer(bad[i / 2].reply);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(make(client, &row, i % 2 == 0, &reply), -EBADMSG);
		assert_null(reply);
		if (!strstr(hookd_client_error(client), bad[i / 2].in_sentence))
			fail_msg("%s: %s", bad[i / 2].reply, hookd_client_error(client));
		test_end(client, server);
	}
}

/* ---- lost connections ---- */

static bool is_sent_once(const struct reply_row *row)
{
	return row->call == call_apply || row->call == call_update || row->call == call_release ||
	       row->call == call_drain;
}

static void test_what_is_safe_is_asked_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * reply_row_count; i++) {
		const struct reply_row *row = &reply_rows[i / 2];
		const struct fake_step again[] = {
		    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND_PART, "{\"parame"}, {FAKE_CLOSE},
		    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, row->reply},       {FAKE_EOF},
		    {FAKE_END}};
		const struct fake_step once[] = {
		    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_CLOSE}, {FAKE_END}};
		struct fake_server *server = fake_server_start(is_sent_once(row) ? once : again);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(make(client, row, i % 2 == 0, &reply),
				 is_sent_once(row) ? -EPIPE : 0);
		if (reply)
			row->check(reply);
		hookd_reply_free(reply);
		test_end(client, server);
	}
}

/* hookd is restarted: for a while nobody listens. */
static void test_a_restart_is_waited_for(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_UNLISTEN},
						 {FAKE_CLOSE},
						 {FAKE_WAIT_CONNECTS, .number = 4},
						 {FAKE_LISTEN},
						 {FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, "{\"parameters\":{\"runs\":[]}}"},
						 {FAKE_EOF},
						 {FAKE_END}};
	const struct reply_row row = {.call = call_list};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(make(client, &row, i == 0, &reply), 0);
		check_empty_list(reply);
		hookd_reply_free(reply);
		test_end(client, server);
	}
}

/* Only what may be asked a third time waits until hookd's configuration is mended. */
static void test_an_error_of_the_next_hookd_is_final(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.control.ConfigError\",\"parameters\":{\"file\":"
			"\"/f\",\"line\":7,\"reason\":\"why\"}}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	const struct reply_row row = {.call = call_list};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(make(client, &row, i == 0, &reply), -ESHUTDOWN);
		assert_string_equal(hookd_client_last_error(client)->reason, "why");
		test_end(client, server);
	}
}

static void test_the_deadline_holds(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_EOF}, {FAKE_END}};

	(void)state;
	for (size_t i = 0; i < reply_row_count; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		hookd_client_set_timeout(client, 5);
		assert_int_equal(make(client, &reply_rows[i], true, &reply), -ETIMEDOUT);
		assert_null(reply);
		test_end(client, server);
	}
}

/* ---- before anything is sent ---- */

static void test_wrong_filters(void **state)
{
	static const struct {
		struct hookd_run_filter filter;
		int (*call)(struct hookd_client *client, const struct hookd_run_filter *filter,
			    struct hookd_reply **ret);
		const char *parameter;
	} wrong[] = {
	    {{.run = "r"}, hookd_list, "run"},
	    {{.output = true}, hookd_list, "output"},
	    {{.container = "\xff"}, hookd_list, "container"},
	    {{.size = 1}, hookd_list, "size"},
	    {{.state = "done"}, hookd_summary, "state"},
	    {{.failed = true}, hookd_summary, "failed"},
	    {{.limit = 1}, hookd_summary, "limit"},
	    {{.before = "x"}, hookd_summary, "before"},
	};
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct hookd_run_filter filter = wrong[i].filter;

		if (filter.size == 0)
			filter.size = sizeof(filter);
		assert_int_equal(wrong[i].call(client, &filter, &reply), -EINVAL);
		assert_string_equal(hookd_client_error_parameter(client), wrong[i].parameter);
	}
	assert_int_equal(hookd_wait(client, NULL, &reply), -EINVAL);
	assert_int_equal(hookd_get(client, "\xff", &reply), -EINVAL);
	assert_int_equal(hookd_explain_policy(client, &(struct hookd_caller){0}, NULL, &reply),
			 -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "method");
	assert_null(reply);
	assert_int_equal(calls.connects, 0);
	test_end(client, server);
}

static void on_done_call_again(struct hookd_client *client, int error, struct hookd_reply *reply,
			       void *userdata)
{
	struct answer *answer = userdata;

	assert_int_equal(error, 0);
	hookd_reply_free(reply);
	if (answer->error++ == 0)
		assert_int_equal(hookd_ping_start(client, on_done_call_again, answer), 0);
	else
		answer->count++;
}

static void test_the_next_call_starts_from_done(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_READ}, {FAKE_SEND, "{}"}, {FAKE_READ},
	    {FAKE_SEND, "{}"}, {FAKE_EOF},  {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct answer answer = {0};

	(void)state;
	assert_int_equal(hookd_ping_start(client, on_done_call_again, &answer), 0);
	loop_until(client, &answer.count);
	assert_int_equal(answer.error, 2);
	test_end(client, server);
}

/* Freed while a reply is on its way, and while it waits for the next hookd. */
static void test_the_client_is_freed_meanwhile(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_EOF}, {FAKE_END}};
	static const struct fake_step lost[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};
	struct answer answer = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake_server *server = fake_server_start(i == 0 ? steps : lost);
		struct hookd_client *client = test_client(server);

		assert_int_equal(hookd_list_start(client, NULL, on_done, &answer), 0);
		while (i == 1 && calls.connects < 3) {
			struct pollfd pollfd = {hookd_get_fd(client), hookd_get_events(client), 0};

			assert_int_equal(poll(&pollfd, 1, 30000), 1);
			assert_int_equal(hookd_process(client), 0);
		}
		test_end(client, server);
	}
	assert_int_equal(answer.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_replies_that_are_none),
	    cmocka_unit_test(test_what_is_safe_is_asked_again),
	    cmocka_unit_test(test_a_restart_is_waited_for),
	    cmocka_unit_test(test_an_error_of_the_next_hookd_is_final),
	    cmocka_unit_test(test_the_deadline_holds),
	    cmocka_unit_test(test_wrong_filters),
	    cmocka_unit_test(test_the_next_call_starts_from_done),
	    cmocka_unit_test(test_the_client_is_freed_meanwhile),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
