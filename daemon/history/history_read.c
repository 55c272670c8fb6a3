/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers queries from history.db. A row whose checksum is wrong ends the query with -EILSEQ, and
 * the file is set aside: a client never gets damaged JSON. No state.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "daemon/database/database.h"
#include "daemon/history/history_all.h"
#include "daemon/history/history_room.h"

/* ---- functions of SQL ---- */

bool history_path_matches(const char *pattern, const char *path)
{
	const char *name = strrchr(path, '/');

	if (!strchr(pattern, '/') && name)
		path = name + 1;
	return fnmatch(pattern, path, FNM_PATHNAME) == 0;
}

static void sql_path_matches(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *pattern = (const char *)sqlite3_value_text(values[0]);
	const char *path = (const char *)sqlite3_value_text(values[1]);

	(void)count;
	sqlite3_result_int(context, pattern && path && history_path_matches(pattern, path));
}

int history_define_functions(sqlite3 *database)
{
	return database_error(sqlite3_create_function_v2(database, "path_matches", 2,
							 SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
							 sql_path_matches, NULL, NULL, NULL));
}

/* ---- conditions ---- */

struct conditions {
	char sql[1024];
	size_t length;
	struct {
		const char *text; /* NULL: the number */
		int64_t number;
	} values[24];
	int count;
};

static void add_sql(struct conditions *conditions, const char *sql)
{
	conditions->length +=
	    (size_t)snprintf(conditions->sql + conditions->length,
			     sizeof(conditions->sql) - conditions->length, " %s", sql);
}

static void add_text(struct conditions *conditions, const char *sql, const char *text)
{
	if (!text)
		return;
	add_sql(conditions, sql);
	conditions->values[conditions->count++].text = text;
}

static void add_number(struct conditions *conditions, const char *sql, int64_t number)
{
	if (number < 0)
		return;
	add_sql(conditions, sql);
	conditions->values[conditions->count++].number = number;
}

static void add_prefix(struct conditions *conditions, const char *sql, const char *prefix)
{
	if (!prefix)
		return;
	add_sql(conditions, sql);
	add_text(conditions, "length(?)) = ?", prefix);
	conditions->values[conditions->count++].text = prefix;
}

static void add_place(struct conditions *conditions, const char *sql,
		      const struct history_place *place)
{
	if (!place->id[0])
		return;
	add_sql(conditions, sql);
	conditions->values[conditions->count++].number = place->submitted_us;
	conditions->values[conditions->count++].text = place->id;
}

static void add_filter(struct conditions *conditions, const struct history_filter *filter)
{
	add_sql(conditions, "WHERE 1");
	add_text(conditions, "AND run.id = ?", filter->run);
	add_prefix(conditions, "AND substr(run.id, 1,", filter->run_prefix);
	add_text(conditions, "AND container = ?", filter->container);
	add_prefix(conditions, "AND substr(container, 1,", filter->container_prefix);
	add_number(conditions, "AND stage = ?", filter->stage);
	add_number(conditions, "AND run.outcome = ?", filter->outcome);
	add_number(conditions, "AND hook_outcome = ?", filter->hook_outcome);
	if (filter->failed)
		add_sql(conditions, "AND run.outcome <> 0");
	add_number(conditions, "AND uid = ?", filter->uid);
	add_number(conditions, "AND submitted_us >= ?", filter->since_us);
	add_number(conditions, "AND submitted_us <= ?", filter->until_us);
	add_number(conditions, "AND ended_us >= ?", filter->ended_since_us);
	add_text(conditions,
		 "AND EXISTS (SELECT 1 FROM hook WHERE hook.seq = run.seq "
		 "AND path_matches(?, hook.path))",
		 filter->path);
}

static int prepare(struct history_file *file, const char *select,
		   const struct conditions *conditions, sqlite3_stmt **ret_statement)
{
	char sql[2048];
	int r;

	snprintf(sql, sizeof(sql), "%s%s", select, conditions->sql);
	r = database_prepare(file->database, sql, ret_statement);
	for (int i = 0; i < conditions->count && r == 0; i++) {
		if (conditions->values[i].text)
			database_bind_text(*ret_statement, i + 1, conditions->values[i].text);
		else
			database_bind_int(*ret_statement, i + 1, conditions->values[i].number);
	}
	return r;
}

