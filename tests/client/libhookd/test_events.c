/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_run_start() and hookd_process() in a loop of the test's own. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* The events received, one line each. */
struct log {
	char text[1024];
	size_t length;
	unsigned int done;
	unsigned int again; /* runs to start from DONE */
	const struct hookd_run_request *request;
	bool calls_inside;
	uint64_t last_offset; /* of output */
};

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	static const char *const names[] = {"?",      "accepted", "started",
					    "output", "finished", "done"};
	struct log *log = userdata;
	struct hookd_result *result;
	const char *outcome = event->hook ? event->hook->outcome : "";

	if (event->result)
		outcome = hookd_result_outcome(event->result);
	log->length += (size_t)snprintf(
	    log->text + log->length, sizeof(log->text) - log->length, "%s %s %zu %d %.*s %s %d\n",
	    names[event->type], event->run ? event->run : "-", event->index, event->stream,
	    (int)event->data_length, event->data ? event->data : "", outcome, event->error);
	if (event->type == HOOKD_EVENT_OUTPUT)
		log->last_offset = event->offset;
	if (log->calls_inside && event->type != HOOKD_EVENT_DONE) {
		assert_int_equal(hookd_run(client, REQUEST(.hooks = HOOKS), &result), -EALREADY);
		assert_int_equal(hookd_process(client), -EALREADY);
		assert_int_equal(hookd_run_start(client, log->request, on_event, log), -EALREADY);
	}
	if (event->type != HOOKD_EVENT_DONE)
		return;
	hookd_result_free(event->result);
	log->done++;
	if (log->again > 0) {
		log->again--;
		assert_int_equal(hookd_run_start(client, log->request, on_event, log), 0);
	}
}

static int loop_until_done(struct hookd_client *client, const struct log *log, unsigned int done)
{
	int r = 0;

	while (log->done < done && r == 0) {
		struct pollfd pollfd = {.fd = hookd_get_fd(client),
					.events = hookd_get_events(client)};

		assert_int_equal(poll(&pollfd, 1, 10000), 1);
		r = hookd_process(client);
	}
	return r;
}

#define EVENT(members) "{\"continues\":true,\"parameters\":{\"run\":\"r1\"," members "}}"
#define ACCEPTED       EVENT("\"event\":\"accepted\"")
#define STARTED	       EVENT("\"event\":\"started\",\"index\":3")
#define OUTPUT(stream, data)                                                                       \
	EVENT("\"event\":\"output\",\"index\":3,\"stream\":\"" stream "\"," data)
#define FINISHED EVENT("\"event\":\"finished\",\"index\":3,\"hook\":" FAKE_HOOK(3, "/b"))

static const char expected[] = "accepted r1 0 0   0\n"
			       "started r1 3 0   0\n"
			       "output r1 3 1 o\303\251\n  0\n"
			       "output r1 3 2 e\377  0\n"
			       "finished r1 3 0  exited 0\n"
			       "done r1 0 0  succeeded 0\n";

static void run_events(enum fake_type send)
{
	const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {send, ACCEPTED},
	    {send, STARTED},
	    {send, OUTPUT("stdout", "\"data\":\"o\\u00e9\\n\"")},
	    {send, OUTPUT("stderr", "\"dataBase64\":\"Zf8=\"")},
	    {send, EVENT("\"event\":\"later\",\"index\":\"of another type\"")},
	    {send, FINISHED},
	    {send, FAKE_SUCCESS},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS), .calls_inside = true};

	assert_int_equal(hookd_get_events(client), 0);
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, expected);
	assert_int_equal(hookd_get_events(client), POLLIN);
	hookd_client_free(client);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), "\"more\":true"));
	assert_non_null(strstr(fake_server_message(server, 0), "\"requestId\":\""));
	fake_server_free(server);
}

static void test_events_come_whole(void **state)
{
	(void)state;
	run_events(FAKE_SEND);
}

static void test_events_come_in_single_bytes(void **state)
{
	(void)state;
	run_events(FAKE_SEND_BYTES);
}

static void test_next_run_starts_from_done(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_READ},
						 {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Busy\"}"},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS), .again = 2};

	(void)state;
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 3), 0);
	assert_string_equal(log.text, "done r1 0 0  succeeded 0\n"
				      "done - 0 0   -16\n"
				      "done r1 0 0  succeeded 0\n");
	assert_int_equal(calls.connects, 1);
	test_end(client, server);
}

