/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>
#include <sys/socket.h>

#include "daemon/runner/message.h"
#include "proto/base/limits.h"

/*
 * A message as a packet of a SOCK_SEQPACKET socket: header, body and payload. A payload that is too
 * long for a packet is in a sealed memfd, the first descriptor of the packet.
 */

/* Both kept outputs of a hook and some texts. */
#define PACKET_INLINE_MAX (2 * (HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES) + 8 * 1024)
#define PACKET_BODY_MAX	  1024
#define PACKET_MAX	  (sizeof(struct message_header) + PACKET_BODY_MAX + PACKET_INLINE_MAX)
#define PACKET_FDS_MAX	  (MESSAGE_FDS_MAX + 1)
/* recvmsg(2) fills the whole buffer: if there are no credentials, more descriptors fit. */
#define PACKET_CONTROL_SIZE                                                                        \
	(CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX))
#define PACKET_FDS_ROOM (PACKET_CONTROL_SIZE / sizeof(int))

struct packet {
	STAILQ_ENTRY(packet) link;
	size_t length, weight; /* weight: including a payload in a memfd */
	size_t fd_count;
	int fds[PACKET_FDS_MAX];
	char bytes[];
};

/* Copies the message and duplicates its descriptors. -ENOMEM, -EMFILE ... */
int packet_make(const struct message *message, size_t inline_max,
		struct packet **ret_packet) must_check;
void packet_free(struct packet *packet);
/*
 * -EAGAIN: when the socket is writable. -ENOBUFS: later, but poll(2) does not report when. Any
 * other -errno: the connection is broken.
 */
int packet_send(int fd, const struct packet *packet) must_check;

/* A received packet. */
struct received {
	size_t length, fd_count;
	int fds[PACKET_FDS_ROOM];
	int flags; /* MSG_TRUNC, MSG_CTRUNC */
	struct message message;
	char *payload; /* read from a memfd; NULL: it is in the packet */
};

/* 1; 0: no packet has arrived; -errno. The buffer has PACKET_MAX bytes. */
int packet_receive(int fd, char *buffer, struct received *received) must_check;
/*
 * Finds header, body and payload, and checks the message. -EMFILE: this process could not receive
 * all descriptors; -ENOMEM: the header is valid in both cases. -EBADMSG, -ENOMSG as
 * message_check().
 */
int packet_unpack(const char *buffer, struct received *received) must_check;
/* Closes the descriptors that were not taken. */
void packet_clear(struct received *received);
