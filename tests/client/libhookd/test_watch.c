/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_watch(): over lost connections each event is told once. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* Events as hookd sends them. Times are in seconds after 1000 s. */
#define AT(seconds) "10" seconds "000000"
#define EVENT_MORE(event, at, run, submitted, detail, more)                                        \
	"{\"parameters\":{\"event\":\"" event                                                      \
	"\",\"timeUSec\":" AT(at) ",\"run\":{\"run\":\"" run                                       \
				  "\",\"submittedUSec\":" AT(submitted) "}" detail "}" more "}"
#define EVENT(event, at, run, submitted, detail)                                                   \
	{                                                                                          \
		FAKE_SEND, EVENT_MORE(event, at, run, submitted, detail, ",\"continues\":true")    \
	}
#define INDEX(index) ",\"detail\":{\"index\":" #index "}"
#define HOOK(index)  ",\"detail\":{\"index\":" #index ",\"hook\":" FAKE_HOOK(index, "/bin/true") "}"
#define DATA(offset, text)                                                                         \
	",\"detail\":{\"index\":0,\"stream\":\"stderr\",\"offset\":" #offset ",\"data\":\"" text   \
	"\"}"
#define LOST                                                                                       \
	{FAKE_CLOSE}, {FAKE_ACCEPT},                                                               \
	{                                                                                          \
		FAKE_READ                                                                          \
	}

struct log {
	char text[2048];
	size_t length;
	unsigned int count, until; /* the event that ends the watch; 0: none */
	unsigned int done;
	int error;
	bool only_counts;
};

static int on_event(struct hookd_client *client, const struct hookd_watch_event *event,
		    void *userdata)
{
	static const char *const names[] = {"?",	"submitted", "started", "output",
					    "finished", "done",	     "dropped"};
	struct log *log = userdata;

	assert_int_equal(hookd_process(client), -EALREADY);
	if (!log->only_counts)
		log->length += (size_t)snprintf(
		    log->text + log->length, sizeof(log->text) - log->length,
		    "%s %s %zu%s%.*s%s%s\n", names[event->type], event->run ? event->run->run : "-",
		    event->index, event->stream == 2 ? " err " : "", (int)event->data_length,
		    event->data ? event->data : "", event->hook ? " " : "",
		    event->hook ? event->hook->outcome : "");
	return ++log->count == log->until ? -ECANCELED : 0;
}

static void on_done(struct hookd_client *client, int error, struct hookd_reply *reply,
		    void *userdata)
{
	struct log *log = userdata;

	(void)client;
	assert_null(reply);
	log->error = error;
	log->done++;
}

/* In one of the two forms. */
static int watch(struct hookd_client *client, const struct hookd_run_filter *filter, bool waits,
		 struct log *log)
{
	int r;

	if (waits)
		return hookd_watch(client, filter, on_event, log);
	r = hookd_watch_start(client, filter, on_event, on_done, log);
	while (r == 0 && log->done == 0) {
		struct pollfd pollfd = {hookd_get_fd(client), hookd_get_events(client), 0};

		assert_int_equal(poll(&pollfd, 1, 30000), 1);
		(void)hookd_process(client);
	}
	return r < 0 ? r : log->error;
}

/* Runs the steps in both forms. */
static void expect(const struct fake_step *steps, const struct hookd_run_filter *filter,
		   unsigned int until, int expected, const char *text, size_t call,
		   const char *in_call)
{
	for (int i = 0; i < 2; i++) {
		struct fake_server *server = fake_server_start(steps);
		struct hookd_client *client = test_client(server);
		struct log log = {.until = until};

		assert_int_equal(watch(client, filter, i == 0, &log), expected);
		assert_string_equal(log.text, text);
		hookd_client_free(client);
		fake_server_join(server);
		if (!strstr(fake_server_message(server, call), in_call))
			fail_msg("%s: not in %s", in_call, fake_server_message(server, call));
		fake_server_free(server);
	}
}

static void test_events(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    EVENT("submitted", "10", "r1", "10", ""),
	    EVENT("started", "11", "r1", "10", INDEX(0)),
	    EVENT("later", "11", "r1", "10", ""),
	    EVENT("output", "12", "r1", "10", DATA(0, "one")),
	    EVENT("finished", "13", "r1", "10", HOOK(0)),
	    {FAKE_SEND, "{\"parameters\":{\"event\":\"dropped\",\"timeUSec\":1,\"detail\":{"
			"\"dropped\":4}},\"continues\":true}"},
	    {FAKE_SEND, EVENT_MORE("done", "14", "r1", "10", "", "")},
	    {FAKE_EOF},
	    {FAKE_END}};
	static const struct hookd_run_filter filter = {
	    .size = sizeof(filter), .run = "r1", .output = true};

	(void)state;
	expect(steps, &filter, 0, 0,
	       "submitted r1 0\nstarted r1 0\noutput r1 0 err one\nfinished r1 0 exited\n"
	       "dropped - 0\ndone r1 0\n",
	       0,
	       "{\"method\":\"io.hookd.status.Watch\",\"more\":true,\"parameters\":{\"run\":\"r1\","
	       "\"output\":true}}");
}

