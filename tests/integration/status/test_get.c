/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.status.Get of a run that has not ended: what it has done so far. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/harness/check.h"

/* The id of the newest run. */
static void newest(struct client *client, char id[static 64])
{
	client_call(client, "{'method':'io.hookd.status.List','parameters':{'limit':1}}");
	snprintf(id, 64, "%s", reply_string(client, "runs[0].run"));
}

static void get(struct client *client, const char *id)
{
	char text[128];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 id);
	client_call(client, text);
}

#define WAITING "'tell','@DIR@/started','await','@DIR@/go'"

static void output_so_far(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *client = client_open(harness);
	char id[64];

	begin_run(runner, .hooks = {HOOK("'say','before'"),
				    HOOK("'say','one','complain','oops'," WAITING ",'say','two'"),
				    HOOK("'say','after'")});
	fifo_await(started);
	newest(client, id);
	for (int i = 0; i < 3; i++) {
		get(client, id);
		check_error(client, "");
		check_string(client, "run.hookOutcome", "running");
		check_absent(client, "result");
		check_count(client, "progress.hooks", 2);
		check_string(client, "progress.hooks[0].outcome", "exited");
		check_string(client, "progress.hooks[0].stdout", "before");
		check_string(client, "progress.hooks[1].outcome", "running");
		check_int(client, "progress.hooks[1].index", 1);
		check_string(client, "progress.hooks[1].stdout", "one");
		check_int(client, "progress.hooks[1].stdoutBytes", 3);
		check_string(client, "progress.hooks[1].stderr", "oops");
		assert_int_equal(reply_int(client, "progress.hooks[1].pid"),
				 reply_int(client, "run.pid"));
		assert_true(reply_has(client, "request.hooks"));
	}
	fifo_release(go);
	client_receive(runner);
	check_string(runner, "result.hooks[1].stdout", "onetwo");
	get(client, id);
	check_absent(client, "progress");
	check_string(client, "result.hooks[1].stdout", "onetwo");
}

/* The first and the last part are kept, and all bytes are counted. */
static void much_output_so_far(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *client = client_open(harness);
	char id[64];

	begin_run(runner, .hooks = {HOOK("'spam','1000000'," WAITING)});
	fifo_await(started);
	newest(client, id);
	get(client, id);
	check_int(client, "progress.hooks[0].stdoutBytes", 1000000);
	check_bool(client, "progress.hooks[0].stdoutTruncated", true);
	assert_int_equal(strlen(reply_string(client, "progress.hooks[0].stdout")), 65536);
	check_part(client, "progress.hooks[0].stdout", "000000000000000\n000000000000016\n");
	check_part(client, "progress.hooks[0].stdout", "000000000999984\n");
	fifo_release(go);
	client_receive(runner);
	check_success(runner);
}

/* Asking does not take the events away from a client that streams, nor send any twice. */
static void streams_are_not_disturbed(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *client = client_open(harness);
	char id[64];

	begin_run(runner, .flags = ",'more':true",
		  .hooks = {HOOK("'say','one'," WAITING ",'say','two'")});
	fifo_await(started);
	newest(client, id);
	get(client, id);
	check_string(client, "progress.hooks[0].stdout", "one");
	get(client, id);
	check_string(client, "progress.hooks[0].stdout", "one");
	fifo_release(go);
	for (const char *const *event =
		 (const char *const[]){"accepted", "started", "output", "output", "finished", NULL};
	     *event; event++) {
		client_receive(runner);
		check_string(runner, "event", *event);
	}
	client_receive(runner);
	check_success(runner);
}

static void queued_runs_have_no_progress(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *second = client_open(harness),
		      *client = client_open(harness);
	char id[64];

	begin_run(runner, .hooks = {HOOK(WAITING)});
	fifo_await(started);
	begin_run(second, .hooks = {HOOK("'exit','0'")});
	await_true(status_number(harness, "queued") == 1, "the second is queued");
	newest(client, id);
	get(client, id);
	check_string(client, "run.state", "queued");
	check_count(client, "progress.hooks", 0);
	check_absent(client, "run.hook");
	assert_true(reply_int(client, "run.queuedUSec") > 0);
	fifo_release(go);
	client_receive(runner);
	client_receive(second);
}

/* A runner that is stopped does not answer: the rest is told. */
static void a_runner_that_does_not_answer(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *client = client_open(harness);
	char id[64];

	if (!harness_has_runners())
		skip("needs runners");
	begin_run(runner, .hooks = {HOOK("'say','one'," WAITING)});
	fifo_await(started);
	newest(client, id);
	get(client, id);
	check_string(client, "progress.hooks[0].stdout", "one");
	assert_int_equal(kill(harness->runner, SIGSTOP), 0);
	get(client, id);
	check_string(client, "progress.hooks[0].outcome", "running");
	check_absent(client, "progress.hooks[0].stdout");
	assert_int_equal(kill(harness->runner, SIGCONT), 0);
	fifo_release(go);
	client_receive(runner);
	check_success(runner);
}

/* The client goes before the answer comes, which nobody gets then. */
static void a_client_that_goes(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *runner = client_open(harness), *client = client_open(harness);
	char id[64], text[128];

	begin_run(runner, .hooks = {HOOK("'say','one'," WAITING)});
	fifo_await(started);
	newest(client, id);
	snprintf(text, sizeof(text), "{'method':'io.hookd.status.Get','parameters':{'run':'%s'}}",
		 id);
	client_send(client, text);
	client_close(client);
	fifo_release(go);
	client_receive(runner);
	check_success(runner);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(output_so_far),
	    TEST(much_output_so_far),
	    TEST(streams_are_not_disturbed),
	    TEST(queued_runs_have_no_progress),
	    TEST(a_runner_that_does_not_answer),
	    TEST(a_client_that_goes),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