static bool is_cancelled(const struct history_query *query)
{
	return __atomic_load_n(&query->is_cancelled, __ATOMIC_RELAXED);
}

/* Steps over rows until `take` returns not 0; 1 ends it early. */
static int each_row(const struct history_query *query, sqlite3_stmt *statement,
		    int (*take)(void *userdata, sqlite3_stmt *statement), void *userdata)
{
	int result = SQLITE_DONE, r = 0;

	while (r == 0 && !is_cancelled(query) && (result = sqlite3_step(statement)) == SQLITE_ROW)
		r = take(userdata, statement);
	sqlite3_finalize(statement);
	return r < 0 ? r : database_error(result);
}

/* ---- runs ---- */

/* Columns of a row: seq, whether it is whole, and those of HISTORY_RUN_COLUMNS. */
#define SELECT_RUNS                                                                                \
	"SELECT seq, checksum IS checksum(" HISTORY_RUN_COLUMNS "), " HISTORY_RUN_COLUMNS          \
	" FROM run"

struct reading {
	struct history_file *file;
	struct history_query *query;
	sqlite3_stmt *details;
};

static void copy_text(struct history_query *query, sqlite3_stmt *statement, int column, size_t *ret,
		      size_t *ret_length)
{
	const void *text = sqlite3_column_text(statement, column);

	*ret = query->texts.length;
	*ret_length = (size_t)sqlite3_column_bytes(statement, column);
	if (*ret_length > 0)
		hp_buf_append(&query->texts, text, *ret_length);
}

static int add_details(struct reading *reading, int64_t seq, struct history_found *found)
{
	sqlite3_stmt *details = reading->details;
	int result;

	database_bind_int(details, 1, seq);
	result = sqlite3_step(details);
	if (result != SQLITE_ROW || !sqlite3_column_int(details, 0)) {
		(void)sqlite3_reset(details);
		return result == SQLITE_ROW || result == SQLITE_DONE ? -EILSEQ
								     : database_error(result);
	}
	copy_text(reading->query, details, 1, &found->request, &found->request_length);
	copy_text(reading->query, details, 2, &found->result, &found->result_length);
	(void)sqlite3_reset(details);
	return 0;
}

static int take_run(void *userdata, sqlite3_stmt *statement)
{
	struct reading *reading = userdata;
	struct history_query *query = reading->query;
	const char *id = (const char *)sqlite3_column_text(statement, 2);
	struct history_found found = {0};
	int r = 0;

	if (!sqlite3_column_int(statement, 1) || !id)
		return -EILSEQ;
	if (query->found_count > 0 &&
	    (query->found_count >= query->limit || query->texts.length >= query->bytes_max)) {
		query->has_more = true;
		return 1;
	}
	snprintf(found.place.id, sizeof(found.place.id), "%s", id);
	found.place.submitted_us = sqlite3_column_int64(statement, 3);
	found.ended_us = sqlite3_column_int64(statement, 4);
	found.uid = sqlite3_column_int64(statement, 5);
	found.stage = sqlite3_column_int(statement, 7);
	if (found.stage < 0 || found.stage >= HP_STAGE_COUNT)
		return -EILSEQ;
	copy_text(query, statement, 10, &found.run, &found.run_length);
	if (reading->details)
		r = add_details(reading, sqlite3_column_int64(statement, 0), &found);
	return r < 0 ? r : history_query_add(query, &found);
}

static int read_runs(struct history_file *file, struct history_query *query)
{
	bool is_forward = query->type == HISTORY_FORWARD;
	struct reading reading = {.file = file, .query = query};
	struct conditions conditions = {0};
	sqlite3_stmt *statement;
	int r = 0;

	add_filter(&conditions, &query->filter);
	add_place(&conditions,
		  is_forward ? "AND (submitted_us, id) > (?, ?)"
			     : "AND (submitted_us, id) < (?, ?)",
		  &query->from);
	add_sql(&conditions,
		is_forward ? "ORDER BY submitted_us, id" : "ORDER BY submitted_us DESC, id DESC");
	if (query->wants_details || is_forward)
		r = database_prepare(file->database,
				     "SELECT checksum IS checksum(request, result), request, "
				     "result FROM detail WHERE seq = ?",
				     &reading.details);
	if (r == 0)
		r = prepare(file, SELECT_RUNS, &conditions, &statement);
	if (r == 0)
		r = each_row(query, statement, take_run, &reading);
	sqlite3_finalize(reading.details);
	return r;
}

