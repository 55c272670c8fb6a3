/* SPDX-License-Identifier: Apache-2.0 */

/* Connections between hookd and a runner: what wrong packets, full sockets and full tables do. */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "daemon/base/memfd.h"
#include "tests/daemon/runner/other_side.h"

#define LONG_PAYLOAD (4u * 1024 * 1024)

/* ---- the side that is tested ---- */

static struct event_base *base;
static struct other_side other;

static struct side {
	struct channel *channel;
	size_t messages, drained, missed, closed;
	int error, missed_error;
	struct message_header last;
	size_t payload_bytes, fd_count;
	pid_t sender;
	bool frees_itself, refuses;
} side;

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	(void)userdata;
	assert_ptr_equal(channel, side.channel);
	side.messages++;
	side.last = message->header;
	side.payload_bytes += message->header.payload_length;
	side.fd_count += message->fd_count;
	side.sender = message->sender;
	/* All of it can be read. */
	for (size_t i = 0; i + 1 < message->header.payload_length; i += 4096)
		assert_int_equal(message->payload[i], 'p');
	if (side.frees_itself)
		side.channel = channel_free(channel);
	return side.refuses ? -EBADMSG : 0;
}

static int on_missed(struct channel *channel, const struct message_header *header, int error,
		     void *userdata)
{
	(void)channel, (void)userdata;
	side.missed++;
	side.missed_error = error;
	side.last = *header;
	if (side.frees_itself)
		side.channel = channel_free(channel);
	return 0;
}

static void on_drained(struct channel *channel, void *userdata)
{
	(void)userdata;
	side.drained++;
	if (side.frees_itself)
		side.channel = channel_free(channel);
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	(void)userdata;
	side.closed++;
	side.error = r;
	side.channel = channel_free(channel);
}

static const struct channel_events events = {
    .message = on_message, .missed = on_missed, .drained = on_drained, .closed = on_closed};

static int set_up(void **state)
{
	int fds[2];

	(void)state;
	base = loop_new();
	make_pair(fds);
	side = (struct side){0};
	assert_int_equal(channel_new(base, fds[0], &events, NULL, &side.channel), 0);
	other_side_open(&other, base, fds[1]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	side.channel = channel_free(side.channel);
	other_side_close(&other);
	event_base_free(base);
	return 0;
}

#define CHANNEL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void expect_broken(void)
{
	wait_for(base, side.closed == 1);
	assert_int_equal(side.error, -EBADMSG);
	assert_int_equal(side.messages, 0);
	wait_for(base, other.closed == 1); /* and the other side hears of it */
}

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* START with `length` bytes of payload; the caller frees it. */
static struct message long_message(size_t length, struct start_body *body)
{
	char *payload = malloc(length);

	assert_non_null(payload);
	memset(payload, 'p', length);
	payload[length - 1] = '\0';
	*body = (struct start_body){.request_length = (uint32_t)length - 1, .path_length = 1};
	return message_make(MESSAGE_START, "r", 0, body, sizeof(*body), payload, length);
}

/* ---- packets ---- */

static void payloads_of_every_length_arrive(void **state)
{
	/* The last that is in the packet, and the first that is beside it, are among them. */
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
			wait_for(base, side.messages == i);
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
	else if (mode == 1) /* a body that is not there */
		((struct message_header *)bytes)->body_length = 8,
					assert_true(send(other.raw, bytes,
							 sizeof(message.header) + 7, 0) > 0);
	else if (mode == 2) /* a byte that is not announced */
		assert_true(send(other.raw, bytes, sizeof(message.header) + 1, 0) > 0);
	else if (mode == 3) /* a body that no type has */
		((struct message_header *)bytes)->body_length = UINT32_MAX,
					assert_true(
					    send(other.raw, bytes, sizeof(message.header), 0) > 0);
	else if (mode == 4) /* longer than a packet can be */
		((struct message_header *)bytes)->payload_length = 200000 - sizeof(message.header),
					assert_true(send(other.raw, bytes, 200000, 0) > 0);
	else if (mode == 5) /* a payload that no message has */
		((struct message_header *)bytes)->payload_length = UINT32_MAX,
					assert_true(
					    send(other.raw, bytes, sizeof(message.header), 0) > 0);
	expect_broken();
}

static void of_a_later_version_is_passed_over(void **state)
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
	wait_for(base, side.messages == 1);
	assert_int_equal(side.last.type, MESSAGE_CANCEL);
	assert_int_equal(count_fds(), before);
	close(fd);
}

