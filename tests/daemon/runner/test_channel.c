/* SPDX-License-Identifier: Apache-2.0 */

/* Channels between hookd and a runner: invalid packets, full sockets, and their end. */

#include <fcntl.h>
#include <sys/socket.h>

#include "tests/daemon/runner/channel_side.h"

/* ---- packets ---- */

static void payloads_of_every_length_arrive(void **state)
{
	/* Among them: the longest that is in the packet, and the shortest in a memfd. */
	static const size_t lengths[] = {
	    1,	    2,	    4096,   32768,	  135000,	  139263,
	    139264, 139265, 140000, LONG_PAYLOAD, 8 * 1024 * 1024};
	struct start_body body;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		struct message message = long_message(lengths[i], &body);

		side.payload_bytes = 0;
		if (lengths[i] == 1)
			((char *)message.payload)[0] = '\0';
		else
			((char *)message.payload)[0] = 'p';
		if (lengths[i] > 1) {
			assert_int_equal(channel_send(other.channel, &message), 0);
			wait_for(channel_base, side.messages == i);
			assert_int_equal(side.payload_bytes, lengths[i]);
		}
		free((char *)message.payload);
	}
	assert_int_equal(side.closed, 0);
}

static void packets_that_are_too_short_or_too_long(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);
	static char bytes[512 * 1024];
	const int size = sizeof(bytes) * 2;
	int mode = *(int *)*state;

	(void)setsockopt(other.raw, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	memcpy(bytes, &message.header, sizeof(message.header));
	if (mode == 0) /* half a header */
		assert_true(send(other.raw, bytes, sizeof(message.header) - 1, 0) > 0);
	else if (mode == 1) /* a missing body */
		((struct message_header *)bytes)->body_length = 8,
					assert_true(send(other.raw, bytes,
							 sizeof(message.header) + 7, 0) > 0);
	else if (mode == 2) /* a byte more than the header has */
		assert_true(send(other.raw, bytes, sizeof(message.header) + 1, 0) > 0);
	else if (mode == 3) /* a body longer than any type's */
		((struct message_header *)bytes)->body_length = UINT32_MAX,
					assert_true(
					    send(other.raw, bytes, sizeof(message.header), 0) > 0);
	else if (mode == 4) /* longer than a packet can be */
		((struct message_header *)bytes)->payload_length = 200000 - sizeof(message.header),
					assert_true(send(other.raw, bytes, 200000, 0) > 0);
	else if (mode == 5) /* a payload longer than allowed */
		((struct message_header *)bytes)->payload_length = UINT32_MAX,
					assert_true(
					    send(other.raw, bytes, sizeof(message.header), 0) > 0);
	expect_broken();
}

static void messages_of_a_later_version_are_skipped(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);
	int fd = dup(0), before;

	(void)state;
	message.header.type = MESSAGE_TYPE_COUNT;
	message.header.body_length = 100;
	message.body = message.header.run;
	message.fds = &fd;
	message.fd_count = 1;
	before = count_fds();
	message.header.body_length = 40;
	other_side_send(&other, &message, -1);
	message = plain_message(MESSAGE_CANCEL);
	other_side_send(&other, &message, -1);
	wait_for(channel_base, side.messages == 1);
	assert_int_equal(side.last.type, MESSAGE_CANCEL);
	assert_int_equal(count_fds(), before);
	close(fd);
}

static void the_other_side_closes(void **state)
{
	(void)state;
	other_side_close(&other);
	wait_for(channel_base, side.closed == 1);
	assert_int_equal(side.error, 0);
}

static void an_empty_packet_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(send(other.raw, "", 0, 0), 0);
	wait_for(channel_base, side.closed == 1);
	assert_int_equal(side.error, 0);
}

static void a_refused_message_ends_the_connection(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	side.refuses = true;
	channel_send_or_break(other.channel, &message);
	channel_send_or_break(other.channel, &message);
	wait_for(channel_base, side.closed == 1);
	assert_int_equal(side.messages, 1); /* the second one is not passed on */
	assert_int_equal(side.error, -EBADMSG);
}

/* ---- a full socket ---- */

static size_t send_until_it_waits(struct channel *channel)
{
	size_t count = 0;
	struct message message;

	for (; channel_waiting(channel) == 0; count++) {
		message = message_make(MESSAGE_OWNED, "r", count % 200, NULL, 0, NULL, 0);
		assert_int_equal(channel_send(channel, &message), 0);
	}
	return count;
}

static void a_full_socket_keeps_the_order(void **state)
{
	size_t count = send_until_it_waits(side.channel), more = 500, at;
	struct message message;
	const char *received;

	(void)state;
	for (size_t i = 0; i < more; i++, count++) {
		message = message_make(MESSAGE_OWNED, "r", count % 200, NULL, 0, NULL, 0);
		channel_send_or_break(side.channel, &message);
	}
	assert_int_equal(channel_waiting(side.channel), (more + 1) * sizeof(struct message_header));
	for (at = 0; at < count; other_side_forget(&other)) {
		loop_turn(channel_base, clock_ns(CLOCK_MONOTONIC) + WAIT_NS);
		received = other.received;
		for (size_t i = 0; i < other.counts[MESSAGE_OWNED]; i++, at++) {
			assert_int_equal(strtoul(strchr(received, 'O') + 1, NULL, 10), at % 200);
			received = strchr(received, 'O') + 1;
		}
	}
	assert_int_equal(at, count);
	wait_for(channel_base, side.drained == 1);
	assert_int_equal(channel_waiting(side.channel), 0);
}

