/* SPDX-License-Identifier: Apache-2.0 */
/* A runner whose lists run no hooks. */
#include "tests/daemon/runner/fake_lists.h"

struct fake_list *lists[LISTS_MAX];
size_t list_count;
int start_error;
bool ends_at_once;

static struct fake_list *of(struct list *list)
{
	return container_of(list, struct fake_list, list);
}

static void fake_cancel(struct list *list)
{
	of(list)->cancels++;
}

static void fake_listen(struct list *list)
{
	of(list)->is_listened_to = true;
}

static void fake_pause(struct list *list, bool is_paused)
{
	of(list)->is_paused = is_paused;
}

static void fake_recall(struct list *list)
{
	of(list)->recalled++;
}

static pid_t fake_pid(const struct list *list)
{
	return of((struct list *)list)->pid;
}

static void fake_free(struct list *list)
{
	for (size_t i = 0; i < list_count; i++)
		if (lists[i] == of(list))
			lists[i] = NULL;
	free(of(list));
}

static const struct list_operations operations = {.cancel = fake_cancel,
						  .listen = fake_listen,
						  .recall = fake_recall,
						  .pause = fake_pause,
						  .pid = fake_pid,
						  .free = fake_free};

void list_end(struct fake_list *list, struct hp_hook_result *refusal, bool is_cancelled)
{
	struct list_end end = {.refusal = refusal, .is_cancelled = is_cancelled};

	list->listener->ended(list->userdata, &end);
	for (size_t i = 0; i < list_count; i++)
		if (lists[i] == list)
			lists[i] = NULL;
	free(list);
}

static int fake_start(struct list_starter *starter, const struct list_order *order,
		      const struct list_listener *listener, void *userdata, struct list **ret_list)
{
	struct fake_list *list;

	(void)starter;
	if (start_error)
		return start_error;
	list = calloc(1, sizeof(*list));
	assert_non_null(list);
	assert_true(list_count < LISTS_MAX);
	list->list.operations = &operations;
	list->order = order;
	list->listener = listener;
	list->userdata = userdata;
	list->is_paused = order->is_paused;
	lists[list_count++] = list;
	*ret_list = &list->list;
	if (ends_at_once)
		list_end(list, NULL, true);
	return 0;
}

void hook_starts(struct fake_list *list, size_t index)
{
	list->pid = 1000 + (pid_t)index;
	list->listener->started(list->userdata, index, list->pid, 5);
}

void hook_ends(struct fake_list *list, size_t index, size_t output_length)
{
	struct hp_hook_result result = {
	    .index = index, .outcome = HP_HOOK_EXITED, .success = true, .oom_killed = -1};

	for (int i = 0; i < 2 && output_length > 0; i++) {
		result.output[i] = (struct hp_output){.bytes = calloc(1, output_length),
						      .length = output_length,
						      .total = output_length};
		assert_non_null(result.output[i].bytes);
	}
	list->pid = 0;
	list->listener->finished(list->userdata, index, &result);
}

/* ---- the runner ---- */

struct event_base *runner_base;
static struct list_starter starter = {.start = fake_start};
struct runner runner;
struct other_side front;
int stops;
struct configure_body configuration;

static void on_changed(struct runner *changed)
{
	assert_ptr_equal(changed, &runner);
}

static void on_configure(struct runner *configured, const struct configure_body *body)
{
	(void)configured;
	configuration = *body;
}

static void on_stop(struct runner *stopped, bool is_at_once)
{
	(void)stopped;
	stops += is_at_once ? 100 : 1;
}

void connect_front(void)
{
	const struct hello_body hello = {.version = RUNNER_VERSION, .pid = 1};
	int fds[2];

	make_pair(fds);
	other_side_open(&front, runner_base, fds[1]);
	front_connected(&runner, fds[0], &hello, -1);
}

int runner_set_up(void **state)
{
	(void)state;
	runner_base = loop_new();
	list_count = 0;
	stops = start_error = 0;
	ends_at_once = false;
	runner = (struct runner){
	    .starter = &starter, .changed = on_changed, .configure = on_configure, .stop = on_stop};
	assert_int_equal(front_init(&runner, runner_base), 0);
	connect_front();
	wait_for(runner_base, strcmp(front.received, "h n Y") == 0);
	other_side_forget(&front);
	return 0;
}

int runner_tear_down(void **state)
{
	(void)state;
	front_clear(&runner);
	other_side_close(&front);
	event_base_free(runner_base);
	return 0;
}

struct fake_list *start_list(const char *run, size_t hook_count)
{
	struct start_body body;
	struct message message = start_message(run, hook_count, 0, &body);
	size_t before = list_count;

	channel_send_or_break(front.channel, &message);
	free((char *)message.payload);
	wait_for(runner_base, list_count == before + 1);
	return lists[before];
}

void send_to_list(enum message_type type, const char *run)
{
	struct message message = message_make(type, run, 0, NULL, 0, NULL, 0);

	channel_send_or_break(front.channel, &message);
}

void expect_received(const char *expected)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (strlen(front.received) < strlen(expected) && loop_turn(runner_base, deadline_ns))
		continue;
	assert_string_equal(front.received, expected);
}

void lose_front(void)
{
	other_side_close(&front);
	wait_for(runner_base, !runner.front);
}

void send_start(struct message *message)
{
	channel_send_or_break(front.channel, message);
	free((char *)message->payload);
	message->payload = NULL;
}
