/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/history/history_query.h"
#include "daemon/ipc/conn.h"
#include "daemon/ipc/events.h"
#include "daemon/status/query.h"

/* Shared by the files watch*.c. */

/* A run whose output is sent. */
struct watched_run {
	struct run_waiter waiter;
	struct watch *watch;
	struct run *run;
	struct output_position position;
	TAILQ_ENTRY(watched_run) link;
};

struct watch {
	struct conn_call of_conn;
	struct conn *conn;
	struct event *timer; /* at query.until_us; ends the call from the event loop */
	struct query query;  /* of runs: without since_us and failed, which are about events */
	int64_t since_us;
	bool only_failed;
	enum { WATCH_PAST, WATCH_TELLING, WATCH_LIVE, WATCH_OVER } state;
	struct history_query *asked; /* PAST; NULL: it is asked when the client has caught up */
	struct history_place past;   /* the last run of the history that was told */
	struct history_place told;   /* TELLING: the last stored run that was told */
	uint64_t dropped;	     /* events since the client was behind */
	TAILQ_HEAD(, watched_run) runs;
	TAILQ_ENTRY(watch) link; /* hookd::watches */
};

/*
 * In watch_write.c: each writes a reply to the connection's buffer. Neither the room there nor
 * watch->dropped is looked at.
 */
void watch_write_submitted(struct watch *watch, struct run *run);
void watch_write_started(struct watch *watch, struct run *run, const struct hp_hook_result *hook);
void watch_write_output(struct watch *watch, struct run *run, size_t index,
			const struct hook_output *output);
void watch_write_finished(struct watch *watch, struct run *run, int64_t time_us,
			  const struct hp_hook_result *hook);
void watch_write_done(struct watch *watch, struct run *run, bool continues);
/* The last reply of a call with "untilUSec". */
void watch_write_end(struct watch *watch);
/* Those parts of what is kept that the client has not got. */
void watch_write_kept(struct watch *watch, struct run *run, struct output_position *position,
		      const struct hp_hook_result *hook);
/* How many events were; then none are. */
void watch_write_dropped(struct watch *watch);
/* When the run has ended; the present. CLOCK_REALTIME. */
int64_t watch_end_us(const struct run *run);
int64_t watch_now_us(void);
