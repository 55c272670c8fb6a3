/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's side of the history: hands runs and queries to the thread, and takes answers and
 * notices from it. Owns `struct history`; what both sides use is under its mutex, which neither
 * holds while it does anything else.
 *
 *	query: pending --answered by the thread, or 10 s--> done() called --.
 *	       pending --history_cancel()--> cancelled --------------------+--> freed
 *
 * A query is freed when the thread has it no more.
 *
 * When the file was opened the thread is asked which runs of the store it does not have: those
 * of an earlier hookd that was killed before it could write them, those that were lost with it,
 * and those that were in a file that was removed or set aside.
 */
#include "daemon/history/history.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/history/history_all.h"

#define QUERIES_MAX	64
#define ANSWER_WITHIN_S 10
#define END_WITHIN_S	10
#define BACKLOG_AT_ONCE 64

const char *const history_state_names[HISTORY_STATE_COUNT] = {
    [HISTORY_OFF] = "off",
    [HISTORY_OPENING] = "opening",
    [HISTORY_READY] = "ready",
    [HISTORY_FAILING] = "failing",
};

/* ---- runs ---- */

/* Of the caller: whether the thread must be woken for it. */
static bool must_wake(const struct history *history)
{
	return history->is_sleeping || history->row_bytes >= GATHER_FULL_BYTES;
}

void history_add(struct history *history, struct run *run)
{
	struct history_row *row;
	bool is_wanted;

	if (!history)
		return;
	pthread_mutex_lock(&history->mutex);
	is_wanted = history->limits.is_on;
	pthread_mutex_unlock(&history->mutex);
	if (!is_wanted)
		return;
	row = history_row_new(run);
	pthread_mutex_lock(&history->mutex);
	if (!row || history->row_count >= HISTORY_ROWS_MAX ||
	    history->row_bytes >= HISTORY_QUEUED_BYTES_MAX) {
		history->dropped++;
	} else {
		history->row_count++;
		history->row_bytes += row->bytes;
		STAILQ_INSERT_TAIL(&history->rows, row, link);
		row = NULL;
		if (must_wake(history))
			pthread_cond_signal(&history->changed);
		history->is_sleeping = false;
	}
	pthread_mutex_unlock(&history->mutex);
	history_row_free(row);
}

/* ---- queries ---- */

static void end_patience(struct history *history)
{
	if (TAILQ_EMPTY(&history->pending))
		(void)event_del(history->patience);
}

/* The answer was given, or nobody wants it: the query is not pending any more. */
static void leave(struct history *history, struct history_query *query)
{
	TAILQ_REMOVE(&history->pending, query, pending);
	history->pending_count--;
	end_patience(history);
}

static void tell_answer(struct history *history, struct history_query *query)
{
	void (*done)(struct history_query *) = take_ptr(query->done);

	if (!done)
		return;
	leave(history, query);
	done(query);
}

static void on_patience(evutil_socket_t fd, short what, void *userdata)
{
	struct history *history = userdata;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct history_query *query;

	(void)fd, (void)what;
	while ((query = TAILQ_FIRST(&history->pending)) &&
	       now_ns - query->asked_ns > ANSWER_WITHIN_S * NS_PER_S) {
		__atomic_store_n(&query->is_cancelled, true, __ATOMIC_RELAXED);
		/* The thread may be writing to the rest of it. */
		query->is_late = true;
		tell_answer(history, query);
	}
}

/* A file that cannot be written can be read. */
static int can_answer(struct history *history)
{
	int r = 0;

	if (!history)
		return -ENODATA;
	pthread_mutex_lock(&history->mutex);
	if (history->view.state == HISTORY_OFF)
		r = -ENODATA;
	else if (history->view.state == HISTORY_FAILING && !history->is_open)
		r = -EAGAIN;
	pthread_mutex_unlock(&history->mutex);
	return r;
}

int history_ask(struct history *history, struct history_query *query)
{
	int r = can_answer(history);

	assert(query->done);
	if (r < 0)
		return r;
	if (history->pending_count >= QUERIES_MAX)
		return -EBUSY;
	query->history = history;
	query->asked_ns = clock_ns(CLOCK_MONOTONIC);
	if (TAILQ_EMPTY(&history->pending))
		timer_set(history->patience, &(struct timeval){.tv_sec = 1});
	TAILQ_INSERT_TAIL(&history->pending, query, pending);
	history->pending_count++;
	pthread_mutex_lock(&history->mutex);
	STAILQ_INSERT_TAIL(&history->queries, query, link);
	pthread_cond_signal(&history->changed);
	pthread_mutex_unlock(&history->mutex);
	return 0;
}

