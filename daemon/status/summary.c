/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.status.Summary: durations and failures of hooks by path and stage, from the
 * runs that are kept, so that they are exact and can be filtered. The loop counts the runs in
 * memory. Then the history's thread, which alone uses the summary meanwhile, counts the others and
 * sorts. Owns the calls that wait for that:
 *
 *	ASKED --counted--> answered        ASKED --the client has gone--> freed, the summary later
 */
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/history/history.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/status/query.h"
#include "proto/base/limits.h"

/* Rows of one reply: those with the most runs. */
#define ROWS_MAX 1000

/* What has happened to the hooks of one path at one stage. */
struct summary_row {
	struct row_key {
		enum hp_stage stage;
		char path[HP_PATH_BYTES_MAX + 1];
	} * key; /* owned, since rows are sorted */
	size_t key_length;
	size_t runs, failures, timeouts;
	int64_t *durations_us; /* owned; of `runs` hooks */
	size_t capacity;
	UT_hash_handle by_key;
};

struct summarizing;

struct summary {
	struct summarizing *call;
	const struct query *query; /* of the loop only */
	struct summary_row *rows;  /* a uthash table */
	size_t runs;
	int64_t oldest_us;
	bool has_failed; /* out of memory */
};

struct summarizing {
	struct conn_call of_conn;
	struct conn *conn;
	struct query query;
	struct history_query *asked;
};

static void row_free(struct summary_row *row)
{
	if (!row)
		return;
	free(row->key);
	free(row->durations_us);
	free(row);
}

static void summary_free(void *userdata)
{
	struct summary *summary = userdata;
	struct summary_row *row, *next;

	if (!summary)
		return;

	HASH_ITER(by_key, summary->rows, row, next)
	{
		HASH_DELETE(by_key, summary->rows, row);
		row_free(row);
	}
	free(summary);
}

/* ---- counting ---- */

static struct summary_row *add_row(struct summary *summary, const struct row_key *key,
				   size_t length)
{
	struct summary_row *row = calloc(1, sizeof(*row));

	if (row)
		row->key = malloc(length);
	if (!row || !row->key) {
		row_free(row);
		return NULL;
	}
	memcpy(row->key, key, length);
	row->key_length = length;
	HASH_ADD_KEYPTR(by_key, summary->rows, row->key, length, row);
	if (row->by_key.tbl)
		return row;
	row_free(row);
	return NULL;
}

static struct summary_row *row_of(struct summary *summary, enum hp_stage stage, const char *path)
{
	struct row_key key = {.stage = stage};
	size_t path_size = strnlen(path, HP_PATH_BYTES_MAX) + 1;
	size_t length = offsetof(struct row_key, path) + path_size;
	struct summary_row *row;

	memcpy(key.path, path, path_size);
	HASH_FIND(by_key, summary->rows, &key, length, row);
	return row ? row : add_row(summary, &key, length);
}

static bool add_duration(struct summary_row *row, int64_t duration_us)
{
	size_t capacity = row->capacity ? 2 * row->capacity : 8;
	int64_t *grown;

	if (row->runs == row->capacity) {
		grown = reallocarray(row->durations_us, capacity, sizeof(*grown));
		if (!grown)
			return false;
		row->durations_us = grown;
		row->capacity = capacity;
	}
	row->durations_us[row->runs++] = duration_us;
	return true;
}

static void add_hook(struct summary *summary, const struct history_hook *hook)
{
	struct summary_row *row;

	if (hook->outcome == HP_HOOK_SKIPPED)
		return;
	row = row_of(summary, (enum hp_stage)hook->stage, hook->path);
	if (!row || !add_duration(row, hook->duration_us)) {
		summary->has_failed = true;
		return;
	}
	if (hook->outcome == HP_HOOK_TIMED_OUT)
		row->timeouts++;
	else if (!hook->success)
		row->failures++;
}

static void add_run(struct summary *summary, int64_t submitted_us)
{
	if (summary->runs++ == 0 || submitted_us < summary->oldest_us)
		summary->oldest_us = submitted_us;
}

