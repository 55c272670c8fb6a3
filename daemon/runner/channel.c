/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SOCK_SEQPACKET socket in the event loop. A message is one packet: the header, the body, and the
 * payload; or, where that is long, a memfd with the payload as the first descriptor. Results fit
 * into a packet, so that a hookd without descriptors can still collect them.
 *
 *	OPEN --the other side closes, an error--> CLOSED (nothing is sent or read any more)
 */
#include "daemon/runner/channel.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon/base/memfd.h"
#include "proto/base/limits.h"

/* Both outputs of a hook and some texts. */
#define INLINE_MAX (2 * (HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES) + 8 * 1024)
#define BODY_MAX   1024
#define PACKET_MAX (sizeof(struct message_header) + BODY_MAX + INLINE_MAX)
#define FDS_MAX	   (MESSAGE_FDS_MAX + 1)
/* In one turn of the loop: others have theirs. */
#define READS_MAX      32
#define READ_BYTES_MAX (256u * 1024)
#define WRITES_MAX     32
/* Where the kernel has no memory, or has too many descriptors in flight. */
#define RETRY_AFTER_US 10000
/* A packet takes more of the buffer than its length. */
#define BUFFER_SIZE	(256 * 1024)
#define BUFFER_OVERHEAD 4096
/* The kernel fills the room that is there: without credentials more descriptors fit into it. */
#define CONTROL_SIZE (CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * FDS_MAX))
#define FDS_ROOM     (CONTROL_SIZE / sizeof(int))

struct packet {
	STAILQ_ENTRY(packet) link;
	size_t length, weight; /* in the packet; with what is beside it */
	size_t fd_count;
	int fds[FDS_MAX];
	char bytes[];
};

struct channel {
	int fd;
	struct event *readable, *writable, *retry;
	const struct channel_events *events;
	void *userdata;
	STAILQ_HEAD(, packet) waiting;
	size_t waiting_bytes, inline_max;
	bool is_closed;
	bool *was_freed; /* where a callback is on the stack */
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

static void packet_free(struct packet *packet)
{
	if (!packet)
		return;
	for (size_t i = 0; i < packet->fd_count; i++)
		close(packet->fds[i]);
	free(packet);
}

static int add_fds(struct packet *packet, const struct message *message)
{
	assert(message->fd_count <= MESSAGE_FDS_MAX);
	for (size_t i = 0; i < message->fd_count; i++) {
		int fd = fcntl(message->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		packet->fds[packet->fd_count++] = fd;
	}
	return 0;
}

static int packet_make(const struct message *message, size_t inline_max, struct packet **ret_packet)
{
	const struct message_header *header = &message->header;
	bool is_inline = header->payload_length <= inline_max;
	size_t inline_length = is_inline ? header->payload_length : 0;
	size_t length = sizeof(*header) + header->body_length + inline_length;
	struct packet *packet = malloc(sizeof(*packet) + length);
	char *end;
	int r = 0;

	assert(header->body_length <= BODY_MAX);
	if (!packet)
		return -ENOMEM;
	packet->length = length;
	packet->weight = sizeof(*header) + header->body_length + header->payload_length;
	packet->fd_count = 0;
	end = mempcpy(packet->bytes, header, sizeof(*header));
	if (header->body_length > 0)
		end = mempcpy(end, message->body, header->body_length);
	memcpy(end, message->payload, inline_length);
	if (!is_inline) {
		r = packet->fds[0] =
		    memfd_sealed("hookd-message", message->payload, header->payload_length);
		packet->fd_count = r < 0 ? 0 : 1;
	}
	if (r >= 0)
		r = add_fds(packet, message);
	if (r < 0)
		packet_free(packet);
	else
		*ret_packet = packet;
	return r < 0 ? r : 0;
}

/* 0, -EAGAIN, -ENOBUFS for what passes by itself, or -errno where the connection is broken. */
static int packet_send(int fd, const struct packet *packet)
{
	struct iovec iov = {(void *)packet->bytes, packet->length};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg = &control.align;

	if (packet->fd_count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * packet->fd_count);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * packet->fd_count);
		memcpy(CMSG_DATA(cmsg), packet->fds, sizeof(int) * packet->fd_count);
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM)
		return -ENOBUFS;
	return -errno;
}

/* The socket is writable while the kernel has no memory: then time is waited for. */
static int wait_to_send(struct channel *channel, int error)
{
	const struct timeval soon = {.tv_usec = RETRY_AFTER_US};

	return error == -EAGAIN ? event_add(channel->writable, NULL)
				: event_add(channel->retry, &soon);
}

int channel_send(struct channel *channel, const struct message *message)
{
	bool has_to_wait = !STAILQ_EMPTY(&channel->waiting);
	struct packet *packet;
	int r;

	assert(message_check(message) == 0);
	if (channel->is_closed)
		return 0;
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

void channel_break(struct channel *channel)
{
	(void)shutdown(channel->fd, SHUT_RDWR);
}

void channel_tell(struct channel *channel, const struct message *message)
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
	channel->is_closed = true;
	event_del(channel->readable);
	event_del(channel->writable);
	event_del(channel->retry);
	drop_waiting(channel);
	channel->events->closed(channel, r, channel->userdata);
}

/* Returns the number of descriptors. */
static size_t take_control(struct msghdr *msg, int fds[static FDS_ROOM], pid_t *ret_sender)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct ucred sender;
	size_t count = 0;

	for (; cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		if (cmsg->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(cmsg), sizeof(sender));
			*ret_sender = sender.pid;
		} else if (cmsg->cmsg_type == SCM_RIGHTS) {
			count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
		}
	}
	return count;
}