/* One turn of the event loop sends and receives a bounded number of messages. */
static void a_turn_handles_a_bounded_number(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body), tell;
	size_t most = 0, before;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(channel_send(other.channel, &message), 0);
	free((char *)message.payload);
	while (side.messages < 10) {
		before = side.messages;
		event_base_loop(channel_base, EVLOOP_ONCE);
		most = side.messages - before > most ? side.messages - before : most;
	}
	assert_int_equal(most, 1); /* of 4 MiB each */
	tell = plain_message(MESSAGE_CANCEL);
	for (int i = 0; i < 200; i++)
		channel_send_or_break(other.channel, &tell);
	while (side.messages < 210) {
		before = side.messages;
		event_base_loop(channel_base, EVLOOP_ONCE);
		most = side.messages - before > most ? side.messages - before : most;
	}
	assert_in_range(most, 2, 32);
}

static void large_payloads_that_wait_are_counted(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);

	(void)state;
	send_until_it_waits(side.channel);
	assert_int_equal(channel_send(side.channel, &message), 0);
	assert_true(channel_waiting(side.channel) > LONG_PAYLOAD);
	free((char *)message.payload);
}

/* ---- life ---- */

static void a_channel_can_be_freed_in_message(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	side.frees_itself = side.refuses = true;
	for (int i = 0; i < 3; i++)
		channel_send_or_break(other.channel, &message);
	wait_for(channel_base, side.messages == 1);
	wait_for(channel_base, other.closed == 1);
	assert_int_equal(side.closed, 0);
	assert_int_equal(side.messages, 1);
}

static void a_channel_can_be_freed_in_drained(void **state)
{
	(void)state;
	side.frees_itself = true;
	send_until_it_waits(side.channel);
	wait_for(channel_base, side.drained == 1);
	wait_for(channel_base, other.closed == 1);
	assert_int_equal(side.closed, 0);
}

static void a_channel_can_be_freed_in_missed(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	struct rlimit before;

	(void)state;
	side.frees_itself = true;
	assert_int_equal(channel_send(other.channel, &message), 0);
	limit_descriptors(0, &before);
	wait_for(channel_base, side.missed == 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.closed, 0);
	free((char *)message.payload);
}

static void nothing_is_sent_on_a_closed_channel(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	other_side_close(&other);
	assert_int_equal(channel_send(side.channel, &message), 0);
	wait_for(channel_base, side.closed == 1);
}

static void messages_have_the_pid_of_their_sender(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);
	const int yes = 1;
	int fd;

	(void)state;
	other_side_send(&other, &message, -1);
	wait_for(channel_base, side.messages == 1);
	assert_int_equal(side.sender, 0);
	/* other.raw is a copy of the other end; this end is found by its number. */
	for (fd = 0; fd < 1024; fd++)
		if (fd != other.raw)
			(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	other_side_send(&other, &message, -1);
	wait_for(channel_base, side.messages == 2);
	assert_int_equal(side.sender, getpid());
}

/* SO_PEERCRED of a socket pair is the process that has created it. */
static int as_another_user(void *userdata)
{
	int fds[2];
	struct channel *channel;

	(void)userdata;
	CHECK(seteuid(65534) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(channel_new(channel_base, fds[0], &side_events, NULL, &channel) == 0);
	channel_free(channel);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(seteuid(0) == 0);
	CHECK(channel_new(channel_base, fds[0], &side_events, NULL, &channel) == -EPERM);
	CHECK(fcntl(fds[0], F_GETFD) >= 0); /* still the caller's */
	return 0;
}

static void another_users_socket_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(in_child(as_another_user, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CHANNEL_TEST(payloads_of_every_length_arrive),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 0),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 1),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 2),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 3),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 4),
	    CHANNEL_TEST_WITH(packets_that_are_too_short_or_too_long, 5),
	    CHANNEL_TEST(messages_of_a_later_version_are_skipped),
	    CHANNEL_TEST(the_other_side_closes),
	    CHANNEL_TEST(an_empty_packet_is_the_end),
	    CHANNEL_TEST(a_refused_message_ends_the_connection),
	    CHANNEL_TEST(a_full_socket_keeps_the_order),
	    CHANNEL_TEST(a_turn_handles_a_bounded_number),
	    CHANNEL_TEST(large_payloads_that_wait_are_counted),
	    CHANNEL_TEST(a_channel_can_be_freed_in_message),
	    CHANNEL_TEST(a_channel_can_be_freed_in_drained),
	    CHANNEL_TEST(a_channel_can_be_freed_in_missed),
	    CHANNEL_TEST(nothing_is_sent_on_a_closed_channel),
	    CHANNEL_TEST(messages_have_the_pid_of_their_sender),
	    CHANNEL_TEST(another_users_socket_is_refused),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