/* ---- runs in memory ---- */

/* Of a lost run nobody knows what its hooks did: its first one counts as failed. */
static void count_lost(struct summary *summary, const struct run *run)
{
	const struct hp_hook_list *hooks = &run->request.hooks;
	struct history_hook lost = {.stage = (int)run->request.stage, .outcome = -1};

	if (hooks->count == 0)
		return;
	lost.path = hooks->hooks[0].path;
	if (query_matches_path(summary->query, lost.path))
		add_hook(summary, &lost);
}

static void count_run(struct summary *summary, const struct run *run)
{
	add_run(summary, run->submitted_us);
	if (run->result.outcome == HP_RUN_LOST)
		count_lost(summary, run);
	for (size_t i = 0; i < run->result.hook_count; i++) {
		const struct hp_hook_result *result = &run->result.hooks[i];
		const struct history_hook hook = {
		    .stage = (int)run->request.stage,
		    .path = result->path,
		    .outcome = (int)result->outcome,
		    .success = result->success,
		    .duration_us = result->duration_us,
		};

		if (query_matches_path(summary->query, hook.path))
			add_hook(summary, &hook);
	}
}

static void count_stored(struct summary *summary, const struct conn *conn)
{
	struct run *run = store_newest(conn->hookd->store);

	for (; run && !summary->has_failed; run = store_older(run))
		if (query_matches(summary->query, &conn->peer, run))
			count_run(summary, run);
}

/* ---- runs of the history; from its thread ---- */

static bool on_past_run(void *userdata, int64_t submitted_us)
{
	add_run(userdata, submitted_us);
	return true;
}

static bool on_past_hook(void *userdata, const struct history_hook *hook)
{
	struct summary *summary = userdata;

	add_hook(summary, hook);
	return !summary->has_failed;
}

static int compare_numbers(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static void sort(void *userdata)
{
	struct summary *summary = userdata;

	for (struct summary_row *row = summary->rows; row; row = row->by_key.next)
		qsort(row->durations_us, row->runs, sizeof(*row->durations_us), compare_numbers);
}

/* ---- the reply ---- */

/* Most runs first, then by path and stage. */
static int compare_rows(struct summary_row *a, struct summary_row *b)
{
	int r = (a->runs < b->runs) - (a->runs > b->runs);

	if (r == 0)
		r = strcmp(a->key->path, b->key->path);
	return r ? r : (int)a->key->stage - (int)b->key->stage;
}

/* The smallest duration that `percent` of all do not exceed. */
static int64_t percentile(const struct summary_row *row, size_t percent)
{
	return row->durations_us[(row->runs * percent + 99) / 100 - 1];
}

static void write_row(struct hp_json_writer *writer, const struct summary_row *row)
{
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "path", row->key->path);
	hp_json_add_string(writer, "stage", hp_stage_names[row->key->stage]);
	hp_json_add_int(writer, "runs", (int64_t)row->runs);
	hp_json_add_int(writer, "failures", (int64_t)row->failures);
	hp_json_add_int(writer, "timeouts", (int64_t)row->timeouts);
	hp_json_add_int(writer, "p50USec", percentile(row, 50));
	hp_json_add_int(writer, "p90USec", percentile(row, 90));
	hp_json_add_int(writer, "p99USec", percentile(row, 99));
	hp_json_add_int(writer, "maxUSec", row->durations_us[row->runs - 1]);
	hp_json_end(writer, '}');
}

static void write_reply(struct conn *conn, struct summary *summary)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);
	struct summary_row *row;
	size_t count = 0;

	HASH_SRT(by_key, summary->rows, compare_rows);
	hp_json_add_int(&writer, "runs", (int64_t)summary->runs);
	if (summary->runs > 0)
		hp_json_add_int(&writer, "oldestUSec", summary->oldest_us);
	hp_json_key(&writer, "paths");
	hp_json_begin(&writer, '[');
	for (row = summary->rows; row && count < ROWS_MAX; row = row->by_key.next, count++)
		write_row(&writer, row);
	hp_json_end(&writer, ']');
	if (row)
		hp_json_add_bool(&writer, "hasMore", true);
	hp_reply_end(&writer);
}

