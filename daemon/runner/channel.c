/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SOCK_SEQPACKET socket in the event loop. Each message is one packet, except posted ones, which
 * share one. Results fit into a packet, so that a hookd without free descriptors can still receive
 * them.
 *
 *	OPEN --the other side closes, an error--> CLOSED (nothing is sent or read any more)
 */
#include "daemon/runner/channel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "daemon/runner/packet.h"

/* In one turn of the event loop, so that other events are handled in between. */
#define READS_MAX      32
#define READ_BYTES_MAX (256u * 1024)
#define WRITES_MAX     32
/* More than the socket's buffer can hold. */
#define MESSAGES_MAX 4096
/* After ENOBUFS: the kernel has no memory, or too many descriptors are in flight. */
#define RETRY_AFTER_US 10000
/* The kernel charges a packet with more than its length. */
#define BUFFER_SIZE	(256 * 1024)
#define BUFFER_OVERHEAD 4096
/*
 * How long a posted message waits for others, and how many bytes of them are collected. Longer than
 * a scheduler tick: a process that waits with a shorter timeout costs more at each switch to it.
 */
#define POST_US	   12000
#define POSTED_MAX 16384

struct channel {
	int fd;
	struct event *readable, *writable, *retry, *post;
	const struct channel_events *events;
	void *userdata;
	STAILQ_HEAD(, packet) waiting;
	size_t waiting_bytes, inline_max;
	bool is_closed;
	bool *was_freed; /* during a callback: set by channel_free(); else NULL */
	size_t posted_length, posted_count;
	bool is_posting; /* `post` is pending */
	_Alignas(16) char posted[POSTED_MAX];
	_Alignas(16) char buffer[PACKET_MAX];
};

struct message message_make(enum message_type type, const char *run, size_t index, const void *body,
			    size_t body_length, const char *payload, size_t payload_length)
{
	struct message message = {
	    .header = {.type = type,
		       .body_length = (uint32_t)body_length,
		       .payload_length = (uint32_t)payload_length,
		       .index = (uint32_t)index},
	    .body = body,
	    .payload = payload ? payload : "",
	};

	snprintf(message.header.run, sizeof(message.header.run), "%s", run ? run : "");
	return message;
}

/* ---- sending ---- */

/* Without kernel memory the socket is writable all the same, so a timer is used then. */
static int wait_to_send(struct channel *channel, int error)
{
	const struct timeval soon = {.tv_usec = RETRY_AFTER_US};

	return error == -EAGAIN ? event_add(channel->writable, NULL)
				: event_add(channel->retry, &soon);
}

static int send_one(struct channel *channel, const struct message *message)
{
	bool has_to_wait = !STAILQ_EMPTY(&channel->waiting);
	struct packet *packet;
	int r;

	assert(!channel->is_closed);
	r = packet_make(message, channel->inline_max, &packet);
	if (r < 0)
		return r;
	if (!has_to_wait) {
		r = packet_send(channel->fd, packet);
		has_to_wait = r == -EAGAIN || r == -ENOBUFS;
		if (r < 0 && !has_to_wait)
			channel_break(channel);
		r = has_to_wait && wait_to_send(channel, r) < 0 ? -ENOMEM : 0;
	}
	if (r == 0 && has_to_wait) {
		STAILQ_INSERT_TAIL(&channel->waiting, packet, link);
		channel->waiting_bytes += packet->weight;
	} else {
		packet_free(packet);
	}
	return r;
}

/* ---- several messages in a packet ---- */

static_assert(sizeof(struct message_header) % MESSAGE_ALIGN == 0, "the body is aligned");

static size_t size_in_packet(const struct message_header *header)
{
	size_t size = sizeof(*header) + header->body_length + header->payload_length;

	return (size + MESSAGE_ALIGN - 1) / MESSAGE_ALIGN * MESSAGE_ALIGN;
}

static bool can_be_posted(const struct channel *channel, const struct message *message)
{
	return message->fd_count == 0 &&
	       size_in_packet(&message->header) <= sizeof(channel->posted) - channel->posted_length;
}

static void add_posted(struct channel *channel, const struct message *message)
{
	const struct message_header *header = &message->header;
	char *end = channel->posted + channel->posted_length;

	end = mempcpy(end, header, sizeof(*header));
	if (header->body_length > 0)
		end = mempcpy(end, message->body, header->body_length);
	memcpy(end, message->payload, header->payload_length);
	channel->posted_length += size_in_packet(header);
	channel->posted_count++;
}

