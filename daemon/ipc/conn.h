/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "daemon/policy/account.h"
#include "daemon/policy/peer.h"
#include "proto/messages/messages.h"

struct hookd;
struct conn;

/* One message; the bytes are valid during the call. */
typedef void (*conn_message_fn)(struct conn *conn, const char *text, size_t length);

/*
 * The call that a connection is busy with: replies to it may still come. Embedded in its owner,
 * which is told when the client is gone.
 */
struct conn_call {
	void (*gone)(struct conn_call *call);
	void (*caught_up)(
	    struct conn_call *call); /* NULL, or told of the end of conn_is_behind() */
};

struct conn {
	struct hookd *hookd;
	struct peer peer;
	int fd;
	enum { CONN_IDLE, CONN_BUSY, CONN_CLOSED } state;
	struct conn_call *call; /* in BUSY */
	bool is_dispatching;
	bool closes_when_sent; /* the client has ended its side, and waits for replies */
	bool has_unread;       /* there may be bytes that no event will tell of again */
	struct hp_inbox in;
	struct hp_buf out; /* what the socket did not take yet */
	struct event *readable;
	struct event *writable; /* pending while `out` is not empty */
	struct event *reaper;	/* frees the closed connection when nobody's stack needs it */
	struct charge charge;
	conn_message_fn on_message;
	TAILQ_ENTRY(conn) link; /* hookd::conns */
};

/* Takes the socket in any case. Over the limits of the configuration it is closed: -EBUSY. */
int conn_new(struct hookd *hookd, int fd, conn_message_fn on_message) must_check;
/* At the daemon's end; else connections free themselves. */
void conn_free(struct conn *conn);

/* From on_message(): the call is not answered yet. No further message comes before conn_end_call().
 */
void conn_begin_call(struct conn *conn, struct conn_call *call);
/*
 * For a call that ends with its client: true when the client had hung up by the time its message
 * was read. Then the connection is closed, and call->gone() was called. A later hangup is an event.
 */
bool conn_close_if_gone(struct conn *conn);
/* The last reply was written, or there will be none: sends it, and goes on to what the client has
 * sent meanwhile. */
void conn_end_call(struct conn *conn);

/*
 * Sends the bytes that the caller wrote into conn->out by way of hp_reply_*(). A client that does
 * not read is cut off when too much waits for it.
 */
void conn_flush(struct conn *conn);

/* The client has not read much of what was sent; until all of it has gone out. */
bool conn_is_behind(const struct conn *conn);

/* A breach of the protocol: logged with who did it, and closed, which is all Varlink allows. */
void conn_violation(struct conn *conn, const char *reason);
