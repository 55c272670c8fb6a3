/* SPDX-License-Identifier: Apache-2.0 */

/* Runs of an earlier hookd while nobody knows which runner has their lists, and after that. */

#include "tests/daemon/support/support.h"

#include "daemon/run/store.h"
#include "tests/daemon/support/requests.h"

struct fake_list {
	struct list list;
	int cancels, listens, pauses;
};

static struct event_base *base;
static struct config config;
static struct store *store;

static void ignore_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
}

static int start_run(struct run *run, void *userdata)
{
	ignore_run(run, userdata);
	return 0;
}

static const struct run_context context = {
    .config = &config, .starting = start_run, .ending = ignore_run, .done = ignore_run};

static void cancel_list(struct list *list)
{
	container_of(list, struct fake_list, list)->cancels++;
}

static void listen_to_list(struct list *list)
{
	container_of(list, struct fake_list, list)->listens++;
}

static void pause_list(struct list *list, bool is_paused)
{
	container_of(list, struct fake_list, list)->pauses += is_paused;
}

static void free_list(struct list *list)
{
	(void)list;
}

static const struct list_operations operations = {
    .cancel = cancel_list, .listen = listen_to_list, .pause = pause_list, .free = free_list};

static int set_up(void **state)
{
	(void)state;
	base = loop_new();
	config = (struct config){.kept_runs = 100, .kept_ms = 3600000, .kept_bytes = UINT64_MAX};
	return store_new(base, &config, &store);
}

static int tear_down(void **state)
{
	(void)state;
	store = store_free(store);
	event_base_free(base);
	return 0;
}

static struct run *await_run(size_t hook_count)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	struct hp_request request = request_make("c", HP_STAGE_POSTSTOP, hooks, hook_count);
	struct run *run;
	char id[RUN_ID_SIZE];

	assert_int_equal(store_make_id(store, id), 0);
	assert_int_equal(run_new_lost(&context, id, 0, &request, 1, &run), 0);
	assert_int_equal(store_add(store, run), 0);
	assert_int_equal(run_await(run), 0);
	assert_int_equal(run->state, RUN_RUNNING);
	return run;
}

static void adopt(struct run *run, size_t first, struct fake_list *list,
		  const struct list_listener **ret_listener)
{
	*list = (struct fake_list){.list.operations = &operations};
	run_adopt(run, first, &list->list, ret_listener);
}

static void notify(struct run_waiter *waiter, const struct run_event *event)
{
	(void)waiter, (void)event;
}

static void what_happens_meanwhile_is_passed_on(void **state)
{
	struct run_waiter waiter = {.notify = notify, .wants_output = true};
	const struct list_listener *listener;
	struct run *run = await_run(1);
	static struct fake_list list;

	(void)state;
	run_add_waiter(run, &waiter);
	run_listen(run);
	run_set_behind(run, &waiter, true);
	run_cancel(run);
	assert_int_equal(run->state, RUN_RUNNING);
	adopt(run, 0, &list, &listener);
	assert_int_equal(list.listens, 1);
	assert_int_equal(list.pauses, 1);
	assert_int_equal(list.cancels, 1);
	run_remove_waiter(run, &waiter);
}

static void nothing_is_passed_on_if_nothing_has_happened(void **state)
{
	const struct list_listener *listener;
	struct run *run = await_run(1);
	static struct fake_list list;

	(void)state;
	adopt(run, 0, &list, &listener);
	assert_int_equal(list.listens + list.pauses + list.cancels, 0);
}

static void one_that_no_runner_has_is_lost(void **state)
{
	struct run *run = await_run(1);

	(void)state;
	run_lose(run);
	assert_int_equal(run->state, RUN_DONE);
	assert_int_equal(run->result.outcome, HP_RUN_LOST);
}

/* At poststop the list goes on with the next hook, so it begins with that. */
static void a_hook_that_timed_out_before_its_list_began_keeps_its_result(void **state)
{
	const struct list_listener *listener;
	struct run *run = await_run(2);
	struct hp_hook_result second = {
	    .index = 1, .outcome = HP_HOOK_EXITED, .success = true, .oom_killed = -1};
	struct list_end end = {0};
	static struct fake_list list;

	(void)state;
	adopt(run, 1, &list, &listener);
	listener->finished(run, 1, &second);
	listener->ended(run, &end);
	assert_int_equal(run->result.outcome, HP_RUN_FAILED);
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_TIMED_OUT);
	assert_string_equal(run->result.hooks[0].path, run->request.hooks.hooks[0].path);
	assert_non_null(run->result.hooks[0].error);
	assert_int_equal(run->result.hooks[1].outcome, HP_HOOK_EXITED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_happens_meanwhile_is_passed_on),
	    TEST(nothing_is_passed_on_if_nothing_has_happened),
	    TEST(one_that_no_runner_has_is_lost),
	    TEST(a_hook_that_timed_out_before_its_list_began_keeps_its_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
