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
	 * A message that was checked; valid during the call, which may free the channel. -EBADMSG:
	 * it does not fit to what was said before; closed() follows.
	 */
	int (*message)(struct channel *channel, struct message *message, void *userdata);
	/*
	 * A message whose payload or descriptors could not be received: EMFILE, ENFILE, ENOMEM.
	 * Only its header is there. Returns as message() does. NULL: closed() follows.
	 */
	int (*missed)(struct channel *channel, const struct message_header *header, int error,
		      void *userdata);
	/* All that waited has been sent; may free the channel. NULL: not wanted. */
	void (*drained)(struct channel *channel, void *userdata);
	/* The other side has closed, or does not speak our language (r < 0). Called once. */
	void (*closed)(struct channel *channel, int r, void *userdata);
};

/* Takes over `fd` on success. -EPERM: the other side is another user's. -ENOMEM. */
int channel_new(struct event_base *base, int fd, const struct channel_events *events,
		void *userdata, struct channel **ret_channel) must_check;
struct channel *channel_free(struct channel *channel);

/*
 * Sends the message, or keeps it until the socket has room; messages keep their order. Descriptors
 * are duplicated where they have to wait. -ENOMEM, -EMFILE and the like: nothing was sent; a
 * connection that is broken is told by closed() alone, from the event loop.
 */
int channel_send(struct channel *channel, const struct message *message) must_check;
/* The same for what the other side must not miss: where it cannot be sent the connection ends. */
void channel_tell(struct channel *channel, const struct message *message);
/*
 * channel_tell() for a message without descriptors that is not urgent: it is sent with the next
 * message, or after POST_US, so that the other process is not woken for it.
 */
void channel_post(struct channel *channel, const struct message *message);
/* Hears all messages that are there. The channel may be gone when it returns. */
void channel_read_all(struct channel *channel);
/* closed() follows from the event loop. */
void channel_break(struct channel *channel);
/* Bytes that wait, large payloads included. */
size_t channel_waiting(const struct channel *channel);

/* A message of a type whose body and payload are given; run NULL: of none. */
struct message message_make(enum message_type type, const char *run, size_t index, const void *body,
			    size_t body_length, const char *payload, size_t payload_length);