/* The payload of a memfd. Its sender cannot change or shorten it any more. */
static int read_payload(int fd, size_t length, char **ret_payload)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	char *payload;

	/* Without seals it is no memfd, and may even block. */
	if (seals < 0 || (seals & F_SEAL_WRITE) == 0 || fstat(fd, &st) < 0 ||
	    st.st_size != (off_t)length)
		return -EBADMSG;
	payload = malloc(length);
	if (!payload)
		return -ENOMEM;
	if (pread(fd, payload, length, 0) != (ssize_t)length) {
		free(payload);
		return -EBADMSG;
	}
	*ret_payload = payload;
	return 0;
}

struct received {
	size_t length, fd_count;
	int fds[FDS_ROOM];
	int flags; /* MSG_TRUNC, MSG_CTRUNC */
	struct message message;
	char *payload; /* of a memfd; NULL: it is in the packet */
};

/* The header, whose lengths are in bounds then. */
static int unpack_header(struct channel *channel, struct received *received)
{
	struct message_header *header = &received->message.header;

	if (received->length < sizeof(*header) || (received->flags & MSG_TRUNC) ||
	    received->fd_count > FDS_MAX)
		return -EBADMSG;
	memcpy(header, channel->buffer, sizeof(*header));
	if (header->body_length > BODY_MAX || header->payload_length > MESSAGE_PAYLOAD_MAX ||
	    !memchr(header->run, '\0', sizeof(header->run)))
		return -EBADMSG;
	return 0;
}

/*
 * Splits the packet into header, body and payload. -EMFILE: there was no room for all of its
 * descriptors in this process. -ENOMEM. The header is valid in both cases.
 */
static int unpack(struct channel *channel, struct received *received)
{
	struct message *message = &received->message;
	const struct message_header *header = &message->header;
	size_t before = sizeof(*header);
	int r = unpack_header(channel, received);

	if (r < 0)
		return r;
	if (received->flags & MSG_CTRUNC)
		return -EMFILE;
	before += header->body_length;
	message->body = channel->buffer + sizeof(*header);
	message->payload = channel->buffer + before;
	message->fds = received->fds;
	message->fd_count = received->fd_count;
	if (header->payload_length > 0 && received->length == before) {
		if (received->fd_count == 0)
			return -EBADMSG;
		r = read_payload(received->fds[0], header->payload_length, &received->payload);
		message->payload = received->payload;
		message->fds++;
		message->fd_count--;
	} else if (received->length != before + header->payload_length) {
		return -EBADMSG;
	}
	return r < 0 ? r : message_check(message);
}

/* 1, with length 0 where the other side has closed; 0: nothing is there; -errno. */
static int receive_packet(struct channel *channel, struct received *received)
{
	struct iovec iov = {channel->buffer, sizeof(channel->buffer)};
	union {
		char bytes[CONTROL_SIZE];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	/* Closed by the other side before it has read all: a process that was killed. */
	if (length < 0 && errno == ECONNRESET)
		return 1;
	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	received->length = (size_t)length;
	received->flags = msg.msg_flags;
	received->fd_count = take_control(&msg, received->fds, &received->message.sender);
	return 1;
}

static void received_clear(struct received *received)
{
	for (size_t i = 0; i < received->fd_count; i++)
		close_fd(&received->fds[i]);
	free(received->payload);
}

/* Calls message() or missed(). 0, or -errno: the connection is to be closed. */
static int pass_on(struct channel *channel, struct received *received)
{
	const struct channel_events *events = channel->events;
	int r = unpack(channel, received);

	if (r == 0)
		return events->message(channel, &received->message, channel->userdata);
	if ((r == -EMFILE || r == -ENOMEM) && events->missed)
		return events->missed(channel, &received->message.header, -r, channel->userdata);
	return r == -ENOMSG ? 0 : r;
}

/* The number of bytes; 0: nothing more is to be read now. The channel may be gone then. */
static size_t receive(struct channel *channel)
{
	struct received received = {0};
	bool was_freed = false;
	int r = receive_packet(channel, &received);

	if (r == 0)
		return 0;
	channel->was_freed = &was_freed;
	/* An empty packet is the end of the stream. */
	if (r > 0 && received.length > 0)
		r = pass_on(channel, &received);
	else
		r = r < 0 ? r : -ENODATA;
	received_clear(&received);
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

/* ---- life ---- */

static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == geteuid() ? 0 : -EPERM;
}

/* A result fits into the send buffer, unless the system's limit is very low. */
static size_t prepare_buffer(int fd)
{
	int size = BUFFER_SIZE;
	socklen_t length = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0 || size < BUFFER_OVERHEAD)
		return 0;
	return size - BUFFER_OVERHEAD < (int)INLINE_MAX ? (size_t)(size - BUFFER_OVERHEAD)
							: INLINE_MAX;
}

int channel_new(struct event_base *base, int fd, const struct channel_events *events,
		void *userdata, struct channel **ret_channel)
{
	int r = check_peer(fd);
	struct channel *channel = r < 0 ? NULL : calloc(1, sizeof(*channel));

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
	channel->inline_max = prepare_buffer(fd);
	if (!channel->readable || !channel->writable || !channel->retry ||
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
	struct event *events[3];

	if (!channel)
		return NULL;
	events[0] = channel->readable;
	events[1] = channel->writable;
	events[2] = channel->retry;
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
