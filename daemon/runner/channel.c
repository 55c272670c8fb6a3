/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SOCK_SEQPACKET socket in the event loop. A message is one packet: the header, the body, and the
 * payload where it is short; else the first descriptor is a memfd with the payload.
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

/* In the packet itself; far below the smallest send buffer that Linux gives by default. */
#define INLINE_MAX 32768
#define BODY_MAX   1024
#define PACKET_MAX (sizeof(struct message_header) + BODY_MAX + INLINE_MAX)
#define FDS_MAX	   (MESSAGE_FDS_MAX + 1)
/* In one turn of the loop: others have theirs. */
#define READS_MAX 32
/* More than a socket holds. */
#define MESSAGES_MAX 4096

struct packet {
	STAILQ_ENTRY(packet) link;
	size_t length;
	size_t fd_count;
	int fds[FDS_MAX];
	char bytes[];
};

struct channel {
	int fd;
	struct event *readable, *writable;
	const struct channel_events *events;
	void *userdata;
	STAILQ_HEAD(, packet) waiting;
	size_t waiting_bytes;
	bool is_closed;
	bool *was_freed; /* where message() is on the stack */
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

static int packet_make(const struct message *message, struct packet **ret_packet)
{
	const struct message_header *header = &message->header;
	bool is_inline = header->payload_length <= INLINE_MAX;
	size_t inline_length = is_inline ? header->payload_length : 0;
	size_t length = sizeof(*header) + header->body_length + inline_length;
	struct packet *packet = malloc(sizeof(*packet) + length);
	char *end;
	int r = 0;

	assert(header->body_length <= BODY_MAX);
	if (!packet)
		return -ENOMEM;
	packet->length = length;
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

/* 0, -EAGAIN, or -errno where the connection is broken. */
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
	/* ETOOMANYREFS, ENOBUFS, ENOMEM: descriptors in flight, memory of the kernel; they pass. */
	if (errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS || errno == ENOBUFS ||
	    errno == ENOMEM)
		return -EAGAIN;
	return -errno;
}

int channel_send(struct channel *channel, const struct message *message)
{
	struct packet *packet;
	int r;

	assert(message_check(message) == 0);
	if (channel->is_closed)
		return 0;
	r = packet_make(message, &packet);
	if (r < 0)
		return r;
	r = STAILQ_EMPTY(&channel->waiting) ? packet_send(channel->fd, packet) : -EAGAIN;
	if (r == -EAGAIN && event_add(channel->writable, NULL) == 0) {
		STAILQ_INSERT_TAIL(&channel->waiting, packet, link);
		channel->waiting_bytes += packet->length;
		return 0;
	}
	/* A broken one is seen by reading. */
	packet_free(packet);
	return r == -EAGAIN ? -ENOMEM : 0;
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

	(void)what;
	while ((packet = STAILQ_FIRST(&channel->waiting))) {
		if (packet_send(fd, packet) == -EAGAIN) {
			(void)event_add(channel->writable, NULL);
			return;
		}
		STAILQ_REMOVE_HEAD(&channel->waiting, link);
		channel->waiting_bytes -= packet->length;
		packet_free(packet);
	}
	if (channel->events->drained)
		channel->events->drained(channel, channel->userdata);
}

/* ---- receiving ---- */

static void close_channel(struct channel *channel, int r)
{
	channel->is_closed = true;
	event_del(channel->readable);
	event_del(channel->writable);
	drop_waiting(channel);
	channel->events->closed(channel, r, channel->userdata);
}

static size_t take_fds(struct msghdr *msg, int fds[static FDS_MAX])
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t count = 0;

	for (; cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
	}
	return count;
}

/* The payload of a memfd. Its sender cannot change or shorten it any more. */
static int read_payload(int fd, size_t length, char **ret_payload)
{
	struct stat st;
	char *payload;

	if ((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) == 0 || fstat(fd, &st) < 0 ||
	    st.st_size != (off_t)length)
		return -EBADMSG;
	payload = malloc(length);
	if (!payload)
		return -ENOMEM;
	if (pread(fd, payload, length, 0) != (ssize_t)length) {
		free(payload);
		return -EIO;
	}
	*ret_payload = payload;
	return 0;
}

/* Splits the packet into header, body and payload; fds[0] is the payload's memfd, if there is one.
 */
static int unpack(struct channel *channel, size_t length, int *fds, size_t fd_count,
		  struct message *message, char **ret_payload)
{
	const struct message_header *header = &message->header;
	size_t before;
	int r = 0;

	if (length < sizeof(*header))
		return -EBADMSG;
	memcpy(&message->header, channel->buffer, sizeof(*header));
	before = sizeof(*header) + (size_t)header->body_length;
	if (header->body_length > BODY_MAX || header->payload_length > MESSAGE_PAYLOAD_MAX ||
	    length < before)
		return -EBADMSG;
	message->body = channel->buffer + sizeof(*header);
	message->payload = channel->buffer + before;
	message->fds = fds;
	message->fd_count = fd_count;
	if (header->payload_length > INLINE_MAX) {
		if (fd_count == 0 || length != before)
			return -EBADMSG;
		r = read_payload(fds[0], header->payload_length, ret_payload);
		message->payload = *ret_payload;
		message->fds++;
		message->fd_count--;
	} else if (length != before + header->payload_length) {
		return -EBADMSG;
	}
	return r < 0 ? r : message_check(message);
}

/* True: there may be more. The channel may be gone when it returns. */
static bool receive(struct channel *channel)
{
	struct iovec iov = {channel->buffer, sizeof(channel->buffer)};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct message message = {0};
	int fds[FDS_MAX];
	size_t fd_count;
	char *payload = NULL;
	bool was_freed = false;
	int r;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/*
	 * The other side has ended and had not read everything. The kernel says so once, before it
	 * gives what that had sent; after that it tells the end.
	 */
	if (length < 0 && errno == ECONNRESET)
		return true;
	if (length <= 0) {
		close_channel(channel, length < 0 ? -errno : 0);
		return false;
	}
	fd_count = take_fds(&msg, fds);
	r = msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)
		? -EBADMSG
		: unpack(channel, (size_t)length, fds, fd_count, &message, &payload);
	if (r == 0) {
		channel->was_freed = &was_freed;
		channel->events->message(channel, &message, channel->userdata);
		if (!was_freed)
			channel->was_freed = NULL;
	} else {
		close_channel(channel, r);
	}
	for (size_t i = 0; i < fd_count; i++)
		close_fd(&fds[i]);
	free(payload);
	return r == 0 && !was_freed && !channel->is_closed;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;

	(void)fd, (void)what;
	for (int i = 0; i < READS_MAX; i++)
		if (!receive(channel))
			return;
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
	if (!channel->readable || !channel->writable || event_add(channel->readable, NULL) < 0) {
		channel_free(channel);
		return -ENOMEM;
	}
	channel->fd = fd;
	*ret_channel = channel;
	return 0;
}

struct channel *channel_free(struct channel *channel)
{
	if (!channel)
		return NULL;
	if (channel->was_freed)
		*channel->was_freed = true;
	if (channel->readable)
		event_free(channel->readable);
	if (channel->writable)
		event_free(channel->writable);
	drop_waiting(channel);
	close_fd(&channel->fd);
	free(channel);
	return NULL;
}
