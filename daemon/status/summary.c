/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.status.Summary: durations and failures of hooks by path and stage, from the
 * stored runs, so that they are exact and can be filtered. No state.
 */
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

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

struct summary {
	const struct query *query;
	struct summary_row *rows; /* a uthash table */
	size_t runs;
	int64_t oldest_us;
	bool has_failed; /* out of memory */
};

static void row_free(struct summary_row *row)
{
	if (!row)
		return;
	free(row->key);
	free(row->durations_us);
	free(row);
}

static void clear(struct summary *summary)
{
	struct summary_row *row, *next;

	HASH_ITER(by_key, summary->rows, row, next)
	{
		HASH_DELETE(by_key, summary->rows, row);
		row_free(row);
	}
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

static void count_hook(struct summary *summary, enum hp_stage stage,
		       const struct hp_hook_result *hook)
{
	struct summary_row *row;

	if (hook->outcome == HP_HOOK_SKIPPED || !query_matches_path(summary->query, hook->path))
		return;
	row = row_of(summary, stage, hook->path);
	if (!row || !add_duration(row, hook->duration_us)) {
		summary->has_failed = true;
		return;
	}
	if (hook->outcome == HP_HOOK_TIMED_OUT)
		row->timeouts++;
	else if (!hook->success)
		row->failures++;
}

/* Of a lost run nobody knows what its hooks did: its first one counts as failed. */
static void count_lost(struct summary *summary, const struct run *run)
{
	const struct hp_hook_list *hooks = &run->request.hooks;
	struct hp_hook_result lost = {.outcome = HP_HOOK_CANCELLED};

	if (hooks->count == 0)
		return;
	lost.path = hooks->hooks[0].path;
	count_hook(summary, run->request.stage, &lost);
}

static void count_run(struct summary *summary, const struct run *run)
{
	summary->runs++;
	summary->oldest_us = run->submitted_us;
	if (run->result.outcome == HP_RUN_LOST)
		count_lost(summary, run);
	for (size_t i = 0; i < run->result.hook_count; i++)
		count_hook(summary, run->request.stage, &run->result.hooks[i]);
}

static void count_all(struct summary *summary, const struct exchange *exchange)
{
	struct run *run = store_newest(exchange->hookd->store);

	for (; run && !summary->has_failed; run = store_older(run))
		if (query_matches(summary->query, &exchange->conn->peer, run))
			count_run(summary, run);
}

/* ---- the reply ---- */

static int compare_numbers(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

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
	qsort(row->durations_us, row->runs, sizeof(*row->durations_us), compare_numbers);
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

int handle_summary(struct exchange *exchange, struct hp_err *err)
{
	const unsigned int accepted =
	    QUERY(SINCE) | QUERY(UNTIL) | QUERY(CONTAINER) | QUERY(STAGE) | QUERY(PATH);
	struct query query;
	struct summary summary = {.query = &query};
	int r = query_read(exchange, accepted, &query, err);

	if (r == 0) {
		query.state = RUN_DONE;
		count_all(&summary, exchange);
	}
	if (summary.has_failed)
		r = hp_err_no_memory(err);
	if (r == 0)
		write_reply(exchange->conn, &summary);
	clear(&summary);
	query_free(&query);
	return r;
}
