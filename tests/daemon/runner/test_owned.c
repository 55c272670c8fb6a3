/* SPDX-License-Identifier: Apache-2.0 */

/* The lists of a runner, and what a front hears of them; the lists run nothing. */

#include <fcntl.h>
#include <sys/resource.h>

#include "daemon/runner/front.h"
#include "proto/base/limits.h"
#include "tests/daemon/runner/other_side.h"

/* ---- lists that the test drives ---- */

struct fake_list {
	struct list list;
	const struct list_order *order;
	const struct list_listener *listener;
	void *userdata;
	pid_t pid;
	bool is_paused, is_listened_to;
	int cancels;
};

#define LISTS_MAX 600

static struct fake_list *lists[LISTS_MAX];
static size_t list_count, free_count;
static int start_error; /* of start() */
static bool ends_at_once;

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

static pid_t fake_pid(const struct list *list)
{
	return of((struct list *)list)->pid;
}

static void fake_free(struct list *list)
{
	for (size_t i = 0; i < list_count; i++)
		if (lists[i] == of(list))
			lists[i] = NULL;
	free_count++;
	free(of(list));
}

static const struct list_operations operations = {.cancel = fake_cancel,
						  .listen = fake_listen,
						  .pause = fake_pause,
						  .pid = fake_pid,
						  .free = fake_free};

static void list_end(struct fake_list *list, struct hp_hook_result *refusal, bool is_cancelled)
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

static void hook_start(struct fake_list *list, size_t index)
{
	list->pid = 1000 + (pid_t)index;
	list->listener->started(list->userdata, index, list->pid, 5);
}

static void hook_end(struct fake_list *list, size_t index, size_t output_length)
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

static struct event_base *base;
static struct list_starter starter = {.start = fake_start};
static struct runner runner;
static struct other_side other;
static int changes, stops;
static struct configure_body configuration;

static void on_changed(struct runner *changed)
{
	assert_ptr_equal(changed, &runner);
	changes++;
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

static void connect_front(void)
{
	const struct hello_body hello = {.version = RUNNER_VERSION, .pid = 1};
	int fds[2];

	make_pair(fds);
	other_side_open(&other, base, fds[1]);
	front_connected(&runner, fds[0], &hello);
}

static int set_up(void **state)
{
	(void)state;
	base = loop_new();
	list_count = free_count = 0;
	changes = stops = start_error = 0;
	ends_at_once = false;
	runner = (struct runner){
	    .starter = &starter, .changed = on_changed, .configure = on_configure, .stop = on_stop};
	assert_int_equal(front_init(&runner, base), 0);
	connect_front();
	wait_for(base, strcmp(other.heard, "h Y") == 0);
	other_side_forget(&other);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	front_clear(&runner);
	other_side_close(&other);
	event_base_free(base);
	return 0;
}

#define OWNED_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static struct fake_list *start_list(const char *run, size_t hook_count)
{
	struct start_body body;
	struct message message = start_message(run, hook_count, 0, &body);
	size_t before = list_count;

	channel_tell(other.channel, &message);
	free((char *)message.payload);
	wait_for(base, list_count == before + 1);
	return lists[before];
}

static void send_wish(enum message_type type, const char *run)
{
	struct message message = message_make(type, run, 0, NULL, 0, NULL, 0);

	channel_tell(other.channel, &message);
}

static void expect_heard(const char *expected)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (strlen(other.heard) < strlen(expected) && loop_turn(base, deadline_ns))
		continue;
	assert_string_equal(other.heard, expected);
}

/* ---- one list ---- */

static void a_list_from_start_to_acknowledge(void **state)
{
	struct fake_list *list = start_list("r", 2);

	(void)state;
	assert_string_equal(list->order->run, "r");
	assert_int_equal(list->order->hooks->count, 2);
	assert_string_equal(list->order->default_path, "/bin:/usr/bin");
	hook_start(list, 0);
	list->listener->moved(list->userdata, 0, 1001);
	hook_end(list, 0, 0);
	hook_start(list, 1);
	hook_end(list, 1, 10);
	list_end(list, NULL, false);
	expect_heard("S0 M0 F0 S1 F1 E");
	send_wish(MESSAGE_ACKNOWLEDGE, "r");
	wait_for(base, !runner.lists);
}

static void a_list_that_runs_is_not_forgotten(void **state)
{
	struct fake_list *list = start_list("r", 1);

	(void)state;
	send_wish(MESSAGE_ACKNOWLEDGE, "r");
	send_wish(MESSAGE_CANCEL, "r");
	wait_for(base, list->cancels == 1);
	assert_non_null(owned_find(&runner, "r"));
}

