/* SPDX-License-Identifier: Apache-2.0 */

/* Which runs are cancelled when their callers do not come back. A list in another process is
 * simulated: it is only asked to cancel. */

#include "tests/daemon/support/support.h"

#include "daemon/run/abandoned.h"
#include "tests/daemon/support/requests.h"

struct fake_list {
	struct list list;
	int cancels;
};

static struct event_base *base;
static struct config config;
static struct store *store;
static bool is_over;

/* A run begins: nothing is recorded. */
static int begin_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
	return 0;
}

static void ignore_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
}

static const struct run_context context = {
    .config = &config, .starting = begin_run, .ending = ignore_run, .done = ignore_run};

static void cancel_list(struct list *list)
{
	container_of(list, struct fake_list, list)->cancels++;
}

static void free_list(struct list *list)
{
	(void)list;
}

static const struct list_operations operations = {.cancel = cancel_list, .free = free_list};

static int set_up(void **state)
{
	(void)state;
	base = loop_new();
	config = (struct config){.kept_runs = 100, .kept_ms = 3600000, .kept_bytes = UINT64_MAX};
	is_over = false;
	return store_new(base, &config, &store);
}

static int tear_down(void **state)
{
	(void)state;
	store = store_free(store);
	event_base_free(base);
	return 0;
}

static struct run *adopt(struct fake_list *list, enum hp_on_disconnect on_disconnect)
{
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct hp_request request = request_make("c", HP_STAGE_POSTSTOP, &hook, 1);
	const struct list_listener *listener;
	struct run *run;
	char id[RUN_ID_SIZE];

	*list = (struct fake_list){.list.operations = &operations};
	request.on_disconnect = on_disconnect;
	assert_int_equal(store_make_id(store, id), 0);
	assert_int_equal(run_new_lost(&context, id, 0, &request, 1, &run), 0);
	assert_int_equal(store_add(store, run), 0);
	assert_int_equal(run_await(run), 0);
	run_adopt(run, 0, &list->list, &listener);
	return run;
}

static void on_over(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what, (void)userdata;
	is_over = true;
	event_base_loopbreak(base);
}

/* Until a moment after the time that abandoned_watch() was given. */
static void pass(const struct timeval *after)
{
	assert_int_equal(abandoned_watch(base, store, after), 0);
	assert_int_equal(event_base_once(base, -1, EV_TIMEOUT, on_over, NULL, after), 0);
	while (!is_over)
		(void)event_base_loop(base, EVLOOP_ONCE);
}

static const struct timeval soon = {.tv_usec = 1000};

static void those_that_want_it_are_cancelled(void **state)
{
	static struct fake_list cancels, goes_on;

	(void)state;
	adopt(&cancels, HP_ON_DISCONNECT_CANCEL);
	adopt(&goes_on, HP_ON_DISCONNECT_CONTINUE);
	pass(&soon);
	assert_int_equal(cancels.cancels, 1);
	assert_int_equal(goes_on.cancels, 0);
}

static void not_before_the_time_is_over(void **state)
{
	static const struct timeval late = {.tv_sec = ABANDONED_AFTER_S};
	static struct fake_list list;

	(void)state;
	adopt(&list, HP_ON_DISCONNECT_CANCEL);
	assert_int_equal(abandoned_watch(base, store, &late), 0);
	assert_int_equal(event_base_once(base, -1, EV_TIMEOUT, on_over, NULL, &soon), 0);
	while (!is_over)
		(void)event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(list.cancels, 0);
}

static void notify(struct run_waiter *waiter, const struct run_event *event)
{
	(void)waiter, (void)event;
}

static void a_caller_that_has_come_back_keeps_it(void **state)
{
	struct run_waiter waiter = {.notify = notify};
	static struct fake_list list;
	struct run *run = adopt(&list, HP_ON_DISCONNECT_CANCEL);

	(void)state;
	run_add_waiter(run, &waiter);
	pass(&soon);
	assert_int_equal(list.cancels, 0);
	run_remove_waiter(run, &waiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(those_that_want_it_are_cancelled, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(not_before_the_time_is_over, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_caller_that_has_come_back_keeps_it, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