/* -errno: the posted messages are lost. */
static int send_posted(struct channel *channel)
{
	struct message message;

	if (channel->posted_count == 0)
		return 0;
	message = message_make(MESSAGE_SEVERAL, NULL, 0, NULL, 0, channel->posted,
			       channel->posted_length);
	channel->posted_length = channel->posted_count = 0;
	return send_one(channel, &message);
}

static void on_post(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;

	(void)fd, (void)what;
	channel->is_posting = false;
	if (send_posted(channel) < 0)
		channel_break(channel);
}

void channel_post(struct channel *channel, const struct message *message)
{
	const struct timeval soon = {.tv_usec = POST_US};

	assert(message_check(message) == 0 && message->fd_count == 0);
	if (channel->is_closed)
		return;
	if (!channel->is_posting && event_add(channel->post, &soon) == 0)
		channel->is_posting = true;
	if (!channel->is_posting || !can_be_posted(channel, message))
		channel_send_or_break(channel, message);
	else
		add_posted(channel, message);
}

/* Posted messages go first: in the same packet, or in one before it. */
int channel_send(struct channel *channel, const struct message *message)
{
	bool is_posted = channel->posted_count > 0 && can_be_posted(channel, message);
	int r;

	assert(message_check(message) == 0);
	if (channel->is_closed)
		return 0;
	if (is_posted)
		add_posted(channel, message);
	r = send_posted(channel);
	if (r < 0)
		channel_break(channel); /* the posted messages are lost */
	return r < 0 || is_posted ? r : send_one(channel, message);
}

void channel_break(struct channel *channel)
{
	(void)shutdown(channel->fd, SHUT_RDWR);
}

void channel_send_or_break(struct channel *channel, const struct message *message)
{
	if (channel_send(channel, message) < 0)
		channel_break(channel);
}

size_t channel_waiting(const struct channel *channel)
{
	return channel->waiting_bytes;
}

static void drop_waiting(struct channel *channel)
{
	struct packet *packet;

	while ((packet = STAILQ_FIRST(&channel->waiting))) {
		STAILQ_REMOVE_HEAD(&channel->waiting, link);
		packet_free(packet);
	}
	channel->waiting_bytes = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;
	struct packet *packet;
	int r = 0;

	(void)fd, (void)what;
	for (int i = 0; i < WRITES_MAX && (packet = STAILQ_FIRST(&channel->waiting)); i++) {
		r = packet_send(channel->fd, packet);
		if (r == -EAGAIN || r == -ENOBUFS)
			break;
		STAILQ_REMOVE_HEAD(&channel->waiting, link);
		assert(channel->waiting_bytes >= packet->weight);
		channel->waiting_bytes -= packet->weight;
		packet_free(packet);
		if (r < 0)
			channel_break(channel);
	}
	if (!STAILQ_EMPTY(&channel->waiting)) {
		if (wait_to_send(channel, r == -ENOBUFS ? r : -EAGAIN) < 0)
			channel_break(channel);
	} else if (channel->events->drained) {
		channel->events->drained(channel, channel->userdata);
	}
}

/* ---- receiving ---- */

static void close_channel(struct channel *channel, int r)
{
	assert(!channel->is_closed);
	channel->is_closed = true;
	event_del(channel->readable);
	event_del(channel->writable);
	event_del(channel->retry);
	event_del(channel->post);
	drop_waiting(channel);
	channel->events->closed(channel, r, channel->userdata);
}

/* Calls message() for each message in the payload, until one of the calls frees the channel. */
static int pass_on_several(struct channel *channel, const struct message *several)
{
	const char *at = several->payload, *end = at + several->header.payload_length;
	const bool *was_freed = channel->was_freed;
	int r = 0;

	while (at < end && r == 0 && !*was_freed) {
		struct message message = {.sender = several->sender};
		const struct message_header *header = &message.header;

		if ((size_t)(end - at) < sizeof(*header))
			return -EBADMSG;
		memcpy(&message.header, at, sizeof(*header));
		if (header->body_length > PACKET_BODY_MAX || header->payload_length > POSTED_MAX ||
		    size_in_packet(header) > (size_t)(end - at) || header->type == MESSAGE_SEVERAL)
			return -EBADMSG;
		message.body = at + sizeof(*header);
		message.payload = at + sizeof(*header) + header->body_length;
		r = message_check(&message);
		if (r == 0)
			r = channel->events->message(channel, &message, channel->userdata);
		r = r == -ENOMSG ? 0 : r;
		at += size_in_packet(&message.header);
	}
	return r;
}