static void the_other_side_closes(void **state)
{
	(void)state;
	other_side_close(&other);
	wait_for(base, side.closed == 1);
	assert_int_equal(side.error, 0);
}

static void an_empty_packet_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(send(other.raw, "", 0, 0), 0);
	wait_for(base, side.closed == 1);
	assert_int_equal(side.error, 0);
}

static void what_does_not_fit_ends_the_connection(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	side.refuses = true;
	channel_tell(other.channel, &message);
	channel_tell(other.channel, &message);
	wait_for(base, side.closed == 1);
	assert_int_equal(side.messages, 1); /* the second is not heard */
	assert_int_equal(side.error, -EBADMSG);
}

/* ---- payloads beside the packet ---- */

enum payload_fault { NO_FAULT, UNSEALED, TOO_SHORT, TOO_LONG, MISSING, A_FILE, A_PIPE };

static void payloads_that_are_no_payloads(void **state)
{
	enum payload_fault fault = *(enum payload_fault *)*state;
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	size_t length = LONG_PAYLOAD;
	char path[] = "/tmp/hookd-test-XXXXXX";
	int pipe_fds[2] = {-1, -1}, fd = -1;

	if (fault == TOO_SHORT)
		length--;
	if (fault == TOO_LONG)
		length++;
	if (fault == UNSEALED) {
		fd = memfd_filled("test", message.payload, length);
	} else if (fault == A_FILE) {
		fd = mkstemp(path);
		assert_int_equal(write(fd, message.payload, length), (ssize_t)length);
		unlink(path);
	} else if (fault == A_PIPE) {
		assert_int_equal(pipe(pipe_fds), 0);
		fd = pipe_fds[0];
	} else if (fault != MISSING) {
		char *bytes = calloc(1, length);

		memcpy(bytes, message.payload, length < LONG_PAYLOAD ? length : LONG_PAYLOAD);
		fd = memfd_sealed("test", bytes, length);
		free(bytes);
	}
	if (fault == MISSING) {
		char packet[sizeof(message.header) + sizeof(body)];

		memcpy(packet, &message.header, sizeof(message.header));
		memcpy(packet + sizeof(message.header), &body, sizeof(body));
		assert_true(send(other.raw, packet, sizeof(packet), 0) > 0);
	} else {
		assert_true(fd >= 0);
		other_side_send(&other, &message, fd);
	}
	free((char *)message.payload);
	if (fault == NO_FAULT)
		wait_for(base, side.messages == 1);
	else
		expect_broken();
	close_fd(&fd);
	close_fd(&pipe_fds[1]);
}

/* memfd_create(2) obeys RLIMIT_FSIZE: the sender hears of it, and the connection goes on. */
static int send_with_small_files(void *userdata)
{
	const struct rlimit limit = {4096, 4096};
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);

	(void)userdata;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(channel_send(other.channel, &message) == -EFBIG);
	free((char *)message.payload);
	message = plain_message(MESSAGE_CANCEL);
	CHECK(channel_send(other.channel, &message) == 0);
	return 0;
}

static void a_payload_over_the_limit_of_files_is_not_sent(void **state)
{
	(void)state;
	assert_int_equal(in_child(send_with_small_files, NULL), 0);
	wait_for(base, side.messages == 1);
	assert_int_equal(side.last.type, MESSAGE_CANCEL);
}

/* ---- descriptors ---- */

static void descriptors_that_nobody_asked_for(void **state)
{
	size_t count = *(size_t *)*state;
	struct message message = plain_message(MESSAGE_CANCEL);
	int fds[64], before;

	for (size_t i = 0; i < count; i++)
		fds[i] = 0;
	message.fds = fds;
	message.fd_count = count;
	before = count_fds();
	other_side_send(&other, &message, -1);
	expect_broken();
	/* The three of the two sides are closed, and all that came. */
	assert_int_equal(count_fds(), before - 3);
}

static void descriptors_arrive_with_and_without_payload(void **state)
{
	struct start_body body;
	struct message message = long_message(100, &body);
	int fds[4] = {0, 0, 0, 0}, before = count_fds();

	(void)state;
	body.caller = body.container = 1;
	body.has_rdt = body.has_rdt_mon = 1;
	message.fds = fds;
	message.fd_count = 4;
	assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(base, side.messages == 1);
	free((char *)message.payload);
	message = long_message(LONG_PAYLOAD, &body);
	body.caller = body.container = 1;
	body.has_rdt = body.has_rdt_mon = 1;
	message.fds = fds;
	message.fd_count = 4;
	assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(base, side.messages == 2);
	free((char *)message.payload);
	assert_int_equal(side.fd_count, 8);
	assert_int_equal(count_fds(), before); /* those that were not taken are closed */
}