/* ---- lost connections ---- */

#define OUTPUT_AT(offset, data) OUTPUT("stdout", "\"offset\":" #offset ",\"data\":\"" data "\"")

/* hookd tells all of it again, and what it keeps of the output; the caller gets what is new. */
static void test_events_go_on_after_a_lost_connection(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, ACCEPTED},
	    {FAKE_SEND, STARTED},
	    {FAKE_SEND, OUTPUT_AT(0, "one")},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, ACCEPTED},
	    {FAKE_SEND, STARTED},
	    {FAKE_SEND, OUTPUT_AT(0, "on")},
	    {FAKE_SEND_PART, "{\"contin"},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, ACCEPTED},
	    {FAKE_SEND, STARTED},
	    {FAKE_SEND, OUTPUT_AT(0, "one two")},
	    {FAKE_SEND, OUTPUT("stderr", "\"offset\":0,\"data\":\"e\"")},
	    {FAKE_SEND, OUTPUT_AT(90, "end")},
	    {FAKE_SEND, FINISHED},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, ACCEPTED},
	    {FAKE_SEND, STARTED},
	    {FAKE_SEND, OUTPUT_AT(0, "one two")},
	    {FAKE_SEND, OUTPUT_AT(90, "end")},
	    {FAKE_SEND, FINISHED},
	    {FAKE_SEND, FAKE_SUCCESS},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS), .calls_inside = true};

	(void)state;
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, "accepted r1 0 0   0\n"
				      "started r1 3 0   0\n"
				      "output r1 3 1 one  0\n"
				      "output r1 3 1  two  0\n"
				      "output r1 3 2 e  0\n"
				      "output r1 3 1 end  0\n"
				      "finished r1 3 0  exited 0\n"
				      "done r1 0 0  succeeded 0\n");
	assert_int_equal(log.last_offset, 90);
	hookd_client_free(client);
	fake_server_join(server);
	for (size_t i = 1; i < 4; i++)
		assert_string_equal(fake_server_message(server, 0), fake_server_message(server, i));
	fake_server_free(server);
}

/* An older hookd does not say where output is in its stream, and sends none of it again. */
static void test_events_without_offsets_go_on(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, OUTPUT("stdout", "\"data\":\"one\"")},
						 {FAKE_CLOSE},
						 {FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, OUTPUT("stdout", "\"data\":\"two\"")},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS)};

	(void)state;
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, "output r1 3 1 one  0\n"
				      "output r1 3 1 two  0\n"
				      "done r1 0 0  succeeded 0\n");
	assert_int_equal(log.last_offset, 3);
	test_end(client, server);
}

static void test_restarted_daemon_is_waited_for(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_UNLISTEN},
	    {FAKE_CLOSE},
	    {FAKE_WAIT_CONNECTS, .number = 4},
	    {FAKE_LISTEN},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Draining\"}"},
	    {FAKE_EOF},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_SUCCESS},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Draining\"}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS), .again = 1};

	(void)state;
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 2), 0);
	assert_string_equal(log.text, "done r1 0 0  succeeded 0\n"
				      "done - 0 0   -108\n");
	test_end(client, server);
}

static void test_daemon_that_stays_away_is_given_up(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},		{FAKE_READ},
						 {FAKE_SEND, ACCEPTED}, {FAKE_UNLISTEN},
						 {FAKE_CLOSE},		{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS)};

	(void)state;
	hookd_client_set_timeout(client, 200);
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), -EPIPE);
	assert_string_equal(log.text, "accepted r1 0 0   0\ndone - 0 0   -110\n");
	assert_in_range(calls.connects, 4, 7);
	assert_true(hookd_get_fd(client) < 0);
	assert_int_equal(hookd_get_events(client), 0);
	assert_int_equal(hookd_process(client), 0);
	test_end(client, server);
}

static void test_daemon_of_another_user_is_not_asked(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ},	  {FAKE_UNLISTEN}, {FAKE_LISTEN, .number = 4711},
	    {FAKE_CLOSE},  {FAKE_ACCEPT}, {FAKE_EOF},	   {FAKE_END}};
	struct log log = {.request = REQUEST(.hooks = HOOKS)};
	struct fake_server *server;
	struct hookd_client *client;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	server = fake_server_start(steps);
	client = test_client(server);
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), -EPIPE);
	assert_string_equal(log.text, "done - 0 0   -32\n");
	assert_non_null(strstr(hookd_client_error(client), "belongs to uid 4711"));
	test_end(client, server);
}

