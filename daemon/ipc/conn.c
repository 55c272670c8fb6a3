/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection of a client: reads bytes, passes messages to the dispatcher and sends replies.
 *
 *	IDLE       --conn_begin_call()-----------> BUSY
 *	BUSY       --conn_end_call()-------------> IDLE
 *	IDLE, BUSY --hangup, protocol violation--> CLOSED
 *	CLOSED     --on_reaper()-----------------> (freed)
 *
 * There is one call at a time: while BUSY nothing is read, which slows down the client. The events
 * are edge-triggered. So unread bytes, a client that has shut down its sending side only (it still
 * gets its reply) or an error of the socket wake the loop once and not all the time; and a call
 * whose client waits for the reply needs no epoll_ctl(2).
 */
#include "daemon/ipc/conn.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/log.h"
#include "daemon/ipc/ipc.h"
#include "daemon/policy/policy.h"

/* Reads per wake-up, so that a client that sends a lot does not hold up the event loop. */
#define READS_PER_WAKEUP 16
/* More than any reply: a client with more unsent data does not read its events. */
#define OUT_BYTES_MAX (32u * 1024 * 1024)
/* More than the events of what is read from a hook's pipes in one wake-up. */
#define BEHIND_BYTES (1024u * 1024)

static void on_readable(evutil_socket_t fd, short what, void *userdata);
static void on_writable(evutil_socket_t fd, short what, void *userdata);
static void on_reaper(evutil_socket_t fd, short what, void *userdata);

/* ---- life ---- */

static int charge_conn(struct conn *conn)
{
	const struct config *config = &conn->hookd->config;
	uint64_t limit = conn->peer.uid == 0 ? UINT64_MAX : config->connections_per_user;

	if (conn->hookd->conn_count >= config->connections)
		return -EBUSY;
	return charge_take(&conn->charge, &conn->hookd->accounts, conn->peer.uid,
			   ACCOUNT_CONNECTIONS, limit);
}

static int make_events(struct conn *conn)
{
	struct event_base *base = conn->hookd->base;

	conn->readable = event_new(base, conn->fd, EV_READ | EV_ET | EV_PERSIST, on_readable, conn);
	conn->writable =
	    event_new(base, conn->fd, EV_WRITE | EV_ET | EV_PERSIST, on_writable, conn);
	conn->reaper = event_new(base, -1, 0, on_reaper, conn);
	if (!conn->readable || !conn->writable || !conn->reaper)
		return -ENOMEM;
	return event_add(conn->readable, NULL) < 0 ? -ENOMEM : 0;
}

int conn_new(struct hookd *hookd, int fd, conn_message_fn on_message)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	int r;

	if (!conn) {
		close(fd);
		return -ENOMEM;
	}
	conn->hookd = hookd;
	conn->fd = fd;
	conn->peer.pidfd = -1;
	conn->on_message = on_message;
	TAILQ_INSERT_TAIL(&hookd->conns, conn, link);
	r = peer_init(&conn->peer, fd);
	if (r == 0 && hookd->is_private)
		r = peer_take_as_starter(&conn->peer, &hookd->self);
	/*
	 * Now, since the process may end at any time. If it fails, it is tried again at each call.
	 */
	if (r == 0)
		(void)!peer_look(&conn->peer, fd);
	if (r == 0)
		r = charge_conn(conn);
	if (r == 0)
		r = make_events(conn);
	hookd->conn_count++;
	if (r < 0)
		conn_free(conn);
	return r;
}

static void free_event(struct event **event)
{
	if (*event)
		event_free(take_ptr(*event));
}

/* Closes the socket and ends the call. The struct stays: functions on the stack may use it. */
static void conn_disconnect(struct conn *conn)
{
	struct conn_call *call = take_ptr(conn->call);

	conn->state = CONN_CLOSED;
	request_disconnect(&conn->request);
	free_event(&conn->readable);
	free_event(&conn->writable);
	close_fd(&conn->fd);
	if (call)
		call->gone(call);
}