/* Only `left` descriptors can be opened from here on. */
static void limit_descriptors(int left, struct rlimit *ret_before)
{
	struct rlimit limit;
	int highest = dup(0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
	close(highest);
	limit = (struct rlimit){(rlim_t)(highest + left), ret_before->rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void a_full_table_is_no_fault_of_the_sender(void **state)
{
	int left = *(int *)*state;
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	struct message cancel = plain_message(MESSAGE_CANCEL);
	int fds[2] = {0, 0};
	struct rlimit before;

	body.caller = body.container = 1;
	message.fds = fds;
	message.fd_count = 2;
	assert_int_equal(channel_send(other.channel, &message), 0);
	limit_descriptors(left, &before);
	wait_for(base, side.missed == 1);
	assert_int_equal(side.missed_error, EMFILE);
	assert_int_equal(side.last.type, MESSAGE_START);
	assert_string_equal(side.last.run, "r");
	/* What needs none still comes. */
	channel_tell(other.channel, &cancel);
	wait_for(base, side.messages == 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.closed, 0);
	free((char *)message.payload);
}

/* The sender of a message that it cannot copy descriptors for hears of it. */
static void a_full_table_of_the_sender(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	struct rlimit before;

	(void)state;
	limit_descriptors(0, &before);
	assert_int_equal(channel_send(other.channel, &message), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(base, side.messages == 1);
	free((char *)message.payload);
}

/* A result of the largest output needs no descriptor of whoever collects it. */
static void results_need_no_descriptors(void **state)
{
	static char payload[2 * 65536 + 200];
	struct finished_body body = {.step_length = 100,
				     .detail_length = 100,
				     .outcome = HP_HOOK_EXITED,
				     .output_length = {65536, 65536},
				     .output_total = {65536, 65536}};
	struct message message =
	    message_make(MESSAGE_FINISHED, "r", 0, &body, sizeof(body), payload, sizeof(payload));
	struct rlimit before;

	(void)state;
	memset(payload, 'p', sizeof(payload));
	limit_descriptors(0, &before);
	for (int i = 0; i < 100; i++)
		assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(base, side.messages == 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.payload_bytes, 100 * sizeof(payload));
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
	const char *heard;

	(void)state;
	for (size_t i = 0; i < more; i++, count++) {
		message = message_make(MESSAGE_OWNED, "r", count % 200, NULL, 0, NULL, 0);
		channel_tell(side.channel, &message);
	}
	assert_int_equal(channel_waiting(side.channel), (more + 1) * sizeof(struct message_header));
	for (at = 0; at < count; other_side_forget(&other)) {
		loop_turn(base, clock_ns(CLOCK_MONOTONIC) + WAIT_NS);
		heard = other.heard;
		for (size_t i = 0; i < other.counts[MESSAGE_OWNED]; i++, at++) {
			assert_int_equal(strtoul(strchr(heard, 'O') + 1, NULL, 10), at % 200);
			heard = strchr(heard, 'O') + 1;
		}
	}
	assert_int_equal(at, count);
	wait_for(base, side.drained == 1);
	assert_int_equal(channel_waiting(side.channel), 0);
}

/* A turn of the loop is bounded in both directions. */
static void a_turn_does_not_take_all(void **state)
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
		event_base_loop(base, EVLOOP_ONCE);
		most = side.messages - before > most ? side.messages - before : most;
	}
	assert_int_equal(most, 1); /* of 4 MiB each */
	tell = plain_message(MESSAGE_CANCEL);
	for (int i = 0; i < 200; i++)
		channel_tell(other.channel, &tell);
	while (side.messages < 210) {
		before = side.messages;
		event_base_loop(base, EVLOOP_ONCE);
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

static void a_channel_is_freed_by_its_message(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	side.frees_itself = side.refuses = true;
	for (int i = 0; i < 3; i++)
		channel_tell(other.channel, &message);
	wait_for(base, side.messages == 1);
	wait_for(base, other.closed == 1);
	assert_int_equal(side.closed, 0);
	assert_int_equal(side.messages, 1);
}

static void a_channel_is_freed_when_it_is_drained(void **state)
{
	(void)state;
	side.frees_itself = true;
	send_until_it_waits(side.channel);
	wait_for(base, side.drained == 1);
	wait_for(base, other.closed == 1);
	assert_int_equal(side.closed, 0);
}

static void a_channel_is_freed_by_what_it_missed(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	struct rlimit before;

	(void)state;
	side.frees_itself = true;
	assert_int_equal(channel_send(other.channel, &message), 0);
	limit_descriptors(0, &before);
	wait_for(base, side.missed == 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.closed, 0);
	free((char *)message.payload);
}

static void nothing_is_sent_to_a_closed_one(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	other_side_close(&other);
	assert_int_equal(channel_send(side.channel, &message), 0);
	wait_for(base, side.closed == 1);
}

static void the_kernel_says_who_sends(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);
	const int yes = 1;
	int fd;

	(void)state;
	other_side_send(&other, &message, -1);
	wait_for(base, side.messages == 1);
	assert_int_equal(side.sender, 0);
	/* other.raw is a copy of the other end; this one's is found by its number. */
	for (fd = 0; fd < 1024; fd++)
		if (fd != other.raw)
			(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	other_side_send(&other, &message, -1);
	wait_for(base, side.messages == 2);
	assert_int_equal(side.sender, getpid());
}

/* SO_PEERCRED of a socket pair is whoever has made it. */
static int as_another_user(void *userdata)
{
	int fds[2];
	struct channel *channel;

	(void)userdata;
	CHECK(seteuid(65534) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(channel_new(base, fds[0], &events, NULL, &channel) == 0);
	channel_free(channel);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(seteuid(0) == 0);
	CHECK(channel_new(base, fds[0], &events, NULL, &channel) == -EPERM);
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
	    CHANNEL_TEST(payloads_of_every_length_arrive),
	    WITH(packets_that_are_too_short_or_too_long, 0),
	    WITH(packets_that_are_too_short_or_too_long, 1),
	    WITH(packets_that_are_too_short_or_too_long, 2),
	    WITH(packets_that_are_too_short_or_too_long, 3),
	    WITH(packets_that_are_too_short_or_too_long, 4),
	    WITH(packets_that_are_too_short_or_too_long, 5),
	    CHANNEL_TEST(of_a_later_version_is_passed_over),
	    CHANNEL_TEST(the_other_side_closes),
	    CHANNEL_TEST(an_empty_packet_is_the_end),
	    CHANNEL_TEST(what_does_not_fit_ends_the_connection),
	    WITH(payloads_that_are_no_payloads, NO_FAULT),
	    WITH(payloads_that_are_no_payloads, UNSEALED),
	    WITH(payloads_that_are_no_payloads, TOO_SHORT),
	    WITH(payloads_that_are_no_payloads, TOO_LONG),
	    WITH(payloads_that_are_no_payloads, MISSING),
	    WITH(payloads_that_are_no_payloads, A_FILE),
	    WITH(payloads_that_are_no_payloads, A_PIPE),
	    CHANNEL_TEST(a_payload_over_the_limit_of_files_is_not_sent),
	    WITH(descriptors_that_nobody_asked_for, (size_t)1),
	    WITH(descriptors_that_nobody_asked_for, (size_t)7),
	    WITH(descriptors_that_nobody_asked_for, (size_t)8),
	    WITH(descriptors_that_nobody_asked_for, (size_t)17),
	    WITH(descriptors_that_nobody_asked_for, (size_t)64),
	    CHANNEL_TEST(descriptors_arrive_with_and_without_payload),
	    WITH(a_full_table_is_no_fault_of_the_sender, 0),
	    WITH(a_full_table_is_no_fault_of_the_sender, 1),
	    WITH(a_full_table_is_no_fault_of_the_sender, 2),
	    CHANNEL_TEST(a_full_table_of_the_sender),
	    CHANNEL_TEST(results_need_no_descriptors),
	    CHANNEL_TEST(a_full_socket_keeps_the_order),
	    CHANNEL_TEST(a_turn_does_not_take_all),
	    CHANNEL_TEST(large_payloads_that_wait_are_counted),
	    CHANNEL_TEST(a_channel_is_freed_by_its_message),
	    CHANNEL_TEST(a_channel_is_freed_when_it_is_drained),
	    CHANNEL_TEST(a_channel_is_freed_by_what_it_missed),
	    CHANNEL_TEST(nothing_is_sent_to_a_closed_one),
	    CHANNEL_TEST(the_kernel_says_who_sends),
	    CHANNEL_TEST(another_users_socket_is_refused),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
