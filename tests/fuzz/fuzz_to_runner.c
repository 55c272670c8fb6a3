/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What hookd says to a runner, whose lists run nothing: the input decides too what becomes of them.
 * No list is begun twice or forgotten while it runs, and no descriptor is left open.
 */

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/runner/front.h"
#include "tests/fuzz/steps.h"

/* ---- lists ---- */

struct fake_list {
	struct list list;
	const struct list_order *order;
	const struct list_listener *listener;
	void *userdata;
	size_t current;
	bool is_running, is_cancelled, is_listened_to;
};

#define LISTS_MAX 4

static struct fake_list *lists[LISTS_MAX];
static bool ends_at_once;

static struct fake_list *of(const struct list *list)
{
	return (struct fake_list *)list;
}

static void forget(struct fake_list *list)
{
	for (size_t i = 0; i < LISTS_MAX; i++)
		if (lists[i] == list)
			lists[i] = NULL;
	free(list);
}

static void end(struct fake_list *list, struct hp_hook_result *refusal)
{
	struct list_end how = {.refusal = refusal,
			       .is_cancelled = list->is_cancelled,
			       .ignored = list->is_cancelled ? strdup("ignored") : NULL};

	list->listener->ended(list->userdata, &how);
	forget(list);
}

static void start_hook(struct fake_list *list)
{
	list->is_running = true;
	list->listener->started(list->userdata, list->current, 1, 1);
}

static void end_hook(struct fake_list *list, size_t output_length)
{
	struct hp_hook_result result = {.outcome = HP_HOOK_EXITED, .success = true};
	bool ends;

	result.output[0] = (struct hp_output){
	    .bytes = calloc(1, output_length + 1), .length = output_length, .total = output_length};
	list->is_running = false;
	list->listener->finished(list->userdata, list->current++, &result);
	ends = list->is_cancelled || list->current == list->order->hooks->count;
	if (ends)
		end(list, NULL);
}

static void fake_cancel(struct list *list)
{
	of(list)->is_cancelled = true;
	if (of(list)->is_running)
		end_hook(of(list), 0);
}

static void fake_listen(struct list *list)
{
	of(list)->is_listened_to = true;
}

static void fake_pause(struct list *list, bool is_paused)
{
	must(!is_paused || of(list)->is_listened_to, "one that nobody listens to is not paused");
}

static pid_t fake_pid(const struct list *list)
{
	return of(list)->is_running;
}

static void fake_free(struct list *list)
{
	forget(of(list));
}

static int fake_start(struct list_starter *starter, const struct list_order *order,
		      const struct list_listener *listener, void *userdata, struct list **ret_list)
{
	static const struct list_operations operations = {.cancel = fake_cancel,
							  .listen = fake_listen,
							  .pause = fake_pause,
							  .pid = fake_pid,
							  .free = fake_free};
	struct fake_list *list;
	size_t place = 0;

	(void)starter;
	must(order->first <= order->hooks->count && order->default_path, "an order is in bounds");
	must(order->settings.filter_count == 0 || order->settings.filter, "a filter is there");
	for (size_t i = 0; i < LISTS_MAX; i++)
		must(!lists[i] || strcmp(lists[i]->order->run, order->run) != 0,
		     "no list is begun twice");
	while (place < LISTS_MAX && lists[place])
		place++;
	if (place == LISTS_MAX)
		return -ENOMEM;
	list = lists[place] = calloc(1, sizeof(*list));
	*list = (struct fake_list){.list.operations = &operations,
				   .order = order,
				   .listener = listener,
				   .userdata = userdata,
				   .current = order->first,
				   .is_listened_to = order->is_listened_to};
	*ret_list = &list->list;
	if (order->first == order->hooks->count || ends_at_once)
		end(list, NULL);
	return 0;
}

/* Bits: list (2), what (3), how much output (3). */
static void act(uint8_t number)
{
	struct fake_list *list = lists[number & 3];
	struct hp_hook_result refusal = {.outcome = HP_HOOK_SPAWN_FAILED, .failed_errno = 11};
	static const char bytes[4096];
	const struct hook_output output = {.stream = 1, .bytes = bytes, .length = sizeof(bytes)};

	ends_at_once = number == 255;
	if (!list)
		return;
	switch (number >> 2 & 7) {
	case 0:
		if (!list->is_running)
			start_hook(list);
		break;
	case 1:
		end_hook(list, (size_t)(number >> 5) * 9000);
		break;
	case 2:
		if (list->is_running)
			list->listener->moved(list->userdata, list->current, 2);
		break;
	case 3:
		for (int i = 0; i < number && list->is_listened_to && list->is_running; i++)
			list->listener->output(list->userdata, list->current, &output);
		break;
	case 4:
		if (list->current == list->order->first)
			end(list, &refusal);
		break;
	default:
		break;
	}
}

/* ---- the runner ---- */

static struct event_base *base;
static struct runner runner;
static int front = -1;

static void on_changed(struct runner *changed)
{
	(void)changed;
}

static void on_configure(struct runner *configured, const struct configure_body *body)
{
	(void)configured;
	must(body->nice >= -20 && body->nice <= 19 && body->umask <= 0777, "limits are in bounds");
}

static void on_stop(struct runner *stopped, bool is_at_once)
{
	struct owned *owned, *next;

	if (is_at_once)
		HASH_ITER(by_run, stopped->lists, owned, next)
	owned_free(owned);
}

static void connect_front(void)
{
	const struct hello_body hello = {.version = RUNNER_VERSION, .pid = 1};
	int fds[2];

	if (front >= 0)
		close(front);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
	     "there are sockets");
	front = fds[1];
	front_connected(&runner, fds[0], &hello, -1);
}

/* Reads what the runner has said, unless it is to be full. */
static void turn(bool reads)
{
	static char packet[256 * 1024];

	event_base_loop(base, EVLOOP_NONBLOCK);
	while (reads && recv(front, packet, sizeof(packet), MSG_DONTWAIT) > 0)
		continue;
}

static int next_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct steps steps = {data, size};
	struct list_starter starter = {.start = fake_start};
	int before;

	if (!base) {
		base = event_base_new();
		log_set_level(-1);
	}
	before = next_descriptor();
	ends_at_once = false;
	runner = (struct runner){
	    .starter = &starter, .changed = on_changed, .configure = on_configure, .stop = on_stop};
	must(front_init(&runner, base) == 0, "there is memory");
	connect_front();
	while (steps.size > 0) {
		uint8_t what = steps_byte(&steps);

		if (what == STEP_CLOSE || !runner.front)
			connect_front();
		if (what == STEP_TURN)
			turn(steps_byte(&steps) & 1);
		else if (what == STEP_ACTION)
			act(steps_byte(&steps));
		else if (what != STEP_CLOSE)
			steps_send(&steps, what, front);
		turn(false);
	}
	for (int i = 0; i < 3; i++)
		turn(true);
	front_clear(&runner);
	close(front);
	front = -1;
	event_base_loop(base, EVLOOP_NONBLOCK);
	must(next_descriptor() == before, "no descriptor is left open");
	return 0;
}
