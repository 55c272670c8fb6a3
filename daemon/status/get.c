/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.status.Get. Owns the calls that wait for the output of a running hook, which
 * is in hookd-runner, and those that wait for the history, if the run is not in memory:
 *
 *	inquiry: ASKED --both streams are there, the run has ended, ANSWER_WITHIN_MS--> answered
 *	lookup: ASKED --the history has answered--> answered
 */
#include <string.h>

#include "daemon/history/history.h"
#include "daemon/history/run_json.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/status/query.h"

/* A runner that is stopped, or whose connection is lost, sends nothing. */
#define ANSWER_WITHIN_MS 500

struct inquiry {
	struct conn_call of_conn;
	struct run_waiter of_run;
	struct conn *conn;
	struct run *run;
	struct event *patience;
	struct hp_output output[2]; /* what has come of the kept output */
	bool is_whole[2];
};

/* ---- the reply ---- */

static void write_progress(struct hp_json_writer *writer, const struct run *run,
			   const struct hp_output output[2])
{
	hp_json_key(writer, "progress");
	hp_json_begin(writer, '{');
	hp_json_key(writer, "hooks");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < run->result.hook_count; i++)
		if (run->result.hooks[i].outcome != HP_HOOK_SKIPPED)
			hp_hook_result_write(writer, &run->result.hooks[i]);
	if (run_hook_is_running(run)) {
		struct hp_hook_result hook = run->result.hooks[run->current];

		hook.pid = run_pid(run);
		hook.duration_us = clock_ns(CLOCK_REALTIME) / 1000 - hook.started_us;
		memcpy(hook.output, output, sizeof(hook.output));
		hp_running_hook_write(writer, &hook);
	}
	hp_json_end(writer, ']');
	hp_json_end(writer, '}');
}

/* `output`: that of the running hook. */
static void write_reply(struct conn *conn, struct run *run, const struct hp_output output[2])
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);

	hp_json_key(&writer, "run");
	run_json_write(&writer, run);
	if (run->state == RUN_DONE) {
		hp_json_key(&writer, "result");
		hp_run_result_write(&writer, &run->result);
	} else {
		write_progress(&writer, run, output);
	}
	if (run->request.text) {
		hp_json_key(&writer, "request");
		hp_json_put_raw(&writer, run->request.text, run->request.text_length);
	}
	hp_reply_end(&writer);
}

/* ---- the output of a running hook ---- */

static void drop_output(struct inquiry *inquiry)
{
	for (int i = 0; i < 2; i++) {
		free(inquiry->output[i].bytes);
		inquiry->output[i] = (struct hp_output){0};
		inquiry->is_whole[i] = false;
	}
}

static void inquiry_free(struct inquiry *inquiry)
{
	run_remove_waiter(inquiry->run, &inquiry->of_run);
	event_free(inquiry->patience);
	drop_output(inquiry);
	free(inquiry);
}

static void answer(struct inquiry *inquiry)
{
	struct conn *conn = inquiry->conn;
	struct hp_err err = {.code = HP_ERR_STATUS_NO_SUCH_RUN};

	if (inquiry->run->is_turned_away) {
		memcpy(err.path, inquiry->run->id, sizeof(inquiry->run->id));
		conn_reply_err(conn, &err, NULL);
	} else {
		write_reply(conn, inquiry->run, inquiry->output);
	}
	inquiry_free(inquiry);
	conn_end_call(conn);
}

static void on_patience_ended(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	answer(userdata);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	inquiry_free(container_of(of_conn, struct inquiry, of_conn));
}

/*
 * Other calls may have asked for the kept output before, so its parts may come more than once, and
 * the first ones may have come before this call. Those are skipped until the first byte comes.
 */
static void take_part(struct inquiry *inquiry, const struct hook_output *part)
{
	struct hp_output *output = &inquiry->output[part->stream - 1];
	uint64_t end = part->offset + part->length;
	size_t new = end > output->total ? (size_t)(end - output->total) : 0;
	char *grown;

	if (part->offset > 0 && output->length == 0)
		return;
	if (part->length == 0)
		inquiry->is_whole[part->stream - 1] = true;
	if (part->offset > output->total) /* what is between was not kept */
		new = part->length;
	grown = new > 0 ? realloc(output->bytes, output->length + new) : NULL;
	if (grown) {
		memcpy(grown + output->length, part->bytes + part->length - new, new);
		output->bytes = grown;
		output->length += new;
	}
	if (end > output->total)
		output->total = end;
}

