/* SPDX-License-Identifier: Apache-2.0 */
/* Which hook runs when: within a list, between runs of a container, between containers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness/check.h"

#define WAITING HOOK("'tell','@DIR@/started','await','@DIR@/go'")

/* A stage with one hook, which writes the stage's name, and the text that follows it. */
#define MARKED(stage, behind) "'" stage "':[" HOOK("'mark','@DIR@/log','" stage "'") "]" behind

static void expect_file(const struct harness *harness, const char *name, const char *want)
{
	char *text = harness_read_file(harness, name, NULL);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void hooks_of_a_list_in_order(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	run(client,
	    .hooks = {HOOK("'sleep','30','mark','@DIR@/log','first'"),
		      HOOK("'mark','@DIR@/log','second'"), HOOK("'mark','@DIR@/log','third'")});
	check_success(client);
	expect_file(harness, "log", "first\nsecond\nthird\n");
}

static void one_container_in_order(void **state)
{
	struct harness *harness = *state;
	struct client *clients[4];
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	char hook[256];

	for (int i = 0; i < 4; i++) {
		clients[i] = client_open(harness);
		snprintf(hook, sizeof(hook),
			 i == 0 ? HOOK("'tell','@DIR@/started','await','@DIR@/go',"
				       "'mark','@DIR@/log','run %d'")
				: HOOK("'mark','@DIR@/log','run %d'"),
			 i);
		begin_run(clients[i], .stage = i % 2 ? "poststart" : "createRuntime",
			  .hooks = {hook});
		if (i == 0)
			fifo_await(started);
		await_true(status_number(harness, "queued") == i, "the run is in the line");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	assert_int_equal(status_number(harness, "running"), 1);
	fifo_release(go);
	for (int i = 0; i < 4; i++) {
		client_receive(clients[i]);
		check_success(clients[i]);
	}
	expect_file(harness, "log", "run 0\nrun 1\nrun 2\nrun 3\n");
}

/* Each of the two hooks waits until both are running. */
static void two_containers_in_parallel(void **state)
{
	struct harness *harness = *state;
	struct client *one = client_open(harness), *two = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(one, .container = "one", .hooks = {WAITING});
	begin_run(two, .container = "two", .hooks = {WAITING});
	fifo_await(started);
	fifo_await(started);
	fifo_release(go);
	fifo_release(go);
	client_receive(one);
	check_success(one);
	client_receive(two);
	check_success(two);
}

static void no_more_at_a_time_than_configured(void **state)
{
	struct harness *harness = *state;
	struct client *one, *two;
	int started, go;

	harness_start(harness, &(struct start){.config = "[Hooks]\nConcurrentHooks=1\n"});
	started = fifo_open(harness, "started");
	go = fifo_open(harness, "go");
	one = client_open(harness);
	two = client_open(harness);
	begin_run(one, .container = "one", .hooks = {WAITING});
	fifo_await(started);
	begin_run(two, .container = "two", .hooks = {HOOK("'tell','@DIR@/started'")});
	await_true(status_number(harness, "queued") == 1, "the second waits");
	assert_false(fifo_has_told(started));
	fifo_release(go);
	client_receive(one);
	client_receive(two);
	check_success(two);
	fifo_await(started);
	assert_true(reply_int(two, "result.queuedUSec") > 0);
}

static void empty_hook_list(void **state)
{
	struct client *client = client_open(*state);

	run(client);
	check_success(client);
	check_count(client, "result.hooks", 0);
	client_call(client, "{'method':'io.hookd.hooks.Run','parameters':{'stage':'poststop',"
			    "'state':{'id':'box'},'hooks':{}}}");
	check_success(client);
	check_count(client, "result.hooks", 0);
	client_call(client, "{'method':'io.hookd.hooks.Run','parameters':{'stage':'poststop',"
			    "'dialect':'libcontainer','state':{'id':'box'},"
			    "'hooks':{'poststop':null,'prestart':null}}}");
	check_success(client);
}

/* A config.json has the hooks of all stages. */
static void other_stages_are_left_alone(void **state)
{
	static const char call[] =
	    "{'method':'io.hookd.hooks.Run','parameters':{'stage':'poststart',"
	    "'state':{'id':'box'},'hooks':{" MARKED("poststop", ",") MARKED("poststart", ",")
		MARKED("prestart", "}}}");
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_call(client, call);
	check_success(client);
	check_count(client, "result.hooks", 1);
	expect_file(harness, "log", "poststart\n");
}

/* A slow container does not delay others, and all runs are started. */
static void many_containers(void **state)
{
	struct harness *harness = *state;
	struct client *clients[60];
	char container[16];

	for (int i = 0; i < 60; i++) {
		clients[i] = client_open(harness);
		snprintf(container, sizeof(container), "box%d", i % 20);
		begin_run(clients[i], .container = container,
			  .hooks = {HOOK("'mark','@DIR@/log','x'")});
	}
	for (int i = 0; i < 60; i++) {
		client_receive(clients[i]);
		check_success(clients[i]);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 60);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(hooks_of_a_list_in_order),
	    TEST(one_container_in_order),
	    TEST(two_containers_in_parallel),
	    TEST_PREPARED(no_more_at_a_time_than_configured),
	    TEST(empty_hook_list),
	    TEST(other_stages_are_left_alone),
	    TEST(many_containers),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
