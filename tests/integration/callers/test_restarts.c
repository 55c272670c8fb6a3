/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of libhookd while hookd is killed and started again: what waits goes on, and no event is
 * missing or told twice. In a process of its own for the form that waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/callers/lib_client.h"

#define WAITING "'tell','@DIR@/started','await','@DIR@/go'"

/* With a hook that runs, whose descriptors are not those of a hookd that has nothing to do. */
static void kill_and_start(struct harness *harness)
{
	int fds = harness->fds_at_start;

	harness_crash(harness);
	client_close_all(harness);
	harness_start(harness, &(struct start){0});
	harness->fds_at_start = fds;
}

static void newest(struct harness *harness, char id[static 64])
{
	struct client *client = client_open(harness);

	client_call(client, "{'method':'io.hookd.status.List','parameters':{'limit':1}}");
	snprintf(id, 64, "%s", reply_string(client, "runs[0].run"));
	client_close(client);
}

/* A process that waits for the run; it exits with 0 if that has succeeded. */
static pid_t start_waiter(struct harness *harness, const char *id)
{
	struct hookd_client *client;
	struct hookd_reply *reply;
	pid_t pid = fork();
	int r;

	if (pid != 0)
		return pid;
	client = lib_open(harness);
	r = hookd_wait(client, id, &reply);
	if (r == 0)
		r = strcmp(hookd_result_outcome(hookd_reply_result(reply)), "succeeded");
	if (r == 0)
		hookd_reply_free(reply);
	hookd_client_free(client);
	_exit(r != 0);
}

static void wait_over_restarts(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness);
	struct hookd_client *waiter;
	struct answer answer = {0};
	struct hookd_reply *reply;
	char id[64];
	int status;
	pid_t pid;

	if (!harness_has_runners())
		skip("needs runners");
	begin_run(client, .flags = ",'oneway':true", .hooks = {HOOK(WAITING)});
	fifo_await(started);
	newest(harness, id);
	waiter = lib_open(harness);
	assert_int_equal(hookd_wait_start(waiter, id, on_done, &answer), 0);
	pid = start_waiter(harness, id);
	await_true(status_number(harness, "connections") >= 4, "both wait");
	kill_and_start(harness);
	while (hookd_get_fd(waiter) < 0 || status_number(harness, "connections") < 2)
		loop_once(waiter);
	kill_and_start(harness);
	fifo_release(go);
	reply = await_answer(waiter, &answer);
	assert_string_equal(hookd_result_outcome(hookd_reply_result(reply)), "succeeded");
	hookd_reply_free(reply);
	hookd_client_free(waiter);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* On a connection that the hookd before had. */
static void list_over_restarts(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct hookd_reply *reply;
	char id[64];

	run_one(harness, id);
	assert_int_equal(hookd_list(client, NULL, &reply), 0);
	hookd_reply_free(reply);
	kill_and_start(harness);
	assert_int_equal(hookd_list(client, NULL, &reply), 0);
	assert_int_equal(hookd_reply_list(reply)->count, 1);
	hookd_reply_free(reply);
	hookd_client_free(client);
}

/* The call is sent to a hookd that is killed before it has read it. */
static void list_that_is_not_answered(void **state)
{
	struct harness *harness = *state;
	struct hookd_client *client = lib_open(harness);
	struct answer answer = {0};
	struct hookd_reply *reply;
	char id[64];

	run_one(harness, id);
	harness_freeze(harness);
	assert_int_equal(hookd_list_start(client, NULL, on_done, &answer), 0);
	kill_and_start(harness);
	reply = await_answer(client, &answer);
	assert_int_equal(hookd_reply_list(reply)->count, 1);
	assert_string_equal(hookd_reply_list(reply)->runs[0].run, id);
	hookd_reply_free(reply);
	hookd_client_free(client);
}

struct watched {
	char text[2048];
	const char *last; /* the container whose end is the last event */
	bool hears; /* it has been told of the run "first", whose events are not in the text */
	const char *heard; /* a file that is made then; NULL: none */
	int error;
	bool is_done;
};