static void on_run_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct inquiry *inquiry = container_of(waiter, struct inquiry, of_run);

	if (event->type == RUN_EVENT_OUTPUT && event->output->is_kept)
		take_part(inquiry, event->output);
	else if (event->type == RUN_EVENT_FINISHED)
		drop_output(inquiry); /* the answer is about the next hook */
	if (event->type == RUN_EVENT_DONE || event->type == RUN_EVENT_TURNED_AWAY)
		answer(inquiry);
	else if (inquiry->is_whole[0] && inquiry->is_whole[1])
		event_active(inquiry->patience, 0, 0); /* not while others are told, too */
}

static int begin_inquiry(struct exchange *exchange, struct run *run, struct hp_err *err)
{
	const struct timeval patience = {.tv_usec = ANSWER_WITHIN_MS * 1000};
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));

	if (!inquiry)
		return hp_err_no_memory(err);
	*inquiry = (struct inquiry){
	    .of_conn.gone = on_conn_gone,
	    .of_run = {.notify = on_run_event, .wants_output = true, .is_spectator = true},
	    .conn = exchange->conn,
	    .run = run,
	    .patience = event_new(exchange->hookd->base, -1, 0, on_patience_ended, inquiry),
	};
	if (!inquiry->patience || event_add(inquiry->patience, &patience) < 0) {
		if (inquiry->patience)
			event_free(inquiry->patience);
		free(inquiry);
		return hp_err_no_memory(err);
	}
	conn_begin_call(exchange->conn, &inquiry->of_conn);
	run_add_waiter(run, &inquiry->of_run);
	run_recall(run);
	return 0;
}

/* ---- a run of the history ---- */

struct lookup {
	struct conn_call of_conn;
	struct conn *conn;
	struct history_query *asked;
};

static void on_looking_gone(struct conn_call *of_conn)
{
	struct lookup *lookup = container_of(of_conn, struct lookup, of_conn);

	history_cancel(lookup->asked);
	free(lookup);
}

static void add_text(struct hp_json_writer *writer, const char *key,
		     const struct history_query *answer, size_t offset, size_t length)
{
	if (length == 0)
		return;
	hp_json_key(writer, key);
	hp_json_put_raw(writer, answer->texts.data + offset, length);
}

static void write_found(struct conn *conn, const struct history_query *answer)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);
	const struct history_found *found = &answer->found[0];

	add_text(&writer, "run", answer, found->run, found->run_length);
	add_text(&writer, "result", answer, found->result, found->result_length);
	add_text(&writer, "request", answer, found->request, found->request_length);
	hp_reply_end(&writer);
}

static void on_found(struct history_query *answer)
{
	struct lookup *lookup = answer->userdata;
	struct conn *conn = lookup->conn;
	struct hp_err err = {0};
	int r = query_check_answer(answer, &err);

	free(lookup);
	if (r == 0 && answer->found_count == 0)
		r = err_no_such_run(&err, HP_ERR_STATUS_NO_SUCH_RUN, answer->filter.run);
	if (r < 0)
		conn_reply_err(conn, &err, NULL);
	else
		write_found(conn, answer);
	conn_end_call(conn);
}

static int look_up(struct exchange *exchange, const char *id, struct hp_err *err)
{
	struct history_query *query = history_query_new(HISTORY_LIST);
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	struct history_filter filter = HISTORY_FILTER_ALL;
	int r = query && lookup ? 0 : -ENOMEM;

	filter.run = id;
	filter.uid = query_uid(&exchange->conn->peer);
	if (r == 0)
		r = history_query_filter(query, &filter);
	if (r == 0) {
		query->wants_details = true;
		query->done = on_found;
		query->userdata = lookup;
		r = history_ask(exchange->hookd->history, query);
	}
	if (r < 0) {
		history_query_free(query);
		free(lookup);
		return r == -ENODATA ? -ENOENT : query_asking_failed(r, err);
	}
	*lookup = (struct lookup){
	    .of_conn.gone = on_looking_gone, .conn = exchange->conn, .asked = query};
	conn_begin_call(exchange->conn, &lookup->of_conn);
	return 0;
}

int handle_get(struct exchange *exchange, struct hp_err *err)
{
	static const struct hp_output none[2];
	struct run *run = find_run_parameter(exchange, err);
	char id[HP_ERR_PATH_SIZE];

	if (!run && (err->code != HP_ERR_STATUS_NO_SUCH_RUN || exchange->call.oneway))
		return -ENOENT;
	if (!run) {
		memcpy(id, err->path, sizeof(id));
		return look_up(exchange, id, err);
	}
	if (run_has_list(run) && !exchange->call.oneway)
		return begin_inquiry(exchange, run, err);
	write_reply(exchange->conn, run, none);
	return 0;
}