static void wishes_about_unknown_lists_are_ignored(void **state)
{
	struct fake_list *list = start_list("r", 1);
	struct pause_body body = {.is_paused = 1};
	struct message message =
	    message_make(MESSAGE_PAUSE, "other", 0, &body, sizeof(body), NULL, 0);

	(void)state;
	send_wish(MESSAGE_CANCEL, "other");
	send_wish(MESSAGE_LISTEN, "other");
	send_wish(MESSAGE_ACKNOWLEDGE, "other");
	channel_tell(other.channel, &message);
	send_wish(MESSAGE_LISTEN, "r");
	wait_for(base, list->is_listened_to);
	assert_false(list->is_paused || list->cancels);
	assert_int_equal(other.closed, 0);
}

static void a_list_that_ends_while_it_starts(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	ends_at_once = true;
	channel_tell(other.channel, &message);
	free((char *)message.payload);
	expect_heard("E");
	assert_true(owned_find(&runner, "r")->has_ended);
}

static void a_request_of_4_mib(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 256, 4 * 1024 * 1024 - 8192, &body);
	int64_t begin_ns;

	(void)state;
	channel_tell(other.channel, &message);
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	wait_for(base, list_count == 1);
	print_message("4 MiB take %lld us\n",
		      (long long)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1000);
	assert_int_equal(lists[0]->order->hooks->count, 256);
	assert_true(lists[0]->order->state_length > 4000000);
	free((char *)message.payload);
}

/* ---- lists that are refused ---- */

static void send_start(struct message *message)
{
	channel_tell(other.channel, message);
	free((char *)message->payload);
	message->payload = NULL;
}

static void expect_refused(int error)
{
	expect_heard("F0 E");
	assert_true(other.finished.is_refusal);
	assert_int_equal(other.finished.failed_errno, error);
	assert_int_equal(other.closed, 0);
	other_side_forget(&other);
}

static void a_second_start_is_refused_and_the_first_goes_on(void **state)
{
	struct fake_list *list = start_list("r", 1);
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	send_start(&message);
	expect_refused(EEXIST);
	hook_start(list, 0);
	expect_heard("S0");
}

static void a_request_that_cannot_be_read_is_refused(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	((char *)message.payload)[0] = 'x';
	send_start(&message);
	expect_refused(EBADMSG);
	message = start_message("r", 1, 0, &body);
	body.first = 2; /* it has one */
	send_start(&message);
	expect_refused(EBADMSG);
	assert_null(runner.lists);
}

static void a_list_that_cannot_be_started_is_refused(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	start_error = -ENOMEM;
	send_start(&message);
	expect_refused(ENOMEM);
	assert_null(runner.lists);
}

/* The refusal is told as that of the hook that the list begins with. */
static void a_refusal_has_the_first_hooks_index(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 3, 0, &body);

	(void)state;
	start_error = -ENOMEM;
	body.first = 2;
	message.header.index = 2;
	send_start(&message);
	expect_heard("F2 E");
}

