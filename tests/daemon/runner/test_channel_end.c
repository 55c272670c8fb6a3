/* SPDX-License-Identifier: Apache-2.0 */

/* All messages that a process has sent before it was killed are received. */

#include "tests/daemon/support/support.h"

#include <sys/socket.h>

#include "daemon/runner/channel.h"

static struct event_base *base;
static int received, ends;

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	(void)channel, (void)userdata;
	assert_int_equal(message->header.type, MESSAGE_CANCEL);
	received++;
	return 0;
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	(void)channel, (void)userdata;
	assert_int_equal(r, 0);
	ends++;
	event_base_loopbreak(base);
}

/* It has not read all its messages, which the kernel reports first (ECONNRESET). */
static void all_that_was_sent_before_the_end_is_received(void **state)
{
	static const struct channel_events events = {.message = on_message, .closed = on_closed};
	struct message message = message_make(MESSAGE_CANCEL, "1-1", 0, NULL, 0, NULL, 0);
	struct channel *channel;
	int fds[2];

	(void)state;
	base = loop_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(channel_new(base, fds[0], &events, NULL, &channel), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(fds[1], &message.header, sizeof(message.header), 0),
				 sizeof(message.header));
	assert_int_equal(channel_send(channel, &message), 0);
	close(fds[1]);
	(void)event_base_dispatch(base);
	assert_int_equal(received, 3);
	assert_int_equal(ends, 1);
	channel_free(channel);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_that_was_sent_before_the_end_is_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
