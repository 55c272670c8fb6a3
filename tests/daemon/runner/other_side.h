/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/channel.h"
#include "tests/daemon/support/support.h"

/*
 * The process at the other end of a channel: it records what it receives, and can send packets that
 * no channel sends.
 */
struct other_side {
	struct event_base *base;
	struct channel *channel;
	int raw; /* the same socket, for packets that no channel sends */
	/* One word each: a letter (see other_side.c), and the hook's index where there is one. */
	char received[4096];
	size_t counts[MESSAGE_TYPE_COUNT];
	size_t payload_bytes;
	struct finished_body finished; /* the last */
	int closed;		       /* how often closed() was called */
	int error;		       /* of closed() */
};

/* Takes over the descriptor. */
void other_side_open(struct other_side *other, struct event_base *base, int fd);
void other_side_close(struct other_side *other);
/* Clears the record of received messages. */
void other_side_forget(struct other_side *other);

/* Sends the packet unchecked. The payload is in `payload_fd`, unless that is -1. */
void other_side_send(struct other_side *other, const struct message *message, int payload_fd);

/* A socket pair of type SOCK_SEQPACKET. */
void make_pair(int fds[2]);

/* ---- messages that are in bounds, of run "r" ---- */

struct message started_message(size_t index);
struct message finished_message(size_t index);
struct message refusal_message(size_t index, int error);
struct message ended_message(bool is_cancelled);
struct message plain_message(enum message_type type);

/* START of a list of that many hooks; the payload is the caller's to free. */
struct message start_message(const char *run, size_t hook_count, size_t state_length,
			     struct start_body *body);