static void conn_close(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn_disconnect(conn);
	event_active(conn->reaper, 0, 0);
}

static void on_reaper(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	conn_free(userdata);
}

void conn_free(struct conn *conn)
{
	struct hookd *hookd = conn->hookd;

	assert(hookd->conn_count > 0);
	conn_disconnect(conn);
	free_event(&conn->reaper);
	TAILQ_REMOVE(&hookd->conns, conn, link);
	hookd->conn_count--;
	charge_release(&conn->charge);
	peer_clear(&conn->peer);
	hp_inbox_free(&conn->in);
	hp_buf_free(&conn->out);
	hp_buf_free(&conn->unwanted);
	free(conn);
	if (hookd->is_private && hookd->conn_count == 0)
		hookd->drain(hookd);
}

void conn_violation(struct conn *conn, const char *reason)
{
	if (conn->state == CONN_CLOSED)
		return;
	log_notice("uid %u pid %d broke the protocol, connection closed: %s", conn->peer.uid,
		   conn->peer.pid, reason);
	conn_close(conn);
}

/* ---- receiving ---- */

/*
 * Dispatches the complete messages in the inbox, one call at a time. conn_end_call() of a call that
 * is answered at once calls this function again: then the outer loop continues.
 */
static void dispatch_messages(struct conn *conn)
{
	const char *text;
	size_t length;
	int r = 1;

	if (conn->is_dispatching)
		return;
	conn->is_dispatching = true;
	while (conn->state == CONN_IDLE && r > 0) {
		r = hp_inbox_next(&conn->in, &text, &length);
		if (r < 0)
			conn_violation(conn, "a message is too long");
		else if (r > 0)
			conn->on_message(conn, text, length);
	}
	conn->is_dispatching = false;
}

/* Also sees whether there is anything to read: asking poll(2) costs less than a recv(2) in vain. */
static bool has_hung_up(struct conn *conn)
{
	struct pollfd poll_fd = {.fd = conn->fd, .events = POLLIN};
	int r = poll(&poll_fd, 1, 0);

	if (r == 0)
		conn->has_unread = false;
	return r > 0 && (poll_fd.revents & (POLLHUP | POLLERR));
}

/*
 * As recv(2), and returns the credentials of the process that wrote the bytes: SO_PASSCRED is set,
 * and the kernel does not return bytes of two writers in one read (unix(7)). There is no room for
 * more control data, so the kernel closes descriptors that were sent.
 */
static ssize_t receive(struct conn *conn, char *space, size_t size, struct ucred *ret_writer)
{
	struct iovec iov = {space, size};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr message = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	ssize_t received = recvmsg(conn->fd, &message, MSG_DONTWAIT);

	*ret_writer = (struct ucred){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (received > 0 && message.msg_controllen >= CMSG_LEN(sizeof(*ret_writer)) &&
	    control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_CREDENTIALS)
		memcpy(ret_writer, CMSG_DATA(&control.header), sizeof(*ret_writer));
	return received;
}

/*
 * Other processes may have got a descriptor of the connection. Those of another user may not write
 * to it. For another process of the same user, the policy decides whether it has the same rights.
 */
static bool is_writer_known(struct conn *conn, const struct ucred *writer)
{
	struct peer *peer = &conn->peer;
	struct process_view view;

	if (writer->uid != peer->uid || writer->gid != peer->gid) {
		conn_violation(conn, "another user has written to it");
		return false;
	}
	if (writer->pid == peer->pid || peer->stranger)
		return true;
	if (peer_look_at_sender(writer->pid, &view) < 0 ||
	    !policy_may_write_for(peer, &conn->hookd->self, &view))
		peer->stranger = writer->pid ? writer->pid : -1;
	return true;
}

/* Clears has_unread if there is nothing to read for now, or the connection was closed. */
static void read_some(struct conn *conn)
{
	size_t size;
	char *space = hp_inbox_reserve(&conn->in, &size);
	struct ucred writer;
	ssize_t received;

	if (!space) {
		conn->has_unread = false;
		conn_violation(conn, "out of memory for a message");
		return;
	}
	received = receive(conn, space, size, &writer);
	if (received < 0 && errno == EINTR)
		return;
	if (received > 0 && is_writer_known(conn, &writer)) {
		hp_inbox_commit(&conn->in, (size_t)received);
		dispatch_messages(conn);
		return;
	}
	conn->has_unread = false;
	if (received > 0 || (received < 0 && errno == EAGAIN))
		return;
	if (received == 0 && !hp_inbox_is_empty(&conn->in))
		conn_violation(conn, "end of file within a message");
	else if (received == 0 && conn->out.length > 0)
		conn->closes_when_sent = true;
	else
		conn_close(conn);
}

/* An edge is reported once, so has_unread remembers what is to be read after the call. */
static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct conn *conn = userdata;
	int reads = 0;

	(void)fd, (void)what;
	conn->has_unread = true;
	if (conn->state == CONN_BUSY && has_hung_up(conn))
		conn_close(conn);
	while (conn->state == CONN_IDLE && conn->has_unread && reads++ < READS_PER_WAKEUP)
		read_some(conn);
	if (conn->state == CONN_IDLE && conn->has_unread)
		event_active(conn->readable, EV_READ, 0);
}