/* A client can be freed, and hookd left alone, while there is no connection. */
static void test_client_is_freed_while_it_waits(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {.request = REQUEST(.hooks = HOOKS)};
	int connection;

	(void)state;
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	connection = hookd_get_fd(client);
	assert_int_equal(poll(&(struct pollfd){connection, POLLIN, 0}, 1, 10000), 1);
	assert_int_equal(hookd_process(client), 0);
	assert_true(hookd_get_fd(client) >= 0);
	assert_int_equal(hookd_get_events(client), POLLIN);
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), -EALREADY);
	test_end(client, server);
	assert_string_equal(log.text, "");
}

/* ---- what is no event ---- */

static void test_bad_events(void **state)
{
	static const char *const events[] = {
	    "{",
	    "{\"continues\":true}",
	    EVENT("\"event\":\"started\",\"index\":-1"),
	    EVENT("\"event\":\"output\",\"stream\":\"stdlog\""),
	    EVENT("\"event\":\"output\",\"stream\":\"stdout\""),
	    EVENT("\"event\":\"output\",\"stream\":\"stdout\",\"dataBase64\":\"!\""),
	    EVENT("\"event\":\"finished\",\"index\":1"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct fake_server *server = fake_server_answer(events[i]);
		struct hookd_client *client = test_client(server);
		struct log log = {.request = REQUEST(.hooks = HOOKS)};

		assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
		assert_int_equal(loop_until_done(client, &log, 1), -EPIPE);
		assert_string_equal(log.text, "done - 0 0   -74\n");
		test_end(client, server);
	}
}

static void test_long_request_waits_for_room(void **state)
{
	/* More than a socket takes at once: POLLOUT is wanted until the server has read it. */
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_WAIT},
						 {FAKE_READ},	{FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},	{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	size_t length = 2 * 1024 * 1024;
	char *hooks = test_malloc(length + 1);
	struct log log = {.request = REQUEST(.hooks = hooks)};

	(void)state;
	memset(hooks, ' ', length);
	memcpy(hooks + length - strlen(HOOKS), HOOKS, strlen(HOOKS) + 1);
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(hookd_get_events(client), POLLIN | POLLOUT);
	test_free(hooks);
	fake_server_go(server);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, "done r1 0 0  succeeded 0\n");
	test_end(client, server);
}

static void test_half_a_request_is_not_left_behind(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_SEND, "{\"error\":\"io.hookd.hooks.Busy\"}"},
	    {FAKE_ACCEPT},     {FAKE_READ},
	    {FAKE_SEND, "{}"}, {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	size_t length = 2 * 1024 * 1024;
	char *hooks = test_malloc(length + 1);
	struct log log = {.request = REQUEST(.hooks = hooks)};

	(void)state;
	memset(hooks, ' ', length);
	memcpy(hooks + length - strlen(HOOKS), HOOKS, strlen(HOOKS) + 1);
	assert_int_equal(hookd_run_start(client, log.request, on_event, &log), 0);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, "done - 0 0   -16\n");
	/* The rest of the request was not sent: another one must not follow on that connection. */
	hookd_client_set_timeout(client, 10000);
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
	test_free(hooks);
	test_end(client, server);
}

static int count_call(const char *state, void *userdata)
{
	struct hookd_client **client = userdata;

	assert_string_equal(state, STATE);
	assert_int_equal(hookd_process(*client), -EALREADY);
	assert_int_equal(hookd_client_stop(*client), -EALREADY);
	return 0;
}

