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

/* How long a hook's output is not read while its client is behind. */
#define PATIENCE_S 5

struct call {
	struct conn_call of_conn;
	struct run_waiter of_run;
	struct conn *conn;
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
		call->patience = event_new(call->conn->hookd->base, -1, 0, on_patience_ended, call);
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

static struct hp_json_writer begin_event(struct call *call, const char *event)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(call->conn), NULL, true);

	hp_json_key(&writer, "event");
	hp_json_put_string(&writer, event);
	hp_json_key(&writer, "run");
	hp_json_put_string(&writer, call->run->id);
	return writer;
}

static void put_index(struct hp_json_writer *writer, size_t index)
{
	hp_json_key(writer, "index");
	hp_json_put_uint(writer, index);
}

static void put_output(struct hp_json_writer *writer, const struct run_event *event)
{
	hp_json_key(writer, "stream");
	hp_json_put_string(writer, event->stream == 1 ? "stdout" : "stderr");
	if (hp_json_is_text(event->bytes, event->length)) {
		hp_json_key(writer, "data");
		hp_json_put_bytes(writer, event->bytes, event->length);
	} else {
		hp_json_key(writer, "dataBase64");
		hp_json_put_base64(writer, event->bytes, event->length);
	}
}

static void send_event(struct call *call, const struct run_event *event)
{
	static const char *const names[] = {
	    [RUN_EVENT_STARTED] = "started",
	    [RUN_EVENT_OUTPUT] = "output",
	    [RUN_EVENT_FINISHED] = "finished",
	};
	struct hp_json_writer writer = begin_event(call, names[event->type]);
	struct conn *conn = call->conn;

	put_index(&writer, event->index);
	if (event->type == RUN_EVENT_OUTPUT)
		put_output(&writer, event);
	if (event->type == RUN_EVENT_FINISHED) {
		hp_json_key(&writer, "hook");
		hp_hook_result_write(&writer, event->hook);
	}
	hp_reply_end(&writer);
	conn_flush(conn); /* may have been the end of the call */
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
	struct conn *conn = call->conn;

	call_free(call);
	conn_end_call(conn);
}

static void send_result(struct call *call)
{
	write_result(call->conn, call->run);
	end(call);
}

static void send_busy(struct call *call, const char *reason)
{
	struct conn *conn = call->conn;
	struct hp_err err;

	(void)hp_err_busy(&err, "%s", reason ? reason : "out of memory");
	hp_reply_err(conn_reply(conn), &err, NULL);
	end(call);
}

static void on_run_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct call *call = container_of(waiter, struct call, of_run);

	assert(call->conn->call == &call->of_conn);
	if (event->type == RUN_EVENT_DONE)
		send_result(call);
	else if (event->type == RUN_EVENT_TURNED_AWAY)
		send_busy(call, event->reason);
	else if (call->streams)
		send_event(call, event);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	struct call *call = container_of(of_conn, struct call, of_conn);
	struct run *run = call->run;
	bool cancels = call->cancels;

	call_free(call);
	/* Not if other calls wait for the same run. */
	if (cancels && TAILQ_EMPTY(&run->waiters))
		run_cancel(run);
}

int call_new(struct exchange *exchange, struct run *run, bool streams, bool cancels,
	     struct hp_err *err)
{
	struct call *call;

	if (run->state == RUN_DONE) {
		write_result(exchange->conn, run);
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
	    .conn = exchange->conn,
	    .run = run,
	    .streams = streams,
	    .cancels = cancels,
	};
	conn_begin_call(exchange->conn, &call->of_conn);
	run_add_waiter(run, &call->of_run);
	if (cancels && conn_close_if_gone(exchange->conn))
		return 0;
	if (call->streams) {
		struct hp_json_writer writer = begin_event(call, "accepted");

		hp_reply_end(&writer);
		conn_flush(exchange->conn);
	}
	return 0;
}
