/* SPDX-License-Identifier: Apache-2.0 */

/* What a runner sends to a front that connects later, or that does not read its socket. */

#include "proto/base/limits.h"
#include "tests/daemon/runner/fake_lists.h"

/* ---- a front that connects later ---- */

static void a_new_front_gets_all_messages_again(void **state)
{
	struct fake_list *list = start_list("r", 3);

	(void)state;
	hook_starts(list, 0);
	hook_ends(list, 0, 100);
	lose_front();
	hook_starts(list, 1);
	hook_ends(list, 1, 100);
	hook_starts(list, 2);
	connect_front();
	expect_received("h n O0 F0 F1 S2 Y");
	hook_ends(list, 2, 0);
	list_end(list, NULL, false);
	expect_received("h n O0 F0 F1 S2 Y F2 E");
	lose_front();
	connect_front();
	expect_received("h n O0 F0 F1 F2 E Y");
}

/* The second replaces the first. */
static void one_front_at_a_time(void **state)
{
	struct other_side second = {0};
	const struct hello_body hello = {.version = RUNNER_VERSION, .pid = 1};
	int fds[2];

	(void)state;
	make_pair(fds);
	other_side_open(&second, runner_base, fds[1]);
	front_connected(&runner, fds[0], &hello, -1);
	wait_for(runner_base, front.closed == 1 && strcmp(second.received, "h n Y") == 0);
	assert_int_equal(second.closed, 0);
	other_side_close(&second);
}

#define MANY 500

/* Each turn of the loop sends a few; events that occur meanwhile are sent in their order. */
static void hundreds_of_lists_are_sent_in_many_turns(void **state)
{
	char name[16];
	size_t turns = 0, before, most = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		start_list(name, 2);
		hook_starts(lists[i], 0);
		hook_ends(lists[i], 0, 1000);
	}
	lose_front();
	connect_front();
	for (; front.counts[MESSAGE_SYNCED] == 0 && turns < 10000; turns++) {
		before = front.counts[MESSAGE_FINISHED];
		event_base_loop(runner_base, EVLOOP_ONCE);
		before = front.counts[MESSAGE_FINISHED] - before;
		most = before > most ? before : most;
		if (turns == 3) /* the first list was sent already, the last one was not */
			for (int i = 0; i < MANY; i += MANY - 1) {
				hook_starts(lists[i], 1);
				hook_ends(lists[i], 1, 0);
				list_end(lists[i], NULL, false);
			}
	}
	assert_true(turns > 20 && turns < 10000);
	assert_in_range(most, 1, 32);
	assert_int_equal(front.counts[MESSAGE_OWNED], MANY);
	assert_int_equal(front.counts[MESSAGE_FINISHED], MANY + 2);
	assert_int_equal(front.counts[MESSAGE_ENDED], 2);
}

/* Lists are freed or listened to before they were sent: a freed one is not sent. */
static void lists_are_freed_while_others_are_sent(void **state)
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
	assert_true(owned_find(&runner, "r498")->is_resent);
	wait_for(runner_base, front.counts[MESSAGE_SYNCED] == 1);
	assert_int_equal(front.counts[MESSAGE_OWNED], MANY - 1);
	lose_front();
	connect_front();
	lose_front(); /* in the middle of it */
	connect_front();
	wait_for(runner_base, front.counts[MESSAGE_SYNCED] == 1);
	assert_int_equal(front.counts[MESSAGE_OWNED], MANY - 1);
}

/* 256 hooks with the largest output: 32 MiB. */
static void the_largest_list_is_sent_again(void **state)
{
	const size_t length = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;
	struct fake_list *list = start_list("r", HP_HOOKS_MAX);
	int64_t begin_ns, longest_ns = 0, took_ns;

	(void)state;
	for (size_t i = 0; i < HP_HOOKS_MAX; i++) {
		hook_starts(list, i);
		hook_ends(list, i, length);
	}
	list_end(list, NULL, false);
	wait_for(runner_base, front.counts[MESSAGE_ENDED] == 1);
	assert_int_equal(front.payload_bytes, HP_HOOKS_MAX * length * 2);
	lose_front();
	connect_front();
	while (front.counts[MESSAGE_SYNCED] == 0) {
		begin_ns = clock_ns(CLOCK_MONOTONIC);
		event_base_loop(runner_base, EVLOOP_ONCE);
		took_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
		/* Results are kept once, and the bytes that wait to be sent are bounded. */
		assert_true(channel_waiting(runner.front) < 512 * 1024);
	}
	print_message("the longest turn: %lld us\n", (long long)longest_ns / 1000);
	assert_int_equal(front.counts[MESSAGE_FINISHED], HP_HOOKS_MAX);
	assert_int_equal(front.payload_bytes, HP_HOOKS_MAX * length * 2);
}

/* ---- output that the front does not read ---- */

static void output_is_paused_while_the_socket_is_full(void **state)
{
	static const char bytes[4096];
	const struct hook_output output = {.stream = 1, .bytes = bytes, .length = sizeof(bytes)};
	struct fake_list *list = start_list("r", 1), *quiet = start_list("q", 1);
	size_t sent = 0;

	(void)state;
	send_to_list(MESSAGE_LISTEN, "r");
	wait_for(runner_base, list->is_listened_to);
	hook_starts(list, 0);
	for (; !list->is_paused && sent < 10000; sent++)
		list->listener->output(list->userdata, 0, &output);
	assert_true(sent < 1000);
	assert_true(channel_waiting(runner.front) < 512 * 1024);
	assert_false(quiet->is_paused); /* no client listens to it: its output is still read */
	wait_for(runner_base, !list->is_paused);
	wait_for(runner_base, front.counts[MESSAGE_OUTPUT] == sent);
	assert_int_equal(front.payload_bytes, sent * sizeof(bytes));
}

static void output_is_resumed_when_the_front_disconnects(void **state)
{
	static const char bytes[4096];
	const struct hook_output output = {.stream = 1, .bytes = bytes, .length = sizeof(bytes)};
	struct fake_list *list = start_list("r", 1);

	(void)state;
	send_to_list(MESSAGE_LISTEN, "r");
	wait_for(runner_base, list->is_listened_to);
	while (!list->is_paused)
		list->listener->output(list->userdata, 0, &output);
	lose_front();
	assert_false(list->is_paused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUNNER_TEST(a_new_front_gets_all_messages_again),
	    RUNNER_TEST(one_front_at_a_time),
	    RUNNER_TEST(hundreds_of_lists_are_sent_in_many_turns),
	    RUNNER_TEST(lists_are_freed_while_others_are_sent),
	    RUNNER_TEST(the_largest_list_is_sent_again),
	    RUNNER_TEST(output_is_paused_while_the_socket_is_full),
	    RUNNER_TEST(output_is_resumed_when_the_front_disconnects),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