/* Two functions and a command in between: one run, with events counted over the list. */
static void test_functions_have_events(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND,
	     "{\"parameters\":{\"event\":\"accepted\",\"run\":\"r1\"},\"continues\":true}"},
	    {FAKE_SEND, "{\"parameters\":{\"event\":\"started\",\"index\":0},\"continues\":true}"},
	    {FAKE_SEND, FAKE_SUCCESS},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	const struct hookd_hook hook = {.size = sizeof(hook), .path = "/bin/true"};
	struct hookd_hooks *hooks;
	struct log log = {0};

	(void)state;
	assert_int_equal(hookd_hooks_new(&hooks), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "f", count_call, &client),
			 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "createRuntime", &hook), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "g", count_call, &client),
			 0);
	assert_int_equal(hookd_run_start(client, REQUEST(.hook_list = hooks, .request_id = "id"),
					 on_event, &log),
			 0);
	assert_string_equal(log.text, ""); /* no function runs before it has returned */
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_string_equal(log.text, "started - 0 0   0\n"
				      "finished - 0 0  returned 0\n"
				      "accepted r1 0 0   0\n"
				      "started - 1 0   0\n"
				      "started - 2 0   0\n"
				      "finished - 2 0  returned 0\n"
				      "done r1 0 0  succeeded 0\n");
	hookd_hooks_free(hooks);
	hookd_client_free(client);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), "\"requestId\":\"id-0\""));
	fake_server_free(server);
}

/* The request's texts need not live any longer; the connection may break in between. */
static void test_functions_before_lost_connections(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT}, {FAKE_READ},
						 {FAKE_CLOSE},	{FAKE_ACCEPT},
						 {FAKE_READ},	{FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_EOF},	{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	const struct hookd_hook hook = {.size = sizeof(hook), .path = "/bin/true"};
	char stage[] = "createRuntime", id[] = "id";
	struct hookd_hooks *hooks;
	struct log log = {0};

	(void)state;
	assert_int_equal(hookd_hooks_new(&hooks), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "f", count_call, &client),
			 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "createRuntime", &hook), 0);
	assert_int_equal(
	    hookd_run_start(client,
			    &(struct hookd_run_request){.size = sizeof(struct hookd_run_request),
							.stage = stage,
							.state = STATE,
							.request_id = id,
							.hook_list = hooks},
			    on_event, &log),
	    0);
	memset(stage, 'x', sizeof(stage) - 1);
	memset(id, 'x', sizeof(id) - 1);
	assert_int_equal(loop_until_done(client, &log, 1), 0);
	assert_non_null(strstr(log.text, "done r1 0 0  succeeded 0\n"));
	hookd_hooks_free(hooks);
	hookd_client_free(client);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	assert_non_null(strstr(fake_server_message(server, 0), "\"requestId\":\"id-0\""));
	fake_server_free(server);
}

/* Given up in each of its states: no callback comes, and nothing is leaked. */
static void test_a_run_is_stopped(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_EOF}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_hooks *hooks;
	struct log log = {0};

	(void)state;
	assert_int_equal(hookd_client_stop(client), 0);
	assert_int_equal(hookd_hooks_new(&hooks), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "f", count_call, &client),
			 0);
	assert_int_equal(hookd_run_start(client, REQUEST(.hook_list = hooks), on_event, &log), 0);
	assert_int_equal(hookd_client_stop(client), 0);
	hookd_hooks_free(hooks);
	assert_int_equal(hookd_run_start(client, REQUEST(.hooks = "{"), on_event, &log), -EINVAL);
	assert_int_equal(hookd_run_start(client, REQUEST(.hooks = HOOKS), on_event, &log), 0);
	assert_int_equal(hookd_client_stop(client), 0);
	assert_true(hookd_get_fd(client) < 0);
	assert_int_equal(hookd_process(client), 0);
	assert_string_equal(log.text, "");
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_events_come_whole),
	    cmocka_unit_test(test_events_come_in_single_bytes),
	    cmocka_unit_test(test_next_run_starts_from_done),
	    cmocka_unit_test(test_events_go_on_after_a_lost_connection),
	    cmocka_unit_test(test_events_without_offsets_go_on),
	    cmocka_unit_test(test_restarted_daemon_is_waited_for),
	    cmocka_unit_test(test_daemon_that_stays_away_is_given_up),
	    cmocka_unit_test(test_daemon_of_another_user_is_not_asked),
	    cmocka_unit_test(test_client_is_freed_while_it_waits),
	    cmocka_unit_test(test_bad_events),
	    cmocka_unit_test(test_long_request_waits_for_room),
	    cmocka_unit_test(test_half_a_request_is_not_left_behind),
	    cmocka_unit_test(test_functions_have_events),
	    cmocka_unit_test(test_functions_before_lost_connections),
	    cmocka_unit_test(test_a_run_is_stopped),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