/* ---- the call ---- */

static void summarizing_free(struct summarizing *call)
{
	query_free(&call->query);
	free(call);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	struct summarizing *call = container_of(of_conn, struct summarizing, of_conn);

	history_cancel(call->asked);
	summarizing_free(call);
}

static void on_counted(struct history_query *answer)
{
	struct summary *summary = answer->userdata;
	struct summarizing *call = summary->call;
	struct conn *conn = call->conn;
	struct hp_err err = {0};
	int r = query_check_answer(answer, &err);

	summarizing_free(call);
	if (r < 0) {
		conn_reply_err(conn, &err, NULL);
	} else {
		if (answer->r == -ENODATA)
			sort(summary);
		write_reply(conn, summary);
	}
	conn_end_call(conn);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The history is not to count those in memory again. */
static int leave_out_stored(struct history_query *query, struct store *store)
{
	struct run *run = store_newest(store);
	size_t count = 0;

	for (; run; run = store_older(run))
		count++;
	query->ids = calloc(count + 1, sizeof(query->ids[0]));
	if (!query->ids)
		return -ENOMEM;
	for (run = store_newest(store); run; run = store_older(run))
		memcpy(query->ids[query->id_count++], run->id, sizeof(query->ids[0]));
	qsort(query->ids, count, sizeof(query->ids[0]), compare_ids);
	return 0;
}

/* On success the query owns the summary. */
static int ask(struct summarizing *call, struct summary *summary)
{
	struct hookd *hookd = call->conn->hookd;
	struct history_query *query = history_query_new(HISTORY_COUNT);
	struct history_filter filter = query_history(&call->query, &call->conn->peer);
	int r = query ? history_query_filter(query, &filter) : -ENOMEM;

	if (r == 0)
		r = leave_out_stored(query, hookd->store);
	if (r == 0) {
		query->count_run = on_past_run;
		query->count_hook = on_past_hook;
		query->counted = sort;
		query->done = on_counted;
		query->userdata = summary;
		r = history_ask(hookd->history, query);
	}
	if (r < 0) {
		history_query_free(query);
		return r;
	}
	query->free_userdata = summary_free;
	call->asked = query;
	return 0;
}

/* 1: the history was asked, and the summary is its query's; 0: the reply was written. */
static int begin(struct summarizing *call, struct summary *summary, struct hp_err *err)
{
	int r;

	summary->query = &call->query;
	summary->call = call;
	call->query.state = RUN_DONE;
	count_stored(summary, call->conn);
	r = summary->has_failed ? -ENOMEM : ask(call, summary);
	if (r == 0)
		return 1;
	if (r != -ENODATA)
		return query_asking_failed(r, err);
	sort(summary);
	write_reply(call->conn, summary);
	return 0;
}

int handle_summary(struct exchange *exchange, struct hp_err *err)
{
	const unsigned int accepted =
	    QUERY(SINCE) | QUERY(UNTIL) | QUERY(CONTAINER) | QUERY(STAGE) | QUERY(PATH);
	struct summarizing *call = calloc(1, sizeof(*call));
	struct summary *summary = calloc(1, sizeof(*summary));
	int r;

	if (!call || !summary) {
		free(call);
		free(summary);
		return hp_err_no_memory(err);
	}
	*call = (struct summarizing){.of_conn.gone = on_conn_gone, .conn = exchange->conn};
	r = query_read(exchange, accepted, &call->query, err);
	if (r == 0 && !exchange->call.oneway)
		r = begin(call, summary, err);
	if (r == 1) {
		conn_begin_call(exchange->conn, &call->of_conn);
		return 0;
	}
	summary_free(summary);
	summarizing_free(call);
	return r;
}
