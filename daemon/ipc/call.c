/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of Run or Wait that is not answered yet: connects a connection and a run, and writes
 * events and the result. After call_new() it is driven by callbacks of the run (notify) and of the
 * connection (gone, caught_up). A client that reads too slowly:
 *
 *	reading --conn_is_behind()--> waited for --PATIENCE_S--> given up
 *	   ^                              |  everything was sent    |
 *	    \_____________________________|_________________________/
 */
#include "daemon/ipc/call.h"

#include <assert.h>

#include "daemon/ipc/events.h"

/* How long a hook's output is not read while its client is behind. */
#define PATIENCE_S 5

struct call {
	struct conn_call of_conn;
	struct run_waiter of_run;
	struct events of_events; /* the connection and the run, and what was told */
	struct run *run;
	struct event *patience; /* pending while the client is waited for; NULL at first */
	bool streams;
	bool cancels;
	bool is_given_up; /* the client is not waited for, until it has caught up */
};

static void call_free(struct call *call)
{
	run_remove_waiter(call->run, &call->of_run);
	if (call->patience)
		event_free(call->patience);
	free(call);
}

/* ---- a client that is behind ---- */

static void on_patience_ended(evutil_socket_t fd, short what, void *userdata)
{
	struct call *call = userdata;

	(void)fd, (void)what;
	call->is_given_up = true;
	run_set_behind(call->run, &call->of_run, false);
}

/*
 * While the client is behind, the output of its hook is not read, so that nothing is lost. A client
 * that does not read at all would block the hook: after PATIENCE_S the output is read again, and
 * the connection is closed if too much data waits for it.
 */
static void wait_for_client(struct call *call)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	if (call->is_given_up || call->of_run.is_behind)
		return;
	if (!call->patience)
		call->patience =
		    event_new(call->of_events.conn->hookd->base, -1, 0, on_patience_ended, call);
	if (call->patience && event_add(call->patience, &patience) == 0)
		run_set_behind(call->run, &call->of_run, true);
}

static void on_caught_up(struct conn_call *of_conn)
{
	struct call *call = container_of(of_conn, struct call, of_conn);

	if (call->patience)
		event_del(call->patience);
	call->is_given_up = false;
	run_set_behind(call->run, &call->of_run, false);
}

/* ---- events ---- */

/* May be the end of the call. */
static void flush(struct call *call)
{
	struct conn *conn = call->of_events.conn;

	conn_flush(conn);
	if (conn_is_behind(conn))
		wait_for_client(call);
}

static void write_result(struct conn *conn, const struct run *run)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);

	hp_json_key(&writer, "result");
	hp_run_result_write(&writer, &run->result);
	hp_reply_end(&writer);
}

/* Call after the last reply was written. Frees the call. */
static void end(struct call *call)
{
	struct conn *conn = call->of_events.conn;

	call_free(call);
	conn_end_call(conn);
}

static void send_result(struct call *call)
{
	write_result(call->of_events.conn, call->run);
	end(call);
}

static void send_busy(struct call *call, const char *reason)
{
	struct conn *conn = call->of_events.conn;
	struct hp_err err;

	(void)hp_err_busy(&err, "%s", reason ? reason : "out of memory");
	conn_reply_err(conn, &err, NULL);
	end(call);
}

static void on_run_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct call *call = container_of(waiter, struct call, of_run);

	assert(call->of_events.conn->call == &call->of_conn);
	if (event->type == RUN_EVENT_DONE)
		send_result(call);
	else if (event->type == RUN_EVENT_TURNED_AWAY)
		send_busy(call, event->reason);
	else if (call->streams && events_write(&call->of_events, event))
		flush(call);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	struct call *call = container_of(of_conn, struct call, of_conn);
	struct run *run = call->run;
	bool cancels = call->cancels;

	call_free(call);
	/* Not if other calls wait for the same run. */
	if (cancels && !run_is_awaited(run))
		run_cancel(run);
}

/* A client that attaches late is told of what has happened, too. */
static void begin_stream(struct call *call)
{
	struct conn *conn = call->of_events.conn;

	events_write_past(&call->of_events);
	flush(call);
	if (conn->call == &call->of_conn)
		run_listen(call->run);
}

static void answer_at_once(struct conn *conn, struct run *run, bool streams)
{
	struct events events = {.conn = conn, .run = run};

	if (streams)
		events_write_past(&events);
	write_result(conn, run);
}

int call_new(struct exchange *exchange, struct run *run, bool streams, bool cancels,
	     struct hp_err *err)
{
	struct call *call;

	if (run->state == RUN_DONE) {
		answer_at_once(exchange->conn, run, streams);
		return 0;
	}
	call = calloc(1, sizeof(*call));
	if (!call)
		return hp_err_no_memory(err);
	*call = (struct call){
	    .of_conn.gone = on_conn_gone,
	    .of_conn.caught_up = on_caught_up,
	    .of_run.notify = on_run_event,
	    .of_run.wants_output = streams,
	    .of_events = {.conn = exchange->conn, .run = run},
	    .run = run,
	    .streams = streams,
	    .cancels = cancels,
	};
	conn_begin_call(exchange->conn, &call->of_conn);
	run_add_waiter(run, &call->of_run);
	if (cancels && conn_close_if_gone(exchange->conn))
		return 0;
	if (call->streams)
		begin_stream(call);
	return 0;
}
