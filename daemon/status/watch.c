/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.status.Watch. Owns the calls that watch, in hookd::watches:
 *
 *	PAST --the history has no more--> TELLING
 *	TELLING --all stored runs were told--> LIVE
 *	each --the run that is watched is done--> OVER
 *	LIVE --"untilUSec" is over--> OVER
 *	each --the client has gone--> freed
 *	OVER --on_timer()--> freed
 *
 * With "sinceUSec" the events of runs that are in the history only are told first, then those of
 * the stored runs, in both cases one run after the other in the order of their submission. Of a run
 * that was told, later events are sent as they happen; those of one that was not are skipped, since
 * they will be told. So none is missing, and none comes twice. With "untilUSec" in the past the
 * call ends when all of them were told.
 *
 * A client that does not read holds up nobody: beyond BEHIND_BYTES events are dropped and counted,
 * until it has read everything. Then it is told how many were dropped. What is told of stored runs
 * waits for the client instead.
 */
#include "daemon/status/watch.h"

#include "daemon/history/history.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/records/restore.h"
#include "daemon/status/page.h"
#include "daemon/status/query.h"
#include "daemon/status/watch_all.h"

/* Unsent data of one client; one more event may come on top. */
#define BEHIND_BYTES (256u * 1024)
/* Runs that the history is asked for at once. */
#define PAST_RUNS  100
#define PAST_BYTES (1024u * 1024)
/* The clock may be set while a call waits for its end: it is looked at so often. */
#define CLOCK_CHECK_US 10000000

/* ---- life ---- */

static void unwatch_output(struct watched_run *watched)
{
	TAILQ_REMOVE(&watched->watch->runs, watched, link);
	run_remove_waiter(watched->run, &watched->waiter);
	free(watched);
}

static void watch_free(struct watch *watch)
{
	while (!TAILQ_EMPTY(&watch->runs))
		unwatch_output(TAILQ_FIRST(&watch->runs));
	if (watch->asked)
		history_cancel(watch->asked);
	TAILQ_REMOVE(&watch->conn->hookd->watches, watch, link);
	query_free(&watch->query);
	if (watch->timer)
		event_free(watch->timer);
	free(watch);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	watch_free(container_of(of_conn, struct watch, of_conn));
}

/* ---- events ---- */

/* "untilUSec" is over. */
static bool is_late(const struct watch *watch)
{
	return watch->query.until_us >= 0 && watch_now_us() > watch->query.until_us;
}

/* Whether an event may be sent that happens now. If the client is behind it counts as dropped. */
static bool has_room(struct watch *watch)
{
	if (is_late(watch))
		return false;
	if (watch->dropped == 0 && watch->conn->out.length <= BEHIND_BYTES)
		return true;
	watch->dropped++;
	watch->conn->hookd->watch_dropped++;
	return false;
}

/* May close the connection, and free the watch. */
static void send_events(struct watch *watch)
{
	struct conn *conn = watch->conn;

	conn_flush(conn);
	if (conn->state == CONN_CLOSED || conn->out.length > 0 || watch->dropped == 0)
		return;
	watch_write_dropped(watch);
	conn_flush(conn);
}

/* ---- the end ---- */

static bool is_in_time(const struct watch *watch, int64_t time_us)
{
	return time_us >= watch->since_us &&
	       (watch->query.until_us < 0 || time_us <= watch->query.until_us);
}

/* The last reply was written. The call ends later, since the client's next one may start runs. */
static void end(struct watch *watch)
{
	watch->state = WATCH_OVER;
	while (!TAILQ_EMPTY(&watch->runs))
		unwatch_output(TAILQ_FIRST(&watch->runs));
	event_active(watch->timer, 0, 0);
}

