/* SPDX-License-Identifier: Apache-2.0 */
/* Builds, sends, receives and parses packets. No state. */
#include "daemon/runner/packet.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/memfd.h"

static_assert(sizeof(struct start_body) <= PACKET_BODY_MAX, "the largest body fits");

/* ---- sending ---- */

void packet_free(struct packet *packet)
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

int packet_make(const struct message *message, size_t inline_max, struct packet **ret_packet)
{
	const struct message_header *header = &message->header;
	bool is_inline = header->payload_length <= inline_max;
	size_t inline_length = is_inline ? header->payload_length : 0;
	size_t length = sizeof(*header) + header->body_length + inline_length;
	struct packet *packet = malloc(sizeof(*packet) + length);
	char *end;
	int r = 0;

	assert(header->body_length <= PACKET_BODY_MAX);
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

int packet_send(int fd, const struct packet *packet)
{
	struct iovec iov = {(void *)packet->bytes, packet->length};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg = &control.align;

	assert(packet->fd_count <= PACKET_FDS_MAX);
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

/* ---- receiving ---- */

/* Returns the number of descriptors. */
static size_t take_control(struct msghdr *msg, int fds[static PACKET_FDS_ROOM], pid_t *ret_sender)
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

/* Reads the payload from a memfd, which is sealed: the sender cannot change or shorten it. */
static int read_payload(int fd, size_t length, char **ret_payload)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	char *payload;

	/* Another kind of file may block the read. */
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

/* Copies the header, and checks its lengths. */
static int unpack_header(const char *buffer, struct received *received)
{
	struct message_header *header = &received->message.header;

	if (received->length < sizeof(*header) || (received->flags & MSG_TRUNC) ||
	    received->fd_count > PACKET_FDS_MAX)
		return -EBADMSG;
	memcpy(header, buffer, sizeof(*header));
	if (header->body_length > PACKET_BODY_MAX || header->payload_length > MESSAGE_PAYLOAD_MAX ||
	    !memchr(header->run, '\0', sizeof(header->run)))
		return -EBADMSG;
	return 0;
}

int packet_unpack(const char *buffer, struct received *received)
{
	struct message *message = &received->message;
	const struct message_header *header = &message->header;
	size_t before = sizeof(*header);
	int r = unpack_header(buffer, received);

	if (r < 0)
		return r;
	if (received->flags & MSG_CTRUNC)
		return -EMFILE;
	before += header->body_length;
	message->body = buffer + sizeof(*header);
	message->payload = buffer + before;
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

int packet_receive(int fd, char *buffer, struct received *received)
{
	struct iovec iov = {buffer, PACKET_MAX};
	union {
		char bytes[PACKET_CONTROL_SIZE];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	/*
	 * The other process has ended without reading all messages. The kernel reports that once,
	 * before the packets that the process had sent.
	 */
	if (length < 0 && errno == ECONNRESET)
		length = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	received->length = (size_t)length;
	received->flags = msg.msg_flags;
	received->fd_count = take_control(&msg, received->fds, &received->message.sender);
	return 1;
}

void packet_clear(struct received *received)
{
	for (size_t i = 0; i < received->fd_count; i++)
		close_fd(&received->fds[i]);
	free(received->payload);
}