/* ---- counting ---- */

static bool is_left_out(const struct history_query *query, const char *id)
{
	return query->id_count > 0 &&
	       bsearch(id, query->ids, query->id_count, sizeof(query->ids[0]),
		       (int (*)(const void *, const void *))strcmp);
}

static int take_counted_run(void *userdata, sqlite3_stmt *statement)
{
	struct history_query *query = userdata;
	const char *id = (const char *)sqlite3_column_text(statement, 0);

	if (!id)
		return -EILSEQ;
	if (is_left_out(query, id))
		return 0;
	return query->count_run(query->userdata, sqlite3_column_int64(statement, 1)) ? 0 : -ENOMEM;
}

static int take_counted_hook(void *userdata, sqlite3_stmt *statement)
{
	struct history_query *query = userdata;
	const char *id = (const char *)sqlite3_column_text(statement, 0);
	struct history_hook hook = {
	    .stage = sqlite3_column_int(statement, 2),
	    .path = (const char *)sqlite3_column_text(statement, 3),
	    .outcome = sqlite3_column_int(statement, 4),
	    .success = sqlite3_column_int(statement, 5),
	    .duration_us = sqlite3_column_int64(statement, 6),
	};

	if (!id || !hook.path || !sqlite3_column_int(statement, 1) || hook.stage < 0 ||
	    hook.stage >= HP_STAGE_COUNT || hook.outcome >= HP_HOOK_OUTCOME_COUNT)
		return -EILSEQ;
	if (is_left_out(query, id))
		return 0;
	return query->count_hook(query->userdata, &hook) ? 0 : -ENOMEM;
}

/* Of a lost run the first hook alone is counted: no other one has an outcome. */
static int count(struct history_file *file, struct history_query *query)
{
	struct conditions conditions = {0};
	sqlite3_stmt *statement;
	int r;

	add_filter(&conditions, &query->filter);
	r = prepare(file, "SELECT id, submitted_us FROM run", &conditions, &statement);
	if (r == 0)
		r = each_row(query, statement, take_counted_run, query);
	if (r < 0)
		return r;
	add_sql(&conditions, "AND (hook.outcome >= 0 OR place = 0)");
	add_text(&conditions, "AND path_matches(?, hook.path)", query->filter.path);
	r = prepare(file,
		    "SELECT run.id, hook.checksum IS checksum(place, path, hook.outcome, success, "
		    "duration_us), stage, path, hook.outcome, success, duration_us "
		    "FROM run CROSS JOIN hook ON hook.seq = run.seq",
		    &conditions, &statement);
	if (r == 0)
		r = each_row(query, statement, take_counted_hook, query);
	if (r == 0)
		query->counted(query->userdata);
	return r;
}

/* ---- ids ---- */

/* Leaves those in query->ids that are not in the file. */
static int find_missing(struct history_file *file, struct history_query *query)
{
	size_t kept = 0;
	sqlite3_stmt *statement;
	int result = SQLITE_DONE;
	int r = database_prepare(file->database, "SELECT 1 FROM run WHERE id = ?", &statement);

	if (r < 0)
		return r;
	for (size_t i = 0; i < query->id_count; i++) {
		database_bind_text(statement, 1, query->ids[i]);
		result = sqlite3_step(statement);
		(void)sqlite3_reset(statement);
		if (result != SQLITE_ROW && result != SQLITE_DONE)
			break;
		if (result == SQLITE_DONE)
			memmove(query->ids[kept++], query->ids[i], sizeof(query->ids[0]));
	}
	sqlite3_finalize(statement);
	query->id_count = kept;
	return database_error(result);
}

int history_read(struct history_file *file, struct history_query *query)
{
	switch (query->type) {
	case HISTORY_LIST:
	case HISTORY_FORWARD:
		return read_runs(file, query);
	case HISTORY_COUNT:
		return count(file, query);
	case HISTORY_MISSING:
		return find_missing(file, query);
	}
	return -EINVAL;
}