/* All that is known was told: ends, or comes back at "untilUSec". May close the connection. */
static void end_in_time(struct watch *watch)
{
	int64_t left_us = watch->query.until_us - watch_now_us() + 1;

	if (watch->state != WATCH_LIVE || watch->query.until_us < 0)
		return;
	if (left_us <= 0) {
		watch_write_dropped(watch);
		watch_write_end(watch);
		end(watch);
		return;
	}
	if (left_us > CLOCK_CHECK_US)
		left_us = CLOCK_CHECK_US;
	if (event_add(watch->timer, &(struct timeval){left_us / 1000000, left_us % 1000000}) < 0)
		conn_violation(watch->conn, "out of memory for a reply");
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;
	struct conn *conn = watch->conn;

	(void)fd, (void)what;
	if (watch->state != WATCH_OVER) {
		end_in_time(watch);
		return;
	}
	watch_free(watch);
	conn_end_call(conn);
}

/* The run that is watched is done, so nothing else can happen. */
static void finish(struct watch *watch, struct run *run)
{
	watch_write_dropped(watch);
	if (watch->query.until_us < 0 || watch_end_us(run) <= watch->query.until_us)
		watch_write_done(watch, run, false);
	else
		watch_write_end(watch);
	end(watch);
}

/* ---- output ---- */

static void on_output(struct run_waiter *waiter, const struct run_event *event)
{
	struct watched_run *watched = container_of(waiter, struct watched_run, waiter);
	struct watch *watch = watched->watch;
	struct hook_output rest;

	if (event->type != RUN_EVENT_OUTPUT ||
	    !output_position_take(&watched->position, event->index, event->output, &rest) ||
	    !has_room(watch))
		return;
	watch_write_output(watch, watched->run, event->index, &rest);
	send_events(watch);
}

static struct watched_run *find_watched(struct watch *watch, const struct run *run)
{
	struct watched_run *watched;

	TAILQ_FOREACH (watched, &watch->runs, link)
		if (watched->run == run)
			return watched;
	return NULL;
}

/* May close the connection, and free the watch. */
static void watch_output(struct watch *watch, struct run *run)
{
	struct watched_run *watched;

	if (!watch->query.output || run->state == RUN_DONE || is_late(watch))
		return;
	watched = calloc(1, sizeof(*watched));
	if (!watched) {
		conn_violation(watch->conn, "out of memory for a reply");
		return;
	}
	*watched = (struct watched_run){
	    .waiter = {.notify = on_output, .wants_output = true, .is_spectator = true},
	    .watch = watch,
	    .run = run,
	};
	TAILQ_INSERT_TAIL(&watch->runs, watched, link);
	run_add_waiter(run, &watched->waiter);
	run_listen(run);
}

/* ---- what happens ---- */

static void on_hook_finished(struct watch *watch, struct run *run,
			     const struct hp_hook_result *hook)
{
	struct watched_run *watched = find_watched(watch, run);
	int64_t time_us = hook->started_us ? hook->started_us + hook->duration_us : watch_now_us();

	if (watched && has_room(watch))
		watch_write_kept(watch, run, &watched->position, hook);
	if ((!watch->only_failed || !hook->success) && has_room(watch))
		watch_write_finished(watch, run, time_us, hook);
}

static void on_run_ended(struct watch *watch, struct run *run)
{
	struct watched_run *watched = find_watched(watch, run);

	if (watched)
		unwatch_output(watched);
	if (watch->query.run)
		finish(watch, run);
	else if ((!watch->only_failed || query_is_failed(run)) && has_room(watch))
		watch_write_done(watch, run, true);
}

static void on_event(struct watch *watch, struct run *run, const struct run_event *event)
{
	switch (event->type) {
	case RUN_EVENT_SUBMITTED:
		if (!watch->only_failed && has_room(watch))
			watch_write_submitted(watch, run);
		watch_output(watch, run);
		break;
	case RUN_EVENT_STARTED:
		if (!watch->only_failed && has_room(watch))
			watch_write_started(watch, run, event->hook);
		break;
	case RUN_EVENT_FINISHED:
		on_hook_finished(watch, run, event->hook);
		break;
	case RUN_EVENT_OUTPUT:
		break;
	case RUN_EVENT_DONE:
	case RUN_EVENT_TURNED_AWAY:
		on_run_ended(watch, run);
		break;
	}
}