void history_cancel(struct history_query *query)
{
	__atomic_store_n(&query->is_cancelled, true, __ATOMIC_RELAXED);
	query->done = NULL;
	leave(query->history, query);
}

static void take_answers(struct history *history)
{
	struct history_queries answered;
	struct history_query *query;

	STAILQ_INIT(&answered);
	pthread_mutex_lock(&history->mutex);
	STAILQ_CONCAT(&answered, &history->answered);
	pthread_mutex_unlock(&history->mutex);
	while ((query = STAILQ_FIRST(&answered))) {
		STAILQ_REMOVE_HEAD(&answered, link);
		tell_answer(history, query);
		history_query_free(query);
	}
}

/* ---- runs of the store that are not in the file ---- */

static void add_backlog(struct history *history)
{
	for (size_t i = 0; i < BACKLOG_AT_ONCE && history->backlog_count > 0; i++) {
		const char *id = history->backlog[--history->backlog_count];
		struct run *run = store_find(history->options.store, id);

		if (run && run->state == RUN_DONE && !run->is_open)
			history_add(history, run);
	}
	if (history->backlog_count > 0)
		event_active(history->wake, EV_TIMEOUT, 0);
}

static void on_missing(struct history_query *query)
{
	struct history *history = query->userdata;

	if (query->is_late || query->r < 0)
		return;
	free(history->backlog);
	history->backlog = take_ptr(query->ids);
	history->backlog_count = query->id_count;
	history->has_all = true;
	add_backlog(history);
}

static int add_ids(struct history *history, struct history_query *query)
{
	struct run *run = store_newest(history->options.store);

	query->ids = calloc(store_kept(history->options.store) + 1, sizeof(query->ids[0]));
	if (!query->ids)
		return -ENOMEM;
	for (; run; run = store_older(run))
		if (run->is_kept && !run->is_open)
			memcpy(query->ids[query->id_count++], run->id, sizeof(run->id));
	return 0;
}

/* The oldest first. Those that are in the file already are not written again. */
static void add_all(struct history *history)
{
	struct run *run = store_newest(history->options.store);

	while (run && store_older(run))
		run = store_older(run);
	for (; run; run = store_newer(run))
		if (run->is_kept && !run->is_open)
			history_add(history, run);
	history->has_all = true;
}

/* The store is about to forget some: then there is no time to ask. */
static bool is_over_limits(const struct history *history)
{
	const struct config *config = history->options.config;

	return store_kept(history->options.store) > config->kept_runs ||
	       store_kept_bytes(history->options.store) > config->kept_bytes;
}

void history_add_stored(struct history *history)
{
	struct history_query *query;
	int r;

	if (!history)
		return;
	if (is_over_limits(history)) {
		add_all(history);
		return;
	}
	query = history_query_new(HISTORY_MISSING);
	r = query ? add_ids(history, query) : -ENOMEM;
	if (r == 0) {
		query->done = on_missing;
		query->userdata = history;
		r = query->id_count > 0 ? history_ask(history, query) : -ENOENT;
	}
	if (r < 0)
		history_query_free(query);
}

/* ---- notices ---- */

static void log_notices(struct history *history)
{
	struct history_notice *notice = malloc(sizeof(*notice));
	bool is_there = notice;

	while (is_there) {
		pthread_mutex_lock(&history->mutex);
		is_there = history->notice_count > 0;
		if (is_there) {
			*notice = history->notices[0];
			history->notice_count--;
			memmove(history->notices, history->notices + 1,
				history->notice_count * sizeof(history->notices[0]));
		}
		pthread_mutex_unlock(&history->mutex);
		if (is_there)
			log_write(notice->priority, NULL, 0, "%s", notice->text);
	}
	free(notice);
}

static bool take_opened(struct history *history)
{
	bool was_opened;

	pthread_mutex_lock(&history->mutex);
	was_opened = history->was_opened;
	history->was_opened = false;
	pthread_mutex_unlock(&history->mutex);
	return was_opened;
}

static void on_wake(evutil_socket_t fd, short what, void *userdata)
{
	struct history *history = userdata;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	log_notices(history);
	take_answers(history);
	if (take_opened(history))
		history_add_stored(history);
	add_backlog(history);
}

/* ---- life ---- */