/* What is asked for again after a lost connection has the same end, which is no event. */
static void test_until_a_time(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    EVENT("submitted", "10", "r1", "10", ""),
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    EVENT("submitted", "10", "r1", "10", ""),
	    {FAKE_SEND, "{\"parameters\":{\"event\":\"end\",\"timeUSec\":90}}"},
	    {FAKE_EOF},
	    {FAKE_END}};
	static const struct hookd_run_filter filter = {
	    .size = sizeof(filter), .since_us = 1, .until_us = 90};

	(void)state;
	expect(steps, &filter, 0, 0, "submitted r1 0\n", 1, "\"untilUSec\":90");
}

/* hookd tells stored runs again from the time on that it is asked for. */
static void test_nothing_is_told_twice(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 EVENT("submitted", "10", "r1", "10", ""),
						 EVENT("submitted", "11", "r2", "11", ""),
						 EVENT("started", "12", "r2", "11", INDEX(0)),
						 EVENT("output", "12", "r2", "11", DATA(0, "ab")),
						 EVENT("done", "13", "r1", "10", ""),
						 LOST,
						 EVENT("submitted", "10", "r1", "10", ""),
						 EVENT("done", "13", "r1", "10", ""),
						 EVENT("submitted", "11", "r2", "11", ""),
						 EVENT("started", "12", "r2", "11", INDEX(0)),
						 EVENT("output", "14", "r2", "11", DATA(0, "abcd")),
						 EVENT("finished", "14", "r2", "11", HOOK(0)),
						 LOST,
						 EVENT("submitted", "11", "r2", "11", ""),
						 EVENT("output", "14", "r2", "11", DATA(0, "abcd")),
						 EVENT("finished", "14", "r2", "11", HOOK(0)),
						 EVENT("done", "15", "r2", "11", ""),
						 EVENT("submitted", "16", "r3", "16", ""),
						 {FAKE_EOF},
						 {FAKE_END}};
	static const struct hookd_run_filter filter = {
	    .size = sizeof(filter), .container = "w", .output = true, .since_us = 1};

	(void)state;
	expect(steps, &filter, 9, -ECANCELED,
	       "submitted r1 0\nsubmitted r2 0\nstarted r2 0\noutput r2 0 err ab\ndone r1 0\n"
	       "output r2 0 err cd\nfinished r2 0 exited\ndone r2 0\nsubmitted r3 0\n",
	       1, "\"container\":\"w\",\"output\":true,\"sinceUSec\":953000000");
}

/*
 * The connection is lost while stored runs are told: of r2, which was submitted next, nothing is
 * known, although events of r1 were later.
 */
static void test_since_the_submission_of_the_last_run(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 EVENT("submitted", "10", "r1", "10", ""),
						 EVENT("done", "99", "r1", "10", ""),
						 LOST,
						 EVENT("submitted", "11", "r2", "11", ""),
						 {FAKE_EOF},
						 {FAKE_END}};
	static const struct hookd_run_filter filter = {.size = sizeof(filter), .since_us = 1};

	(void)state;
	expect(steps, &filter, 3, -ECANCELED, "submitted r1 0\ndone r1 0\nsubmitted r2 0\n", 1,
	       "{\"sinceUSec\":1010000000}");
}

/* Nothing came before the connection was lost: it is asked for what has happened since the call. */
static void test_since_the_call(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_UNLISTEN},
						 {FAKE_CLOSE},
						 {FAKE_WAIT_CONNECTS, .number = 3},
						 {FAKE_LISTEN},
						 {FAKE_ACCEPT},
						 {FAKE_READ},
						 EVENT("submitted", "11", "r2", "11", ""),
						 {FAKE_EOF},
						 {FAKE_END}};

	(void)state;
	expect(steps, NULL, 1, -ECANCELED, "submitted r2 0\n", 0,
	       "{\"method\":\"io.hookd.status.Watch\",\"more\":true}");
	expect(steps, NULL, 1, -ECANCELED, "submitted r2 0\n", 1, "{\"sinceUSec\":1");
}

/* The clock was set back: what has happened meanwhile cannot be asked for. */
static void test_a_clock_that_was_set_back_is_told(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"parameters\":{\"event\":\"submitted\",\"timeUSec\":9000000000000000,"
			"\"run\":{\"run\":\"r1\",\"submittedUSec\":9000000000000000}},"
			"\"continues\":true}"},
	    LOST,
	    EVENT("submitted", "11", "r2", "11", ""),
	    {FAKE_EOF},
	    {FAKE_END}};

	(void)state;
	expect(steps, NULL, 3, -ECANCELED, "submitted r1 0\ndropped - 0\nsubmitted r2 0\n", 1,
	       "{\"sinceUSec\":8999999940000000}");
}