/* It is among the runs that are still to be told as a whole. */
static bool is_told_later(const struct watch *watch, const struct run *run)
{
	struct history_place place = run_place(run);

	return watch->state != WATCH_LIVE && history_place_compare(&place, &watch->told) > 0;
}

void watch_on_run_event(struct run *run, const struct run_event *event, void *userdata)
{
	struct hookd *hookd = userdata;
	struct watch *watch = TAILQ_FIRST(&hookd->watches), *next;

	for (; watch; watch = next) {
		struct conn *conn = watch->conn;

		next = TAILQ_NEXT(watch, link);
		if (watch->state == WATCH_OVER || is_told_later(watch, run) ||
		    !query_matches(&watch->query, &conn->peer, run))
			continue;
		on_event(watch, run, event);
		if (conn->state != CONN_CLOSED)
			send_events(watch);
	}
}

/* ---- stored runs ---- */

static void tell_hook(struct watch *watch, struct run *run, const struct hp_hook_result *hook)
{
	int64_t time_us = hook->started_us + hook->duration_us;
	struct output_position position = {.index = hook->index};

	if (hook->outcome == HP_HOOK_SKIPPED && hook->started_us == 0)
		return;
	if (hook->started_us > 0 && is_in_time(watch, hook->started_us) && !watch->only_failed)
		watch_write_started(watch, run, hook);
	/* It runs; or it was cancelled before its start, which is no event. */
	if (hook->outcome == HP_HOOK_SKIPPED ||
	    (hook->outcome == HP_HOOK_CANCELLED && hook->started_us == 0))
		return;
	if (hook->started_us == 0)
		time_us = run->submitted_us + run_queued_us(run);
	if (!is_in_time(watch, time_us))
		return;
	if (watch->query.output)
		watch_write_kept(watch, run, &position, hook);
	if (!watch->only_failed || !hook->success)
		watch_write_finished(watch, run, time_us, hook);
}

/* All that has happened to a run since then. May close the connection. */
static void tell_run(struct watch *watch, struct run *run)
{
	if (is_in_time(watch, run->submitted_us) && !watch->only_failed)
		watch_write_submitted(watch, run);
	for (size_t i = 0; i < run->result.hook_count; i++)
		tell_hook(watch, run, &run->result.hooks[i]);
	if (run->state == RUN_DONE && watch->query.run)
		finish(watch, run);
	else if (run->state != RUN_DONE)
		watch_output(watch, run);
	else if (is_in_time(watch, watch_end_us(run)) &&
		 (!watch->only_failed || query_is_failed(run)))
		watch_write_done(watch, run, true);
}

/* The oldest run that was not told yet. */
static struct run *next_stored(const struct watch *watch)
{
	struct run *run = store_newest(watch->conn->hookd->store), *next = NULL;

	for (; run && is_told_later(watch, run); run = store_older(run))
		next = run;
	return next;
}

/* Until the client is behind: on_caught_up() continues. May close the connection. */
static void tell_stored(struct watch *watch)
{
	struct conn *conn = watch->conn;
	struct run *run = watch->state == WATCH_TELLING ? next_stored(watch) : NULL;

	if (watch->state != WATCH_TELLING)
		return;

	for (; run; run = store_newer(run)) {
		watch->told = run_place(run);
		if (query_matches(&watch->query, &conn->peer, run))
			tell_run(watch, run);
		if (conn->out.length > BEHIND_BYTES)
			conn_flush(conn);
		if (conn->state == CONN_CLOSED || watch->state == WATCH_OVER ||
		    conn->out.length > BEHIND_BYTES)
			return;
	}
	watch->state = WATCH_LIVE;
	end_in_time(watch);
}

/* ---- runs of the history ---- */