static struct history_limits limits_of(const struct history *history)
{
	const struct config *config = history->options.config;
	const char *directory = config->history_directory;
	struct history_limits limits = {
	    .age_us = config->history_ms < INT64_MAX / 1000 ? (int64_t)config->history_ms * 1000
							    : INT64_MAX,
	    .bytes = config->history_bytes,
	};

	if (!directory || !directory[0])
		directory = history->options.directory;
	if (directory)
		snprintf(limits.directory, sizeof(limits.directory), "%s", directory);
	limits.is_on = config->history && directory;
	return limits;
}

void history_configure(struct history *history)
{
	if (!history)
		return;
	pthread_mutex_lock(&history->mutex);
	history->limits = limits_of(history);
	history->has_new_limits = true;
	if (history->limits.is_on)
		history->view.state = HISTORY_OPENING;
	pthread_cond_signal(&history->changed);
	pthread_mutex_unlock(&history->mutex);
}

static int make_mutex(struct history *history)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (r == 0)
		r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&history->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (r == 0)
		r = pthread_mutex_init(&history->mutex, NULL);
	return -r;
}

/* The loop has the signals. */
static int start_thread(struct history *history)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&history->thread, NULL, history_thread, history);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	history->has_thread = r == 0;
	return -r;
}

static int make_events(struct history *history)
{
	struct event_base *base = history->options.base;

	history->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (history->wake_fd < 0)
		return -errno;
	history->wake = event_new(base, history->wake_fd, EV_READ | EV_PERSIST, on_wake, history);
	history->patience = event_new(base, -1, EV_PERSIST, on_patience, history);
	if (!history->wake || !history->patience || event_add(history->wake, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int history_new(const struct history_options *options, struct history **ret_history)
{
	struct history *history = calloc(1, sizeof(*history));
	int r;

	if (!history)
		return -ENOMEM;
	history->options = *options;
	history->wake_fd = -1;
	TAILQ_INIT(&history->pending);
	STAILQ_INIT(&history->rows);
	STAILQ_INIT(&history->queries);
	STAILQ_INIT(&history->answered);
	r = make_mutex(history);
	if (r < 0) {
		free(history);
		return r;
	}
	r = make_events(history);
	if (r == 0)
		r = start_thread(history);
	if (r < 0) {
		history_free(history);
		return r;
	}
	history_configure(history);
	*ret_history = history;
	return 0;
}

/* False: it hangs. */
static bool end_thread(struct history *history)
{
	struct timespec end;

	if (!history->has_thread)
		return true;
	pthread_mutex_lock(&history->mutex);
	history->is_ending = true;
	pthread_cond_signal(&history->changed);
	pthread_mutex_unlock(&history->mutex);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += END_WITHIN_S;
	if (pthread_clockjoin_np(history->thread, NULL, CLOCK_MONOTONIC, &end) == 0)
		return true;
	log_error("history: the last runs may be missing: it could not be written within %d s",
		  END_WITHIN_S);
	return false;
}

static void free_queries(struct history_queries *queries)
{
	struct history_query *query;

	while ((query = STAILQ_FIRST(queries))) {
		STAILQ_REMOVE_HEAD(queries, link);
		history_query_free(query);
	}
}

struct history *history_free(struct history *history)
{
	struct history_row *row;
	bool has_ended;

	if (!history)
		return NULL;
	if (!history->has_all || history->backlog_count > 0)
		add_all(history);
	has_ended = end_thread(history);
	log_notices(history);
	if (history->wake)
		event_free(history->wake);
	if (history->patience)
		event_free(history->patience);
	if (!has_ended)
		return NULL; /* the thread uses the rest */
	while ((row = STAILQ_FIRST(&history->rows))) {
		STAILQ_REMOVE_HEAD(&history->rows, link);
		history_row_free(row);
	}
	free_queries(&history->queries);
	free_queries(&history->answered);
	free(history->backlog);
	close_fd(&history->wake_fd);
	pthread_cond_destroy(&history->changed);
	pthread_mutex_destroy(&history->mutex);
	free(history);
	return NULL;
}

/* ---- what it is like ---- */

void history_view(struct history *history, struct history_view *ret_view)
{
	*ret_view = (struct history_view){.state = HISTORY_OFF};
	if (!history)
		return;
	pthread_mutex_lock(&history->mutex);
	*ret_view = history->view;
	pthread_mutex_unlock(&history->mutex);
}

uint64_t history_dropped(struct history *history)
{
	uint64_t dropped;

	if (!history)
		return 0;
	pthread_mutex_lock(&history->mutex);
	dropped = history->dropped;
	pthread_mutex_unlock(&history->mutex);
	return dropped;
}
