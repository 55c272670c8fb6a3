/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/history: runs that are done, for longer than memory keeps them, in the SQLite file
 * history.db; and a run as the type Run of io.hookd.status, which is in the file too. A thread
 * writes and reads the file, so that the event loop never waits for SQLite or a disk. Nothing that
 * hooks or request ids depend on is kept here: what cannot be written is counted and left out.
 *
 * May use: daemon/base, daemon/database, daemon/run, proto/base, proto/json; libevent,
 * sqlite.
 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"
#include "daemon/base/config.h"
#include "daemon/history/history_query.h"
#include "daemon/run/run.h"
#include "daemon/run/store.h"

#define HISTORY_FILE "history.db"

struct history;

struct history_options {
	struct event_base *base;
	const struct config *config; /* [History]; read again by history_configure() */
	const char *directory;	     /* where the configuration names none; NULL: no history then */
	struct store *store;
};

enum history_state {
	HISTORY_OFF,	 /* by the configuration */
	HISTORY_OPENING, /* or waits for its turn */
	HISTORY_READY,
	HISTORY_FAILING, /* cannot be opened or written now: it is tried again every 5 s */
	HISTORY_STATE_COUNT,
};
extern const char *const history_state_names[HISTORY_STATE_COUNT];

struct history_view {
	enum history_state state;
	char path[PATH_MAX + sizeof("/" HISTORY_FILE)]; /* "": none */
	char error[256];				/* of FAILING */
	uint64_t runs, bytes;				/* in the file; its length */
};

/*
 * Starts the thread, which opens the file, and adds those runs of the store that are done and not
 * in it. -ENOMEM, -EAGAIN: there can be no thread.
 */
int history_new(const struct history_options *options, struct history **ret_history) must_check;
/*
 * Writes what is still to be written, and ends the thread. Blocks for that, for 10 s at most. Ends
 * queries without calling done(). NULL is fine.
 */
struct history *history_free(struct history *history);
/* The configuration has changed. NULL is fine. */
void history_configure(struct history *history);

/* The run is done: it is written with others, within a second. Does not block. NULL is fine. */
void history_add(struct history *history, struct run *run);

/* Adds those runs of the store that are done and not in the file. NULL is fine. */
void history_add_stored(struct history *history);

/* How many runs could not be written, and will not be. NULL is fine. */
uint64_t history_dropped(struct history *history);
/* NULL is fine: OFF. */
void history_view(struct history *history, struct history_view *ret_view);
/* Whether there are runs that can be asked for: READY or OPENING. NULL is fine. */
bool history_can_answer(struct history *history);

/*
 * Asks for runs. The answer covers all that was passed to history_add() before and that could be
 * written. On success the history owns the query, and calls done() from the event loop, never from
 * within; then it frees it. -EBUSY: too many are waiting; -ENODATA: there is no history.
 */
int history_ask(struct history *history, struct history_query *query) must_check;
/* done() will not be called. The history frees the query. */
void history_cancel(struct history_query *query);