static void ask_for_past(struct watch *watch);

static void begin_telling(struct watch *watch)
{
	watch->state = WATCH_TELLING;
	tell_stored(watch);
}

/* One that is stored is told with those. -ENOMEM. */
static int tell_past_run(struct watch *watch, const struct history_query *answer,
			 const struct history_found *found, struct hp_json *json)
{
	struct hookd *hookd = watch->conn->hookd;
	const char *texts = answer->texts.data;
	struct recorded_run recorded = {
	    .id = found->place.id,
	    .uid = (uid_t)found->uid,
	    .stage = (enum hp_stage)found->stage,
	    .submitted_us = found->place.submitted_us,
	    .request = found->request_length > 0 ? texts + found->request : NULL,
	    .request_length = found->request_length,
	    .result = texts + found->result,
	    .result_length = found->result_length,
	};
	struct run *run;
	int r;

	if (store_find(hookd->store, found->place.id))
		return 0;
	r = restore_run(&recorded, &hookd->runs, json, &run);
	if (r < 0)
		return r;
	if (watch->since_us < 0)
		finish(watch, run);
	else
		tell_run(watch, run);
	run_free(run);
	return 0;
}

/* False: the client is behind, or has gone. */
static bool tell_past(struct watch *watch, const struct history_query *answer)
{
	struct conn *conn = watch->conn;
	struct hp_json json = {0};
	size_t i = 0;

	for (; i < answer->found_count && conn->state != CONN_CLOSED; i++) {
		if (conn->out.length > BEHIND_BYTES)
			conn_flush(conn);
		if (conn->state == CONN_CLOSED || conn->out.length > BEHIND_BYTES)
			break;
		if (tell_past_run(watch, answer, &answer->found[i], &json) < 0) {
			conn_violation(conn, "out of memory for a reply");
			break;
		}
		watch->past = answer->found[i].place;
	}
	hp_json_free(&json);
	return i == answer->found_count && conn->state != CONN_CLOSED;
}

static void end_with(struct watch *watch, const struct hp_err *err)
{
	conn_reply_err(watch->conn, err, NULL);
	end(watch);
}

static void on_past(struct history_query *answer)
{
	struct watch *watch = answer->userdata;
	struct conn *conn = watch->conn;
	struct hp_err err = {0};
	int r = query_check_answer(answer, &err);

	watch->asked = NULL;
	if (r == 0 && watch->query.run && answer->found_count == 0)
		r = err_no_such_run(&err, HP_ERR_STATUS_NO_SUCH_RUN, watch->query.run);
	if (r < 0) {
		end_with(watch, &err);
		return;
	}
	if (tell_past(watch, answer) && !watch->query.run) {
		if (answer->has_more)
			ask_for_past(watch);
		else
			begin_telling(watch);
	}
	if (conn->state != CONN_CLOSED)
		conn_flush(conn);
}

/* 0: there is no history. */
static int try_past(struct watch *watch, struct hp_err *err)
{
	struct history_query *query = history_query_new(HISTORY_FORWARD);
	struct history_filter filter = query_history(&watch->query, &watch->conn->peer);
	int r;

	filter.ended_since_us = watch->since_us;
	if (watch->query.run)
		filter.until_us = -1;
	r = query ? history_query_filter(query, &filter) : -ENOMEM;
	if (r == 0) {
		query->from = watch->past;
		query->limit = PAST_RUNS;
		query->bytes_max = PAST_BYTES;
		query->done = on_past;
		query->userdata = watch;
		r = history_ask(watch->conn->hookd->history, query);
	}
	if (r == 0) {
		watch->asked = query;
		return 1;
	}
	history_query_free(query);
	return r == -ENODATA ? 0 : query_asking_failed(watch->conn->hookd->history, r, err);
}

static void ask_for_past(struct watch *watch)
{
	struct hp_err err = {0};
	int r = try_past(watch, &err);

	if (r == 0)
		begin_telling(watch);
	else if (r < 0)
		end_with(watch, &err);
}

