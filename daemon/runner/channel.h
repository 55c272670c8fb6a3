/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/runner/message.h"

/*
 * One connection between hookd and a runner. Messages go out at once or, while the socket is full,
 * wait in memory. Large payloads travel in a sealed memfd.
 */
struct channel;

struct channel_events {
	/*
	 * A message that message_check() accepts; valid during the call, which may free the
	 * channel. -EBADMSG: it contradicts earlier messages; closed() follows.
	 */
	int (*message)(struct channel *channel, struct message *message, void *userdata);
	/*
	 * A message whose payload or descriptors could not be received: EMFILE, ENFILE, ENOMEM.
	 * Only its header is valid. Returns as message() does. NULL: closed() follows.
	 */
	int (*missed)(struct channel *channel, const struct message_header *header, int error,
		      void *userdata);
	/* All waiting messages have been sent; may free the channel. NULL: not wanted. */
	void (*drained)(struct channel *channel, void *userdata);
	/* The other side has closed, or r < 0: an error or an invalid message. Called once. */
	void (*closed)(struct channel *channel, int r, void *userdata);
};

/* Takes over `fd` on success. -EPERM: the other side is another user's. -ENOMEM. */
int channel_new(struct event_base *base, int fd, const struct channel_events *events,
		void *userdata, struct channel **ret_channel) must_check;
struct channel *channel_free(struct channel *channel);

/*
 * Sends the message, or keeps it until the socket has room; messages keep their order. Descriptors
 * are duplicated where they have to wait. -ENOMEM, -EMFILE and the like: nothing was sent. A broken
 * connection is no error here: closed() reports it, from the event loop.
 */
int channel_send(struct channel *channel, const struct message *message) must_check;
/* The same for a message that the other side must not miss: on an error the connection ends. */
void channel_send_or_break(struct channel *channel, const struct message *message);
/*
 * channel_send_or_break() for a message without descriptors that is not urgent: it is sent in one
 * packet with the next message, or after 12 ms, so that the other process is woken less often.
 */
void channel_post(struct channel *channel, const struct message *message);
/* Receives all messages that have arrived. May free the channel, through message() or closed(). */
void channel_read_all(struct channel *channel);
/* Ends the connection; closed() follows from the event loop. */
void channel_break(struct channel *channel);
/* Bytes that wait to be sent, large payloads included. */
size_t channel_waiting(const struct channel *channel);

/* A message that borrows body and payload. run NULL: it belongs to no run. */
struct message message_make(enum message_type type, const char *run, size_t index, const void *body,
			    size_t body_length, const char *payload, size_t payload_length);
