/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history's thread. It alone uses history.db; its states are enum history_state:
 *
 *	OPENING --opened--> READY --it cannot be written--> FAILING --5 s--> OPENING
 *	   `--it cannot be opened--> FAILING        off in the configuration: OFF
 *
 * It gathers rows for up to GATHER_MS, and writes them before it answers a query, so that the
 *answer has all runs that were added before. Rows that cannot be written stay in the queue, which
 *is bounded. The thread does not log: it leaves notices to the loop.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "daemon/base/log.h"
#include "daemon/history/history_all.h"

#define GATHER_MS     100
#define RETRY_AFTER_S 5
#define PRUNE_EVERY_S 60

struct thread {
	struct history *history;
	struct history_file file;
	struct history_limits limits;
	struct history_rows rows;   /* taken from the queue, not written yet */
	int64_t retry_ns, prune_ns; /* CLOCK_MONOTONIC */
	uint64_t dropped_before;    /* when the file began to fail */
	enum history_state state;
	bool was_set_aside; /* and nothing has been written since */
	bool is_ending;
};

static void wake_loop(struct history *history)
{
	uint64_t one = 1;

	if (write(history->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is full: the loop will be woken */
}

static void __attribute__((format(printf, 3, 4)))
tell(struct thread *thread, int priority, const char *format, ...)
{
	struct history *history = thread->history;
	struct history_notice *notice;
	va_list arguments;

	pthread_mutex_lock(&history->mutex);
	if (history->notice_count < HISTORY_NOTICES_MAX) {
		notice = &history->notices[history->notice_count++];
		notice->priority = priority;
		va_start(arguments, format);
		vsnprintf(notice->text, sizeof(notice->text), format, arguments);
		va_end(arguments);
	}
	pthread_mutex_unlock(&history->mutex);
	wake_loop(history);
}

static void show(struct thread *thread, enum history_state state, const char *error)
{
	struct history *history = thread->history;
	uint64_t bytes = 0;

	if (thread->file.database && history_bytes(&thread->file, &bytes) < 0)
		bytes = 0;
	pthread_mutex_lock(&history->mutex);
	history->view.state = state;
	history->is_open = thread->file.database;
	history->view.runs = thread->file.database ? (uint64_t)thread->file.runs : 0;
	history->view.bytes = bytes;
	snprintf(history->view.path, sizeof(history->view.path), "%s", thread->file.path);
	if (error != history->view.error)
		snprintf(history->view.error, sizeof(history->view.error), "%s", error);
	pthread_mutex_unlock(&history->mutex);
	thread->state = state;
}

/* ---- failures ---- */

static int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t dropped(struct thread *thread)
{
	uint64_t count;

	pthread_mutex_lock(&thread->history->mutex);
	count = thread->history->dropped;
	pthread_mutex_unlock(&thread->history->mutex);
	return count;
}

static void fail(struct thread *thread, const char *reason)
{
	if (thread->state != HISTORY_FAILING) {
		thread->dropped_before = dropped(thread);
		tell(thread, LOG_ERR,
		     "history: %s/" HISTORY_FILE " cannot be used, runs go on without it: %s",
		     thread->limits.directory, reason);
	}
	thread->retry_ns = now_ns() + RETRY_AFTER_S * NS_PER_S;
	show(thread, HISTORY_FAILING, reason);
}

static void recovered(struct thread *thread)
{
	if (thread->state == HISTORY_FAILING)
		tell(thread, LOG_NOTICE,
		     "history: %s can be used again; runs that are missing: %llu",
		     thread->file.path,
		     (unsigned long long)(dropped(thread) - thread->dropped_before));
	show(thread, HISTORY_READY, "");
}

static void tell_set_aside(struct thread *thread, const char *why)
{
	tell(thread, LOG_ERR,
	     "history: %s cannot be used, is renamed to " HISTORY_FILE
	     ".bad, and a new one is begun: %s",
	     thread->file.path, why);
}

/* After an error of a write or a query. */
static void handle_error(struct thread *thread, int r)
{
	char reason[HISTORY_REASON_SIZE];

	if (r == -EILSEQ && !thread->was_set_aside) {
		r = history_file_set_aside(&thread->file);
		thread->was_set_aside = r == 0;
		if (r == 0) {
			tell_set_aside(thread, "it is damaged");
			show(thread, HISTORY_OPENING, "");
			return;
		}
	}
	snprintf(reason, sizeof(reason), "%s", strerror(-r));
	fail(thread, reason);
}

/* False: not now. */
static bool open_file(struct thread *thread)
{
	char aside[HISTORY_REASON_SIZE], reason[HISTORY_REASON_SIZE];
	int r;

	if (thread->file.database)
		return true;
	if (!thread->limits.is_on ||
	    (thread->state == HISTORY_FAILING && now_ns() < thread->retry_ns))
		return false;
	r = history_file_open(&thread->file, &thread->limits, aside, reason);
	if (aside[0])
		tell_set_aside(thread, aside);
	if (r < 0) {
		fail(thread, reason);
		return false;
	}
	thread->prune_ns = 0;
	recovered(thread);
	return true;
}

/* ---- rows ---- */

/* `is_written`: else they will not be. */
static void drop_rows(struct thread *thread, size_t count, bool is_written)
{
	struct history *history = thread->history;
	struct history_row *row;
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		row = STAILQ_FIRST(&thread->rows);
		STAILQ_REMOVE_HEAD(&thread->rows, link);
		bytes += row->bytes;
		history_row_free(row);
	}
	pthread_mutex_lock(&history->mutex);
	history->row_count -= count;
	history->row_bytes -= bytes;
	if (!is_written)
		history->dropped += count;
	pthread_mutex_unlock(&history->mutex);
}

static bool may_write(struct thread *thread)
{
	return open_file(thread) &&
	       (thread->state != HISTORY_FAILING || now_ns() >= thread->retry_ns);
}

/* Until none is left, or they cannot be written now. */
static void write_rows(struct thread *thread)
{
	size_t count = 0;
	int r = 0;

	while (!STAILQ_EMPTY(&thread->rows) && may_write(thread)) {
		if (STAILQ_FIRST(&thread->rows)->bytes > thread->limits.bytes / 4) {
			drop_rows(thread, 1, false);
			continue;
		}
		r = history_write(&thread->file, &thread->limits, &thread->rows, &count);
		if (r < 0) {
			handle_error(thread, r);
			continue;
		}
		drop_rows(thread, count, true);
		thread->was_set_aside = false;
		recovered(thread);
	}
}

static void prune(struct thread *thread)
{
	int r;

	if (now_ns() < thread->prune_ns || !may_write(thread))
		return;
	r = history_prune(&thread->file, &thread->limits);
	thread->prune_ns = r == 1 ? 0 : now_ns() + PRUNE_EVERY_S * NS_PER_S;
	if (r < 0)
		handle_error(thread, r);
	else
		show(thread, thread->state, thread->history->view.error);
}

/* ---- queries ---- */

static void answer(struct thread *thread, struct history_query *query)
{
	struct history *history = thread->history;

	query->r = open_file(thread) ? history_read(&thread->file, query) : -ENODATA;
	if (query->r < 0 && query->r != -ENODATA && query->r != -ENOMEM)
		handle_error(thread, query->r);
	pthread_mutex_lock(&history->mutex);
	STAILQ_INSERT_TAIL(&history->answered, query, link);
	pthread_mutex_unlock(&history->mutex);
	wake_loop(history);
}

/* ---- the loop of the thread ---- */

static bool has_work(const struct history *history)
{
	return history->is_ending || history->has_new_limits || !STAILQ_EMPTY(&history->queries) ||
	       history->row_bytes >= GATHER_FULL_BYTES;
}

static void sleep_until(struct history *history, int64_t end_ns)
{
	struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};

	(void)pthread_cond_timedwait(&history->changed, &history->mutex, &end);
}

/* When something is to be done without a new event. */
static int64_t next_ns(const struct thread *thread)
{
	int64_t next = thread->file.database ? thread->prune_ns : INT64_MAX;

	if (thread->state == HISTORY_FAILING)
		next = thread->retry_ns;
	if (thread->state == HISTORY_OPENING)
		next = 0;
	return next < INT64_MAX ? next : now_ns() + 3600 * NS_PER_S;
}

/* Takes what the loop has left. Returns a query, or NULL. */
static struct history_query *take_work(struct thread *thread)
{
	struct history *history = thread->history;
	struct history_query *query;
	int64_t gather_ns = 0;

	pthread_mutex_lock(&history->mutex);
	while (!has_work(history)) {
		int64_t now = now_ns(), until = next_ns(thread);

		if (!STAILQ_EMPTY(&history->rows)) {
			if (gather_ns == 0)
				gather_ns = now + GATHER_MS * 1000000ll;
			until = until < gather_ns ? until : gather_ns;
		}
		if (now >= until)
			break;
		history->is_sleeping = STAILQ_EMPTY(&history->rows);
		sleep_until(history, until);
		history->is_sleeping = false;
	}
	STAILQ_CONCAT(&thread->rows, &history->rows);
	query = STAILQ_FIRST(&history->queries);
	if (query)
		STAILQ_REMOVE_HEAD(&history->queries, link);
	thread->is_ending = history->is_ending;
	pthread_mutex_unlock(&history->mutex);
	return query;
}

/* Rows that were added before have been written. */
static void take_limits(struct thread *thread)
{
	struct history *history = thread->history;

	pthread_mutex_lock(&history->mutex);
	if (history->has_new_limits) {
		history->has_new_limits = false;
		if (strcmp(history->limits.directory, thread->limits.directory) != 0 ||
		    !history->limits.is_on)
			history_file_close(&thread->file);
		thread->limits = history->limits;
		thread->prune_ns = 0;
		thread->state = thread->limits.is_on ? HISTORY_OPENING : HISTORY_OFF;
		history->view.state = thread->state;
		history->is_open = thread->file.database;
	}
	pthread_mutex_unlock(&history->mutex);
}

static void drop_all(struct thread *thread)
{
	size_t count = 0;
	struct history_row *row;

	STAILQ_FOREACH(row, &thread->rows, link)
	count++;
	drop_rows(thread, count, false);
}

/* Below the loop, whose nice value it has got, and without signals. */
static void prepare_thread(void)
{
	(void)prctl(PR_SET_NAME, "hookd-history");
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
}

void *history_thread(void *userdata)
{
	struct thread thread = {.history = userdata, .file.directory = -1};
	struct history_query *query;

	prepare_thread();
	STAILQ_INIT(&thread.rows);
	while (!thread.is_ending) {
		query = take_work(&thread);
		write_rows(&thread);
		take_limits(&thread);
		if (thread.state == HISTORY_OPENING && open_file(&thread))
			recovered(&thread);
		write_rows(&thread);
		if (!thread.limits.is_on)
			drop_all(&thread);
		if (query)
			answer(&thread, query);
		prune(&thread);
	}
	drop_all(&thread);
	history_file_close(&thread.file);
	return NULL;
}
