/* SPDX-License-Identifier: Apache-2.0 */

/* Payloads in memfds, and descriptors. */

#include <signal.h>
#include <sys/socket.h>

#include "daemon/base/memfd.h"
#include "tests/daemon/runner/channel_side.h"

/* ---- payloads in memfds ---- */

enum payload_fault { NO_FAULT, UNSEALED, TOO_SHORT, TOO_LONG, MISSING, A_FILE, A_PIPE };

static void invalid_memfd_payloads(void **state)
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
		wait_for(channel_base, side.messages == 1);
	else
		expect_broken();
	close_fd(&fd);
	close_fd(&pipe_fds[1]);
}

/* RLIMIT_FSIZE limits memfds: channel_send() fails, and the connection stays open. */
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

static void a_payload_over_rlimit_fsize_is_not_sent(void **state)
{
	(void)state;
	assert_int_equal(in_child(send_with_small_files, NULL), 0);
	wait_for(channel_base, side.messages == 1);
	assert_int_equal(side.last.type, MESSAGE_CANCEL);
}

/* ---- descriptors ---- */

static void unexpected_descriptors_are_closed(void **state)
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
	/* The three descriptors of the two sides are closed, and all received ones. */
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
	wait_for(channel_base, side.messages == 1);
	free((char *)message.payload);
	message = long_message(LONG_PAYLOAD, &body);
	body.caller = body.container = 1;
	body.has_rdt = body.has_rdt_mon = 1;
	message.fds = fds;
	message.fd_count = 4;
	assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(channel_base, side.messages == 2);
	free((char *)message.payload);
	assert_int_equal(side.fd_count, 8);
	assert_int_equal(count_fds(), before); /* descriptors that were not taken are closed */
}

static void a_receiver_without_free_descriptors(void **state)
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
	wait_for(channel_base, side.missed == 1);
	assert_int_equal(side.missed_error, EMFILE);
	assert_int_equal(side.last.type, MESSAGE_START);
	assert_string_equal(side.last.run, "r");
	/* A message without descriptors is still received. */
	channel_send_or_break(other.channel, &cancel);
	wait_for(channel_base, side.messages == 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.closed, 0);
	free((char *)message.payload);
}

/* channel_send() fails if it cannot duplicate the descriptors. */
static void a_sender_without_free_descriptors(void **state)
{
	struct start_body body;
	struct message message = long_message(LONG_PAYLOAD, &body);
	struct rlimit before;

	(void)state;
	limit_descriptors(0, &before);
	assert_int_equal(channel_send(other.channel, &message), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(channel_send(other.channel, &message), 0);
	wait_for(channel_base, side.messages == 1);
	free((char *)message.payload);
}

/* A receiver without free descriptors gets a result with the largest output. */
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
	wait_for(channel_base, side.messages == 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(side.payload_bytes, 100 * sizeof(payload));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, NO_FAULT),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, UNSEALED),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, TOO_SHORT),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, TOO_LONG),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, MISSING),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, A_FILE),
	    CHANNEL_TEST_WITH(invalid_memfd_payloads, A_PIPE),
	    CHANNEL_TEST(a_payload_over_rlimit_fsize_is_not_sent),
	    CHANNEL_TEST_WITH(unexpected_descriptors_are_closed, (size_t)1),
	    CHANNEL_TEST_WITH(unexpected_descriptors_are_closed, (size_t)7),
	    CHANNEL_TEST_WITH(unexpected_descriptors_are_closed, (size_t)8),
	    CHANNEL_TEST_WITH(unexpected_descriptors_are_closed, (size_t)17),
	    CHANNEL_TEST_WITH(unexpected_descriptors_are_closed, (size_t)64),
	    CHANNEL_TEST(descriptors_arrive_with_and_without_payload),
	    CHANNEL_TEST_WITH(a_receiver_without_free_descriptors, 0),
	    CHANNEL_TEST_WITH(a_receiver_without_free_descriptors, 1),
	    CHANNEL_TEST_WITH(a_receiver_without_free_descriptors, 2),
	    CHANNEL_TEST(a_sender_without_free_descriptors),
	    CHANNEL_TEST(results_need_no_descriptors),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