/* Thousands of runs, of which old ones are forgotten; then all of the last minute again. */
static void test_many_runs(void **state)
{
	static struct fake_step steps[2 * 3000 + 5];
	static char text[3000][160];
	struct fake_server *server;
	struct hookd_client *client;
	struct log log = {.until = 3001, .only_counts = true};
	size_t n = 0;

	(void)state;
	steps[n++].type = FAKE_ACCEPT;
	steps[n++].type = FAKE_READ;
	for (size_t i = 0; i < 3000; i++) {
		snprintf(text[i], sizeof(text[i]),
			 "{\"parameters\":{\"event\":\"done\",\"timeUSec\":%zu,\"run\":{\"run\":"
			 "\"r%zu\",\"submittedUSec\":%zu}},\"continues\":true}",
			 (i + 1) * 100000, i, (i + 1) * 100000);
		steps[n++] = (struct fake_step){FAKE_SEND, text[i]};
	}
	steps[n++].type = FAKE_CLOSE;
	steps[n++].type = FAKE_ACCEPT;
	steps[n++].type = FAKE_READ;
	for (size_t i = 2399; i < 3000; i++)
		steps[n++] = (struct fake_step){FAKE_SEND, text[i]};
	steps[n++] = (struct fake_step)EVENT("submitted", "11", "new", "11", "");
	steps[n++].type = FAKE_EOF;
	steps[n++].type = FAKE_END;
	server = fake_server_start(steps);
	client = test_client(server);
	assert_int_equal(hookd_watch(client,
				     &(struct hookd_run_filter){
					 .size = sizeof(struct hookd_run_filter), .since_us = 1},
				     on_event, &log),
			 -ECANCELED);
	assert_int_equal(log.count, 3001);
	hookd_client_free(client);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 1), "{\"sinceUSec\":240000000}"));
	fake_server_free(server);
}

static void test_errors(void **state)
{
	static const struct {
		const char *reply;
		int r;
	} rows[] = {
	    {"{\"error\":\"io.hookd.hooks.NoSuchRun\",\"parameters\":{\"run\":\"r\"}}", -ESRCH},
	    {"{\"parameters\":{\"event\":\"done\",\"timeUSec\":1},\"continues\":true}", -EBADMSG},
	    {"{\"parameters\":{\"event\":\"done\",\"timeUSec\":1,\"run\":{}},\"continues\":true}",
	     -EBADMSG},
	    {"{\"parameters\":{\"event\":\"finished\",\"run\":{\"run\":\"r\"},\"detail\":{"
	     "\"hook\":{}}},\"continues\":true}",
	     -EBADMSG},
	    {"{\"parameters\":{\"event\":\"output\",\"run\":{\"run\":\"r\"},\"detail\":{"
	     "\"dataBase64\":\"*\"}},\"continues\":true}",
	     -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fake_step steps[] = {
		    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, rows[i].reply}, {FAKE_EOF}, {FAKE_END}};

		expect(steps, NULL, 0, rows[i].r, "", 0, "Watch");
	}
}

static void test_wrong_filters(void **state)
{
	static const struct hookd_run_filter filter = {.size = sizeof(filter), .path = "/x"};
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {0};

	(void)state;
	assert_int_equal(watch(client, &filter, true, &log), -EINVAL);
	assert_int_equal(watch(client, &filter, false, &log), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "path");
	assert_int_equal(log.done, 0);
	test_end(client, server);
}

static void test_it_is_stopped(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 EVENT("submitted", "11", "r2", "11", ""),
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct log log = {0};

	(void)state;
	assert_int_equal(hookd_watch_start(client, NULL, on_event, on_done, &log), 0);
	while (log.count == 0) {
		struct pollfd pollfd = {hookd_get_fd(client), hookd_get_events(client), 0};

		assert_int_equal(poll(&pollfd, 1, 30000), 1);
		assert_int_equal(hookd_process(client), 0);
	}
	assert_int_equal(hookd_client_stop(client), 0);
	assert_int_equal(log.done, 0);
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_until_a_time),
	    cmocka_unit_test(test_nothing_is_told_twice),
	    cmocka_unit_test(test_since_the_submission_of_the_last_run),
	    cmocka_unit_test(test_since_the_call),
	    cmocka_unit_test(test_a_clock_that_was_set_back_is_told),
	    cmocka_unit_test(test_many_runs),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_wrong_filters),
	    cmocka_unit_test(test_it_is_stopped),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
