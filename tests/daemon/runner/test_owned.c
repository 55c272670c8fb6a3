/* SPDX-License-Identifier: Apache-2.0 */

/* The lists of a runner, from START to ACKNOWLEDGE; no hooks are run. */

#include <fcntl.h>
#include <sys/resource.h>

#include "tests/daemon/runner/fake_lists.h"

/* ---- one list ---- */

static void a_list_from_start_to_acknowledge(void **state)
{
	struct fake_list *list = start_list("r", 2);

	(void)state;
	assert_string_equal(list->order->run, "r");
	assert_int_equal(list->order->hooks->count, 2);
	assert_string_equal(list->order->default_path, "/bin:/usr/bin");
	hook_starts(list, 0);
	list->listener->moved(list->userdata, 0, 1001);
	hook_ends(list, 0, 0);
	hook_starts(list, 1);
	hook_ends(list, 1, 10);
	list_end(list, NULL, false);
	expect_received("S0 M0 F0 S1 F1 E");
	send_to_list(MESSAGE_ACKNOWLEDGE, "r");
	wait_for(runner_base, !runner.lists);
}

static void acknowledge_of_a_running_list_is_ignored(void **state)
{
	struct fake_list *list = start_list("r", 1);

	(void)state;
	send_to_list(MESSAGE_ACKNOWLEDGE, "r");
	send_to_list(MESSAGE_CANCEL, "r");
	wait_for(runner_base, list->cancels == 1);
	assert_non_null(owned_find(&runner, "r"));
}

static void messages_about_unknown_lists_are_ignored(void **state)
{
	struct fake_list *list = start_list("r", 1);
	struct pause_body body = {.is_paused = 1};
	struct message message =
	    message_make(MESSAGE_PAUSE, "other", 0, &body, sizeof(body), NULL, 0);

	(void)state;
	send_to_list(MESSAGE_CANCEL, "other");
	send_to_list(MESSAGE_LISTEN, "other");
	send_to_list(MESSAGE_ACKNOWLEDGE, "other");
	channel_send_or_break(front.channel, &message);
	send_to_list(MESSAGE_LISTEN, "r");
	wait_for(runner_base, list->is_listened_to);
	assert_false(list->is_paused || list->cancels);
	assert_int_equal(front.closed, 0);
}

static void output_is_recalled_without_being_listened_to(void **state)
{
	struct fake_list *list = start_list("r", 1);

	(void)state;
	send_to_list(MESSAGE_RECALL, "r");
	wait_for(runner_base, list->recalled == 1);
	assert_false(list->is_listened_to);
}

static void a_list_that_ends_while_it_starts(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	ends_at_once = true;
	channel_send_or_break(front.channel, &message);
	free((char *)message.payload);
	expect_received("E");
	assert_true(owned_find(&runner, "r")->has_ended);
}

static void a_request_of_4_mib(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 256, 4 * 1024 * 1024 - 8192, &body);
	int64_t begin_ns;

	(void)state;
	channel_send_or_break(front.channel, &message);
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	wait_for(runner_base, list_count == 1);
	print_message("4 MiB take %lld us\n",
		      (long long)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1000);
	assert_int_equal(lists[0]->order->hooks->count, 256);
	assert_true(lists[0]->order->state_length > 4000000);
	free((char *)message.payload);
}

/* ---- lists that are refused ---- */

static void expect_refused(int error)
{
	expect_received("F0 E");
	assert_true(front.finished.is_refusal);
	assert_int_equal(front.finished.failed_errno, error);
	assert_int_equal(front.closed, 0);
	other_side_forget(&front);
}

static void a_second_start_is_refused_and_the_first_goes_on(void **state)
{
	struct fake_list *list = start_list("r", 1);
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);

	(void)state;
	send_start(&message);
	expect_refused(EEXIST);
	hook_starts(list, 0);
	expect_received("S0");
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

/* The index in the refusal is that of the first hook that START asks for. */
static void a_refusal_has_the_first_hooks_index(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 3, 0, &body);

	(void)state;
	start_error = -ENOMEM;
	body.first = 2;
	message.header.index = 2;
	send_start(&message);
	expect_received("F2 E");
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
	start_list("r", 1); /* the connection still works */
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

static void a_list_owns_its_descriptors(void **state)
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
	wait_for(runner_base, list_count == 1);
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

/* ---- messages that are not about a list ---- */

static void a_message_of_a_runner_ends_the_connection(void **state)
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
	channel_send_or_break(front.channel, &message);
	wait_for(runner_base, front.closed == 1);
	assert_null(runner.front);
	assert_non_null(owned_find(&runner, "r")); /* the list keeps running */
}

static void configure_and_stop_are_passed_on(void **state)
{
	struct configure_body body = {.umask = 022, .nice = -5};
	struct stop_body stop = {.is_at_once = 1};
	struct message message =
	    message_make(MESSAGE_CONFIGURE, NULL, 0, &body, sizeof(body), NULL, 0);

	(void)state;
	channel_send_or_break(front.channel, &message);
	message = message_make(MESSAGE_STOP, NULL, 0, &stop, sizeof(stop), NULL, 0);
	channel_send_or_break(front.channel, &message);
	wait_for(runner_base, stops == 100);
	assert_int_equal(configuration.umask, 022);
	assert_int_equal(configuration.nice, -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUNNER_TEST(a_list_from_start_to_acknowledge),
	    RUNNER_TEST(acknowledge_of_a_running_list_is_ignored),
	    RUNNER_TEST(messages_about_unknown_lists_are_ignored),
	    RUNNER_TEST(output_is_recalled_without_being_listened_to),
	    RUNNER_TEST(a_list_that_ends_while_it_starts),
	    RUNNER_TEST(a_request_of_4_mib),
	    RUNNER_TEST(a_second_start_is_refused_and_the_first_goes_on),
	    RUNNER_TEST(a_request_that_cannot_be_read_is_refused),
	    RUNNER_TEST(a_list_that_cannot_be_started_is_refused),
	    RUNNER_TEST(a_refusal_has_the_first_hooks_index),
	    RUNNER_TEST(a_start_without_room_for_its_descriptors_is_refused),
	    RUNNER_TEST(a_first_hook_that_is_refused),
	    RUNNER_TEST(a_list_owns_its_descriptors),
	    RUNNER_TEST_WITH(a_message_of_a_runner_ends_the_connection, MESSAGE_OWNED),
	    RUNNER_TEST_WITH(a_message_of_a_runner_ends_the_connection, MESSAGE_SYNCED),
	    RUNNER_TEST_WITH(a_message_of_a_runner_ends_the_connection, MESSAGE_STARTED),
	    RUNNER_TEST_WITH(a_message_of_a_runner_ends_the_connection, MESSAGE_FINISHED),
	    RUNNER_TEST_WITH(a_message_of_a_runner_ends_the_connection, MESSAGE_ENDED),
	    RUNNER_TEST(configure_and_stop_are_passed_on),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