static void a_start_without_room_for_its_descriptors_is_refused(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 1024 * 1024, &body);
	int fds[2] = {0, 0}, next = dup(0);
	struct rlimit before, limit;

	(void)state;
	body.caller = body.container = 1;
	message.fds = fds;
	message.fd_count = 2;
	send_start(&message);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){(rlim_t)next, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_refused(EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(list_count, 0);
	start_list("r", 1); /* the connection is good for the next */
}

static void a_first_hook_that_is_refused(void **state)
{
	struct fake_list *list = start_list("r", 2);
	struct hp_hook_result refusal = {
	    .outcome = HP_HOOK_SPAWN_FAILED, .failed_errno = EAGAIN, .oom_killed = -1};

	(void)state;
	list_end(list, &refusal, false);
	expect_refused(EAGAIN);
}

static void descriptors_are_the_lists(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);
	int fds[4], kept[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	body.caller = 7;
	body.container = 8;
	body.has_rdt = body.has_rdt_mon = 1;
	message.fds = fds;
	message.fd_count = 4;
	send_start(&message);
	wait_for(base, list_count == 1);
	kept[0] = lists[0]->order->target.caller.pidfd;
	kept[1] = lists[0]->order->target.container.pidfd;
	kept[2] = lists[0]->order->settings.rdt_tasks;
	kept[3] = lists[0]->order->settings.rdt_mon_tasks;
	for (int i = 0; i < 4; i++)
		assert_true(fcntl(kept[i], F_GETFD) >= 0);
	list_end(lists[0], NULL, true);
	for (int i = 0; i < 4; i++) {
		assert_true(fcntl(kept[i], F_GETFD) < 0);
		close(fds[i]);
	}
}

/* ---- what a runner does not listen to ---- */

static void what_only_a_runner_says_ends_the_connection(void **state)
{
	enum message_type type = *(enum message_type *)*state;
	struct message message = started_message(0);

	message.header.type = type;
	if (type == MESSAGE_OWNED)
		message = plain_message(type);
	if (type == MESSAGE_SYNCED)
		message = message_make(type, NULL, 0, NULL, 0, NULL, 0);
	if (type == MESSAGE_FINISHED)
		message = finished_message(0);
	if (type == MESSAGE_ENDED)
		message = ended_message(false);
	start_list("r", 1);
	channel_tell(other.channel, &message);
	wait_for(base, other.closed == 1);
	assert_null(runner.front);
	assert_non_null(owned_find(&runner, "r")); /* it goes on */
}

static void what_is_asked_of_the_process(void **state)
{
	struct configure_body body = {.umask = 022, .nice = -5};
	struct stop_body stop = {.is_at_once = 1};
	struct message message =
	    message_make(MESSAGE_CONFIGURE, NULL, 0, &body, sizeof(body), NULL, 0);

	(void)state;
	channel_tell(other.channel, &message);
	message = message_make(MESSAGE_STOP, NULL, 0, &stop, sizeof(stop), NULL, 0);
	channel_tell(other.channel, &message);
	wait_for(base, stops == 100);
	assert_int_equal(configuration.umask, 022);
	assert_int_equal(configuration.nice, -5);
}

/* ---- a front that comes later ---- */

static void lose_front(void)
{
	other_side_close(&other);
	wait_for(base, !runner.front);
}

static void all_is_told_again(void **state)
{
	struct fake_list *list = start_list("r", 3);

	(void)state;
	hook_start(list, 0);
	hook_end(list, 0, 100);
	lose_front();
	hook_start(list, 1);
	hook_end(list, 1, 100);
	hook_start(list, 2);
	connect_front();
	expect_heard("h O0 F0 F1 S2 Y");
	hook_end(list, 2, 0);
	list_end(list, NULL, false);
	expect_heard("h O0 F0 F1 S2 Y F2 E");
	lose_front();
	connect_front();
	expect_heard("h O0 F0 F1 F2 E Y");
}

/* The second takes the place of the first. */
static void one_front_at_a_time(void **state)
{
	struct other_side second = {0};
	const struct hello_body hello = {.version = RUNNER_VERSION, .pid = 1};
	int fds[2];

	(void)state;
	make_pair(fds);
	other_side_open(&second, base, fds[1]);
	front_connected(&runner, fds[0], &hello);
	wait_for(base, other.closed == 1 && strcmp(second.heard, "h Y") == 0);
	assert_int_equal(second.closed, 0);
	other_side_close(&second);
}

#define MANY 500

/* Each turn of the loop tells a little; what happens meanwhile is told in its place. */
static void hundreds_of_lists_are_told_in_many_turns(void **state)
{
	char name[16];
	size_t turns = 0, before, most = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		start_list(name, 2);
		hook_start(lists[i], 0);
		hook_end(lists[i], 0, 1000);
	}
	lose_front();
	connect_front();
	for (; other.counts[MESSAGE_SYNCED] == 0 && turns < 10000; turns++) {
		before = other.counts[MESSAGE_FINISHED];
		event_base_loop(base, EVLOOP_ONCE);
		before = other.counts[MESSAGE_FINISHED] - before;
		most = before > most ? before : most;
		if (turns == 3) /* the last one has not been told yet, and the first one has */
			for (int i = 0; i < MANY; i += MANY - 1) {
				hook_start(lists[i], 1);
				hook_end(lists[i], 1, 0);
				list_end(lists[i], NULL, false);
			}
	}
	assert_true(turns > 20 && turns < 10000);
	assert_in_range(most, 1, 32);
	assert_int_equal(other.counts[MESSAGE_OWNED], MANY);
	assert_int_equal(other.counts[MESSAGE_FINISHED], MANY + 2);
	assert_int_equal(other.counts[MESSAGE_ENDED], 2);
}

/* Acknowledged, cancelled or listened to before it was told: nothing is told of one that is gone.
 */
static void lists_go_while_others_are_told(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		start_list(name, 1);
	}
	lose_front();
	connect_front();
	owned_free(owned_find(&runner, "r499"));
	owned_listen(owned_find(&runner, "r498"));
	assert_true(owned_find(&runner, "r498")->is_told);
	wait_for(base, other.counts[MESSAGE_SYNCED] == 1);
	assert_int_equal(other.counts[MESSAGE_OWNED], MANY - 1);
	lose_front();
	connect_front();
	lose_front(); /* in the middle of it */
	connect_front();
	wait_for(base, other.counts[MESSAGE_SYNCED] == 1);
	assert_int_equal(other.counts[MESSAGE_OWNED], MANY - 1);
}