/* Calls message() or missed(). 0, or -errno: the connection is to be closed. */
static int pass_on(struct channel *channel, struct received *received)
{
	const struct channel_events *events = channel->events;
	int r = packet_unpack(channel->buffer, received);

	if (r == 0 && received->message.header.type == MESSAGE_SEVERAL)
		return pass_on_several(channel, &received->message);
	if (r == 0)
		return events->message(channel, &received->message, channel->userdata);
	if ((r == -EMFILE || r == -ENOMEM) && events->missed)
		return events->missed(channel, &received->message.header, -r, channel->userdata);
	return r == -ENOMSG ? 0 : r;
}

/* Returns the number of bytes. 0: stop reading; the channel may be freed. */
static size_t receive(struct channel *channel)
{
	struct received received = {0};
	bool was_freed = false;
	int r = packet_receive(channel->fd, channel->buffer, &received);

	if (r == 0)
		return 0;
	channel->was_freed = &was_freed;
	/* An empty packet is the end of the stream. */
	if (r > 0 && received.length > 0)
		r = pass_on(channel, &received);
	else
		r = r < 0 ? r : -ENODATA;
	packet_clear(&received);
	if (was_freed)
		return 0;
	channel->was_freed = NULL;
	if (r == 0)
		return received.length + received.message.header.payload_length;
	close_channel(channel, r == -ENODATA ? 0 : r);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;
	size_t bytes = 0, length;

	(void)fd, (void)what;
	for (int i = 0; i < READS_MAX && bytes < READ_BYTES_MAX; i++) {
		length = receive(channel);
		if (length == 0)
			return;
		bytes += length;
	}
}

void channel_read_all(struct channel *channel)
{
	for (int i = 0; i < MESSAGES_MAX; i++)
		if (!receive(channel))
			return;
}

/* ---- life ---- */

static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == geteuid() ? 0 : -EPERM;
}

/*
 * Sets the send buffer's size. Returns the longest payload that is sent in a packet: a result fits,
 * unless net.core.wmem_max is very low.
 */
static size_t prepare_buffer(int fd)
{
	int size = BUFFER_SIZE;
	socklen_t length = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0 || size < BUFFER_OVERHEAD)
		return 0;
	return size - BUFFER_OVERHEAD < (int)PACKET_INLINE_MAX ? (size_t)(size - BUFFER_OVERHEAD)
							       : PACKET_INLINE_MAX;
}

int channel_new(struct event_base *base, int fd, const struct channel_events *events,
		void *userdata, struct channel **ret_channel)
{
	int r = check_peer(fd);
	struct channel *channel = r < 0 ? NULL : calloc(1, sizeof(*channel));

	assert(events->message && events->closed);
	if (r < 0)
		return r;
	if (!channel)
		return -ENOMEM;
	channel->fd = -1;
	channel->events = events;
	channel->userdata = userdata;
	STAILQ_INIT(&channel->waiting);
	channel->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writable = event_new(base, fd, EV_WRITE, on_writable, channel);
	channel->retry = event_new(base, -1, 0, on_writable, channel);
	channel->post = event_new(base, -1, 0, on_post, channel);
	channel->inline_max = prepare_buffer(fd);
	if (!channel->readable || !channel->writable || !channel->retry || !channel->post ||
	    event_add(channel->readable, NULL) < 0) {
		channel_free(channel);
		return -ENOMEM;
	}
	channel->fd = fd;
	*ret_channel = channel;
	return 0;
}

struct channel *channel_free(struct channel *channel)
{
	struct event *events[4];

	if (!channel)
		return NULL;
	events[0] = channel->readable;
	events[1] = channel->writable;
	events[2] = channel->retry;
	events[3] = channel->post;
	if (channel->was_freed)
		*channel->was_freed = true;
	for (size_t i = 0; i < ELEMENTS(events); i++)
		if (events[i])
			event_free(events[i]);
	drop_waiting(channel);
	close_fd(&channel->fd);
	free(channel);
	return NULL;
}
