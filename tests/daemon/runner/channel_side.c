/* SPDX-License-Identifier: Apache-2.0 */
/* A channel and its other side, for tests. */
#include "tests/daemon/runner/channel_side.h"

#include <fcntl.h>

struct event_base *channel_base;
struct other_side other;

struct side side;

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

const struct channel_events side_events = {
    .message = on_message, .missed = on_missed, .drained = on_drained, .closed = on_closed};

int channel_set_up(void **state)
{
	int fds[2];

	(void)state;
	channel_base = loop_new();
	make_pair(fds);
	side = (struct side){0};
	assert_int_equal(channel_new(channel_base, fds[0], &side_events, NULL, &side.channel), 0);
	other_side_open(&other, channel_base, fds[1]);
	return 0;
}

int channel_tear_down(void **state)
{
	(void)state;
	side.channel = channel_free(side.channel);
	other_side_close(&other);
	event_base_free(channel_base);
	return 0;
}

void expect_broken(void)
{
	wait_for(channel_base, side.closed == 1);
	assert_int_equal(side.error, -EBADMSG);
	assert_int_equal(side.messages, 0);
	wait_for(channel_base, other.closed == 1); /* the other side sees the end, too */
}

int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

struct message long_message(size_t length, struct start_body *body)
{
	char *payload = malloc(length);

	assert_non_null(payload);
	memset(payload, 'p', length);
	payload[length - 1] = '\0';
	*body = (struct start_body){.request_length = (uint32_t)length - 1, .path_length = 1};
	return message_make(MESSAGE_START, "r", 0, body, sizeof(*body), payload, length);
}

void limit_descriptors(int left, struct rlimit *ret_before)
{
	struct rlimit limit;
	int highest = dup(0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
	close(highest);
	limit = (struct rlimit){(rlim_t)(highest + left), ret_before->rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