void conn_begin_call(struct conn *conn, struct conn_call *call)
{
	assert(conn->state == CONN_IDLE && !conn->call);
	conn->state = CONN_BUSY;
	conn->call = call;
}

/* Message and hangup may have been one edge, and then no other event reports the hangup. */
bool conn_close_if_gone(struct conn *conn)
{
	if (!has_hung_up(conn))
		return false;
	conn_close(conn);
	return true;
}

void conn_end_call(struct conn *conn)
{
	assert(conn->state != CONN_IDLE);
	request_end(&conn->request);
	conn->call = NULL; /* before the flush: it may close the connection */
	conn_flush(conn);
	if (conn->state != CONN_BUSY)
		return;
	conn->state = CONN_IDLE;
	dispatch_messages(conn);
	if (conn->state == CONN_IDLE && conn->has_unread)
		event_active(conn->readable, EV_READ, 0);
}

/* ---- sending ---- */

/* False: the connection is broken. */
static bool send_some(struct conn *conn)
{
	ssize_t sent;

	while (conn->out.length > 0) {
		sent =
		    send(conn->fd, conn->out.data, conn->out.length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN;
		hp_buf_consume(&conn->out, (size_t)sent);
	}
	return true;
}

struct hp_buf *conn_reply(struct conn *conn)
{
	return conn->is_oneway ? &conn->unwanted : &conn->out;
}

void conn_reply_err(struct conn *conn, const struct hp_err *err, const char *invalid)
{
	conn->request.error = err->code;
	hp_reply_err(conn_reply(conn), err, invalid);
}

void conn_flush(struct conn *conn)
{
	hp_buf_free(&conn->unwanted);
	if (conn->state == CONN_CLOSED)
		return;
	if (conn->out.failed) {
		conn_violation(conn, "out of memory for a reply");
	} else if (!send_some(conn)) {
		conn_close(conn);
	} else if (conn->out.length > OUT_BYTES_MAX) {
		conn_violation(conn, "the client does not read its replies");
	} else if (conn->out.length > 0 && event_add(conn->writable, NULL) < 0) {
		/* Without the event the rest would never be sent. */
		conn_close(conn);
	}
}

bool conn_is_behind(const struct conn *conn)
{
	return conn->state != CONN_CLOSED && conn->out.length > BEHIND_BYTES;
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct conn *conn = userdata;

	(void)fd, (void)what;
	if (!send_some(conn) || (conn->out.length == 0 && conn->closes_when_sent)) {
		conn_close(conn);
	} else if (conn->out.length == 0) {
		event_del(conn->writable);
		if (conn->call && conn->call->caught_up)
			conn->call->caught_up(conn->call);
	}
}
