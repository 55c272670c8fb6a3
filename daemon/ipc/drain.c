/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.control.Drain. Owns the calls with "more", in hookd::drain_calls:
 *
 *	WAITING --no run is left--> answered, freed
 *	WAITING --the client has gone--> freed
 *
 * Only the last reply says that hookd has drained: a connection that ends before it belongs to a
 * hookd that has ended with runs left.
 */
#include "daemon/ipc/drain.h"

#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"

#define TELL_EVERY_S 1

struct drain_call {
	struct conn_call of_conn;
	struct conn *conn;
	struct event *timer; /* tells how many runs are left, when that has changed */
	size_t told;
	TAILQ_ENTRY(drain_call) link; /* hookd::drain_calls */
};

static size_t count_left(const struct hookd *hookd)
{
	return sched_running(hookd->sched) + sched_queued(hookd->sched);
}

static void write_left(struct conn *conn, size_t left, bool continues)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, continues);

	hp_json_add_int(&writer, "running", (int64_t)left);
	hp_reply_end(&writer);
}

static void drain_call_free(struct drain_call *call)
{
	TAILQ_REMOVE(&call->conn->hookd->drain_calls, call, link);
	event_free(call->timer);
	free(call);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	drain_call_free(container_of(of_conn, struct drain_call, of_conn));
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct drain_call *call = userdata;
	size_t left = count_left(call->conn->hookd);

	(void)fd, (void)what;
	if (left == 0 || left == call->told || conn_is_behind(call->conn))
		return;
	call->told = left;
	write_left(call->conn, left, true);
	conn_flush(call->conn);
}

static int begin_waiting(struct hookd *hookd, struct conn *conn, struct hp_err *err)
{
	struct drain_call *call = calloc(1, sizeof(*call));

	if (!call)
		return hp_err_no_memory(err);
	call->of_conn.gone = on_conn_gone;
	call->conn = conn;
	call->told = count_left(hookd);
	call->timer = event_new(hookd->base, -1, EV_PERSIST, on_timer, call);
	if (!call->timer || event_add(call->timer, &(struct timeval){.tv_sec = TELL_EVERY_S}) < 0) {
		if (call->timer)
			event_free(call->timer);
		free(call);
		return hp_err_no_memory(err);
	}
	TAILQ_INSERT_TAIL(&hookd->drain_calls, call, link);
	write_left(conn, call->told, true);
	conn_begin_call(conn, &call->of_conn);
	return 0;
}

/* The reply is sent first: an idle daemon exits as soon as it drains. */
int handle_drain(struct exchange *exchange, struct hp_err *err)
{
	struct hookd *hookd = exchange->hookd;
	struct conn *conn = exchange->conn;
	int r = expect_no_parameters(exchange, err);

	if (r == 0 && exchange->call.more && count_left(hookd) > 0)
		r = begin_waiting(hookd, conn, err);
	else if (r == 0)
		write_left(conn, count_left(hookd), false);
	if (r < 0)
		return r;
	log_notice("uid %u requested to drain", conn->peer.uid);
	conn_flush(conn);
	hookd->drain(hookd);
	return 0;
}

void drain_end_calls(struct hookd *hookd)
{
	while (!TAILQ_EMPTY(&hookd->drain_calls)) {
		struct drain_call *call = TAILQ_FIRST(&hookd->drain_calls);
		struct conn *conn = call->conn;

		write_left(conn, 0, false);
		drain_call_free(call);
		conn_end_call(conn);
	}
}