/* 256 hooks with the largest output: 32 MiB. */
static void the_largest_list_is_told(void **state)
{
	const size_t length = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;
	struct fake_list *list = start_list("r", HP_HOOKS_MAX);
	int64_t begin_ns, longest_ns = 0, took_ns;

	(void)state;
	for (size_t i = 0; i < HP_HOOKS_MAX; i++) {
		hook_start(list, i);
		hook_end(list, i, length);
	}
	list_end(list, NULL, false);
	wait_for(base, other.counts[MESSAGE_ENDED] == 1);
	assert_int_equal(other.payload_bytes, HP_HOOKS_MAX * length * 2);
	lose_front();
	connect_front();
	while (other.counts[MESSAGE_SYNCED] == 0) {
		begin_ns = clock_ns(CLOCK_MONOTONIC);
		event_base_loop(base, EVLOOP_ONCE);
		took_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
		/* Results are kept once; what waits to be sent as well is bounded. */
		assert_true(channel_waiting(runner.front) < 512 * 1024);
	}
	print_message("the longest turn: %lld us\n", (long long)longest_ns / 1000);
	assert_int_equal(other.counts[MESSAGE_FINISHED], HP_HOOKS_MAX);
	assert_int_equal(other.payload_bytes, HP_HOOKS_MAX * length * 2);
}

/* ---- output that the front does not take ---- */

static void output_waits_for_the_front(void **state)
{
	static const char bytes[4096];
	const struct hook_output output = {.stream = 1, .bytes = bytes, .length = sizeof(bytes)};
	struct fake_list *list = start_list("r", 1), *quiet = start_list("q", 1);
	size_t sent = 0;

	(void)state;
	send_wish(MESSAGE_LISTEN, "r");
	wait_for(base, list->is_listened_to);
	hook_start(list, 0);
	for (; !list->is_paused && sent < 10000; sent++)
		list->listener->output(list->userdata, 0, &output);
	assert_true(sent < 1000);
	assert_true(channel_waiting(runner.front) < 512 * 1024);
	assert_false(quiet->is_paused); /* nobody listens to it: its output is read on */
	wait_for(base, !list->is_paused);
	wait_for(base, other.counts[MESSAGE_OUTPUT] == sent);
	assert_int_equal(other.payload_bytes, sent * sizeof(bytes));
}

static void a_front_that_goes_lets_output_go_on(void **state)
{
	static const char bytes[4096];
	const struct hook_output output = {.stream = 1, .bytes = bytes, .length = sizeof(bytes)};
	struct fake_list *list = start_list("r", 1);

	(void)state;
	send_wish(MESSAGE_LISTEN, "r");
	wait_for(base, list->is_listened_to);
	while (!list->is_paused)
		list->listener->output(list->userdata, 0, &output);
	lose_front();
	assert_false(list->is_paused);
}

/* ---- main ---- */

#define WITH(function, value)                                                                      \
	{                                                                                          \
		.name = #function " " #value, .test_func = function, .setup_func = set_up,         \
		.teardown_func = tear_down, .initial_state = &(typeof(value))                      \
		{                                                                                  \
			value                                                                      \
		}                                                                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    OWNED_TEST(a_list_from_start_to_acknowledge),
	    OWNED_TEST(a_list_that_runs_is_not_forgotten),
	    OWNED_TEST(wishes_about_unknown_lists_are_ignored),
	    OWNED_TEST(a_list_that_ends_while_it_starts),
	    OWNED_TEST(a_request_of_4_mib),
	    OWNED_TEST(a_second_start_is_refused_and_the_first_goes_on),
	    OWNED_TEST(a_request_that_cannot_be_read_is_refused),
	    OWNED_TEST(a_list_that_cannot_be_started_is_refused),
	    OWNED_TEST(a_refusal_has_the_first_hooks_index),
	    OWNED_TEST(a_start_without_room_for_its_descriptors_is_refused),
	    OWNED_TEST(a_first_hook_that_is_refused),
	    OWNED_TEST(descriptors_are_the_lists),
	    WITH(what_only_a_runner_says_ends_the_connection, MESSAGE_OWNED),
	    WITH(what_only_a_runner_says_ends_the_connection, MESSAGE_SYNCED),
	    WITH(what_only_a_runner_says_ends_the_connection, MESSAGE_STARTED),
	    WITH(what_only_a_runner_says_ends_the_connection, MESSAGE_FINISHED),
	    WITH(what_only_a_runner_says_ends_the_connection, MESSAGE_ENDED),
	    OWNED_TEST(what_is_asked_of_the_process),
	    OWNED_TEST(all_is_told_again),
	    OWNED_TEST(one_front_at_a_time),
	    OWNED_TEST(hundreds_of_lists_are_told_in_many_turns),
	    OWNED_TEST(lists_go_while_others_are_told),
	    OWNED_TEST(the_largest_list_is_told),
	    OWNED_TEST(output_waits_for_the_front),
	    OWNED_TEST(a_front_that_goes_lets_output_go_on),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
