/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "daemon/ipc/requests.h"
#include "daemon/policy/account.h"
#include "daemon/policy/peer.h"
#include "proto/messages/messages.h"

struct hookd;
struct conn;

/* Called for each message. The bytes are valid during the call. */
typedef void (*conn_message_fn)(struct conn *conn, const char *text, size_t length);

/* A call that is not answered yet. Embedded in its owner. */
struct conn_call {
	/* The connection was closed: it must not be used any more. */
	void (*gone)(struct conn_call *call);
	/* All data was sent, after conn_is_behind(). May be NULL. */
	void (*caught_up)(struct conn_call *call);
};

struct conn {
	struct hookd *hookd;
	struct peer peer;
	int fd;
	enum { CONN_IDLE, CONN_BUSY, CONN_CLOSED } state;
	struct conn_call *call; /* while BUSY */
	bool is_dispatching;
	bool closes_when_sent; /* the client has shut down its sending side */
	bool has_unread;       /* there may be bytes, but no event will report them */
	struct hp_inbox in;
	bool is_oneway;		/* the current call: no reply may be sent to it */
	struct hp_buf out;	/* not sent yet */
	struct hp_buf unwanted; /* replies to a oneway call, until they are dropped */
	struct event *readable;
	struct event *writable; /* pending while `out` is not empty */
	struct event *reaper;	/* frees a closed connection from the event loop */
	struct charge charge;
	struct request request; /* the current call */
	conn_message_fn on_message;
	TAILQ_ENTRY(conn) link; /* hookd::conns */
};

/* Takes the socket, also on failure. -EBUSY: too many connections; or another -errno. */
int conn_new(struct hookd *hookd, int fd, conn_message_fn on_message) must_check;
/* For the end of the daemon: otherwise connections free themselves. */
void conn_free(struct conn *conn);

/*
 * For on_message(): the call will be answered later, and no message is read before conn_end_call().
 */
void conn_begin_call(struct conn *conn, struct conn_call *call);
/*
 * Call it after conn_begin_call() if the call is to end with its client. True: the client had hung
 * up before the message was read; the connection is closed and call->gone() was called.
 */
bool conn_close_if_gone(struct conn *conn);
/* Call after the last reply was written. Sends it and dispatches the next messages. */
void conn_end_call(struct conn *conn);

/*
 * The buffer for hp_reply_*(): conn->out, or one that is never sent if the current call is oneway.
 * The connection's; ask again for each reply.
 */
struct hp_buf *conn_reply(struct conn *conn);
/* hp_reply_err() to that buffer. */
void conn_reply_err(struct conn *conn, const struct hp_err *err, const char *invalid);
/*
 * Sends the replies that were written. Does not block. Closes the connection if the
 * client does not read and too much data is unsent; then call->gone() is called.
 */
void conn_flush(struct conn *conn);

/* Much data is unsent. caught_up() is called when all of it was sent. */
bool conn_is_behind(const struct conn *conn);

/* The peer has violated the protocol: logs that, and closes the connection as Varlink requires. */
void conn_violation(struct conn *conn, const char *reason);