static int on_watched(struct hookd_client *client, const struct hookd_watch_event *event,
		      void *userdata)
{
	static const char *const names[] = {"?",	"submitted", "started", "output",
					    "finished", "done",	     "dropped"};
	struct watched *watched = userdata;
	const char *container = event->run ? event->run->container : "-";
	size_t length = strlen(watched->text);

	(void)client;
	if (strcmp(container, "first") == 0) {
		if (!watched->hears && watched->heard)
			close(open(watched->heard, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		watched->hears = true;
		return 0;
	}
	snprintf(watched->text + length, sizeof(watched->text) - length, "%s %s%.*s\n",
		 names[event->type], container, (int)event->data_length,
		 event->data ? event->data : "");
	return event->type == HOOKD_WATCH_DONE && strcmp(container, watched->last) == 0 ? -ECANCELED
											: 0;
}

static void on_watch_done(struct hookd_client *client, int error, struct hookd_reply *reply,
			  void *userdata)
{
	struct watched *watched = userdata;

	(void)client, (void)reply;
	watched->error = error;
	watched->is_done = true;
}

/* A process that watches, and writes what it was told into a file. */
static pid_t start_watcher(struct harness *harness)
{
	struct watched watched = {.last = "c"};
	struct hookd_client *client;
	char heard[128];
	pid_t pid = fork();
	int r;

	if (pid != 0)
		return pid;
	snprintf(heard, sizeof(heard), "%s", harness_path(harness, "heard"));
	watched.heard = heard;
	client = lib_open(harness);
	r = hookd_watch(client, NULL, on_watched, &watched);
	hookd_client_free(client);
	harness_write_file(harness, "watched", watched.text);
	_exit(r != -ECANCELED);
}

#define EVENTS_OF(container)                                                                       \
	"submitted " container "\nstarted " container "\nfinished " container "\ndone " container  \
	"\n"

static void watch_over_restarts(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct hookd_client *watcher = lib_open(harness);
	struct watched watched = {.last = "c"};
	struct client *client = client_open(harness);
	char *text;
	int status;
	pid_t pid;

	if (!harness_has_runners())
		skip("needs runners");
	assert_int_equal(hookd_watch_start(watcher, NULL, on_watched, on_watch_done, &watched), 0);
	pid = start_watcher(harness);
	/* A connection is not a call yet: both watch when they hear something. */
	while (!watched.hears || access(harness_path(harness, "heard"), F_OK) < 0) {
		run(client, .container = "first", .hooks = {HOOK("'say','one'")});
		(void)hookd_process(watcher);
	}
	run(client, .container = "a", .hooks = {HOOK("'say','one'")});
	while (!strstr(watched.text, "done a"))
		loop_once(watcher);
	begin_run(client, .flags = ",'oneway':true", .container = "b", .hooks = {HOOK(WAITING)});
	fifo_await(started);
	while (!strstr(watched.text, "started b"))
		loop_once(watcher);
	/* Nobody serves the watcher until hookd has been killed twice, and run b has ended. */
	kill_and_start(harness);
	fifo_release(go);
	client = client_open(harness);
	kill_and_start(harness);
	client = client_open(harness);
	run(client, .container = "c", .hooks = {HOOK("'say','three'")});
	while (!watched.is_done)
		loop_once(watcher);
	assert_int_equal(watched.error, -ECANCELED);
	assert_string_equal(watched.text, EVENTS_OF("a") EVENTS_OF("b") EVENTS_OF("c"));
	hookd_client_free(watcher);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	text = harness_read_file(harness, "watched", NULL);
	assert_string_equal(text, EVENTS_OF("a") EVENTS_OF("b") EVENTS_OF("c"));
	free(text);
}

/* Of one run, with its output: each byte once. */
static void watch_of_a_run_over_a_restart(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct hookd_run_filter filter = {.size = sizeof(filter), .output = true};
	struct client *client = client_open(harness);
	struct watched watched = {.last = ""};
	struct hookd_client *watcher;
	char id[64];

	if (!harness_has_runners())
		skip("needs runners");
	begin_run(client, .flags = ",'oneway':true",
		  .hooks = {HOOK("'say','one'," WAITING ",'say','two'")});
	fifo_await(started);
	newest(harness, id);
	filter.run = id;
	filter.since_us = 1;
	watcher = lib_open(harness);
	assert_int_equal(hookd_watch_start(watcher, &filter, on_watched, on_watch_done, &watched),
			 0);
	while (!strstr(watched.text, "output"))
		loop_once(watcher);
	kill_and_start(harness);
	fifo_release(go);
	while (!watched.is_done)
		loop_once(watcher);
	assert_int_equal(watched.error, 0);
	assert_string_equal(watched.text, "submitted box\nstarted box\noutput boxone\n"
					  "output boxtwo\nfinished box\ndone box\n");
	hookd_client_free(watcher);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(wait_over_restarts),
	    TEST(list_over_restarts),
	    TEST(list_that_is_not_answered),
	    TEST(watch_over_restarts),
	    TEST(watch_of_a_run_over_a_restart),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