static void on_caught_up(struct conn_call *of_conn)
{
	struct watch *watch = container_of(of_conn, struct watch, of_conn);
	struct conn *conn = watch->conn;

	watch_write_dropped(watch);
	if (watch->state == WATCH_PAST && !watch->asked && !watch->query.run)
		ask_for_past(watch);
	else
		tell_stored(watch);
	conn_flush(conn);
}

/* ---- the call ---- */

static int read_query(const struct exchange *exchange, struct watch *watch, struct hp_err *err)
{
	const unsigned int accepted = QUERY(RUN) | QUERY(CONTAINER) | QUERY(STAGE) | QUERY(FAILED) |
				      QUERY(SINCE) | QUERY(UNTIL) | QUERY(OUTPUT);
	int r = query_read(exchange, accepted, &watch->query, err);

	if (r == 0 && watch->query.output && !watch->query.run && !watch->query.container)
		r = hp_err_no_parameter(err, "output");
	watch->since_us = watch->query.since_us;
	watch->only_failed = watch->query.failed;
	watch->state = watch->since_us < 0 ? WATCH_LIVE : WATCH_PAST;
	watch->query.since_us = -1;
	watch->query.failed = false;
	return r;
}

static int watch_new(const struct exchange *exchange, struct watch **ret_watch, struct hp_err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return hp_err_no_memory(err);
	watch->of_conn = (struct conn_call){.gone = on_conn_gone, .caught_up = on_caught_up};
	watch->conn = exchange->conn;
	TAILQ_INIT(&watch->runs);
	TAILQ_INSERT_TAIL(&exchange->hookd->watches, watch, link);
	r = read_query(exchange, watch, err);
	watch->timer = evtimer_new(exchange->hookd->base, on_timer, watch);
	if (r == 0 && !watch->timer)
		r = hp_err_no_memory(err);
	if (r < 0)
		watch_free(watch);
	else
		*ret_watch = watch;
	return r;
}

/* What is running is watched from now on. May close the connection, and free the watch. */
static void watch_running(struct watch *watch)
{
	struct conn *conn = watch->conn;
	struct run *run = store_newest(conn->hookd->store);

	for (; run && conn->state != CONN_CLOSED; run = store_older(run))
		if (query_matches(&watch->query, &conn->peer, run))
			watch_output(watch, run);
}

/* Without "run", or with one that is not in memory, the history is asked first. */
static int begin_watch(struct exchange *exchange, struct watch *watch, struct hp_err *err)
{
	struct run *run = NULL;
	int r = 0;

	if (watch->query.run)
		run = find_visible_run(exchange, watch->query.run, err);
	if (run && watch->state == WATCH_PAST)
		watch->state = WATCH_TELLING;
	if ((watch->query.run && !run) || watch->state == WATCH_PAST) {
		r = try_past(watch, err);
		if (r < 0 || (r == 0 && watch->query.run))
			return r < 0 ? r : -ENOENT;
		watch->state = r == 1 ? WATCH_PAST : WATCH_TELLING;
	}
	conn_begin_call(exchange->conn, &watch->of_conn);
	if (watch->state == WATCH_TELLING)
		tell_stored(watch);
	else if (run && run->state == RUN_DONE)
		finish(watch, run);
	else if (watch->state == WATCH_LIVE)
		watch_running(watch);
	if (exchange->conn->state != CONN_CLOSED)
		end_in_time(watch);
	return 0;
}

int handle_watch(struct exchange *exchange, struct hp_err *err)
{
	struct watch *watch;
	int r;

	if (!exchange->call.more) {
		err->code = HP_ERR_EXPECTED_MORE;
		return -EINVAL;
	}
	r = watch_new(exchange, &watch, err);
	if (r < 0)
		return r;
	r = begin_watch(exchange, watch, err);
	if (r < 0)
		watch_free(watch);
	return r;
}
