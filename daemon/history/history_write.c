/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes runs to history.db and deletes the oldest, so that the file stays within its bounds: its
 * pages that are in use are kept below 15/16 of them, and SQLite refuses to let the file grow
 * beyond (max_page_count). No state.
 */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "daemon/database/database.h"
#include "daemon/history/history_all.h"
#include "daemon/history/history_room.h"

/* Of one transaction. */
#define BATCH_ROWS_MAX	1000
#define BATCH_BYTES_MAX (4u * 1024 * 1024)
#define PRUNE_ROWS_MAX	1000

#define ROOM_LEFT_MAX_BYTES (64u * 1024 * 1024)

/* ---- room ---- */

/* What may be added to the files in the directory; UINT64_MAX: no limit is known. */
static uint64_t room_of(int directory)
{
	struct statvfs room;
	uint64_t left, free;

	/* A tmpfs without a limit has 0 blocks. */
	if (fstatvfs(directory, &room) < 0 || room.f_blocks == 0)
		return UINT64_MAX;
	left = (uint64_t)room.f_blocks * room.f_frsize / 4;
	left = left < ROOM_LEFT_MAX_BYTES ? left : ROOM_LEFT_MAX_BYTES;
	free = (uint64_t)room.f_bavail * room.f_frsize;
	return free > left ? free - left : 0;
}

bool history_has_room(int directory, uint64_t bytes)
{
	return room_of(directory) >= bytes;
}

struct pages {
	int64_t all, free, max;
};

static int count_pages(struct history_file *file, const struct history_limits *limits,
		       struct pages *ret_pages)
{
	uint64_t room = room_of(file->directory);
	int r = database_number(file->database, "PRAGMA page_count", &ret_pages->all);

	if (r == 0)
		r = database_number(file->database, "PRAGMA freelist_count", &ret_pages->free);
	if (r < 0)
		return r;
	ret_pages->max = (int64_t)(limits->bytes / (uint64_t)file->page_bytes);
	/* The journal takes room, too. */
	if (room / 2 / (uint64_t)file->page_bytes < (uint64_t)ret_pages->max &&
	    ret_pages->all + (int64_t)(room / 2) / file->page_bytes < ret_pages->max)
		ret_pages->max = ret_pages->all + (int64_t)(room / 2) / file->page_bytes;
	return 0;
}

static int limit_pages(struct history_file *file, int64_t max)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld", (long long)max);
	return database_execute(file->database, sql);
}

/* ---- deleting ---- */

/* Returns the number of runs, or -errno. */
static int delete_runs(struct history_file *file, const char *condition, int64_t value, int limit)
{
	static const char *const sql[] = {
	    "DELETE FROM hook WHERE seq IN (SELECT seq FROM temp.old)",
	    "DELETE FROM detail WHERE seq IN (SELECT seq FROM temp.old)",
	    "DELETE FROM run WHERE seq IN (SELECT seq FROM temp.old)",
	};
	char select[256];
	int64_t count = 0;
	sqlite3_stmt *statement;
	int r = database_execute(file->database,
				 "CREATE TEMP TABLE IF NOT EXISTS old(seq INTEGER PRIMARY KEY);"
				 "DELETE FROM temp.old");

	if (r < 0)
		return r;
	snprintf(select, sizeof(select), "INSERT INTO temp.old SELECT seq FROM run %s LIMIT %d",
		 condition, limit);
	r = database_prepare(file->database, select, &statement);
	if (r < 0)
		return r;
	if (sqlite3_bind_parameter_count(statement) > 0)
		database_bind_int(statement, 1, value);
	r = database_run(statement);
	sqlite3_finalize(statement);
	if (r == 0)
		r = database_number(file->database, "SELECT count(*) FROM temp.old", &count);
	for (size_t i = 0; i < ELEMENTS(sql) && r == 0 && count > 0; i++)
		r = database_execute(file->database, sql[i]);
	if (r == 0)
		file->runs -= count;
	return r < 0 ? r : (int)count;
}

/* By the wall clock, since the file may be of an earlier boot. */
static int delete_old(struct history_file *file, const struct history_limits *limits)
{
	int64_t now_us = clock_ns(CLOCK_REALTIME) / 1000;

	return delete_runs(file, "INDEXED BY by_time WHERE ended_us < ? ORDER BY submitted_us",
			   now_us - limits->age_us, PRUNE_ROWS_MAX);
}

/* So many of the oldest that of `max` pages there is room for `needed` and some more. */
static int delete_surplus(struct history_file *file, const struct history_limits *limits,
			  int64_t max, int64_t needed)
{
	struct pages pages;
	int64_t used, surplus, count;
	int r = count_pages(file, limits, &pages);

	used = pages.all - pages.free;
	surplus = r == 0 ? used + needed - max * 15 / 16 : 0;
	if (r < 0 || surplus <= 0 || file->runs == 0)
		return r;
	surplus += max / 64;
	count = file->runs * surplus / used + 1;
	return delete_runs(file, "ORDER BY submitted_us, id", 0,
			   count < PRUNE_ROWS_MAX ? (int)count : PRUNE_ROWS_MAX);
}

/* Free pages are used again. Where they are many they are given back, as memory of a tmpfs. */
static int give_back(struct history_file *file, const struct history_limits *limits)
{
	struct pages pages;
	int r = count_pages(file, limits, &pages);

	if (r < 0 || pages.free < 256 || (pages.free < pages.all / 4 && pages.all <= pages.max))
		return r;
	r = database_execute(file->database, "PRAGMA incremental_vacuum(1024)");
	return r < 0 ? r : 1;
}

static void roll_back(struct history_file *file, int64_t runs)
{
	(void)database_execute(file->database, "ROLLBACK");
	file->runs = runs;
}

int history_prune(struct history_file *file, const struct history_limits *limits)
{
	int old, surplus = 0, given = 0, r = database_execute(file->database, "BEGIN IMMEDIATE");
	int64_t runs = file->runs;

	if (r < 0)
		return r;
	old = delete_old(file, limits);
	if (old >= 0)
		surplus = delete_surplus(file, limits,
					 (int64_t)(limits->bytes / (uint64_t)file->page_bytes), 0);
	r = old < 0 ? old : surplus < 0 ? surplus : 0;
	if (r == 0)
		r = given = give_back(file, limits);
	if (r >= 0)
		r = database_execute(file->database, "COMMIT");
	if (r < 0)
		roll_back(file, runs);
	return r < 0 ? r : old > 0 || surplus > 0 || given > 0;
}

/* ---- writing ---- */

static void bind_text(sqlite3_stmt *statement, int place, const char *text, size_t length)
{
	(void)sqlite3_bind_text64(statement, place, text, length, SQLITE_STATIC, SQLITE_UTF8);
}

static int insert_details(struct history_file *file, const struct history_row *row, int64_t seq)
{
	const char *texts = row->texts.data;
	int r;

	database_bind_int(file->insert_detail, 1, seq);
	bind_text(file->insert_detail, 2, texts + row->request, row->request_length);
	bind_text(file->insert_detail, 3, texts + row->result, row->result_length);
	r = database_run(file->insert_detail);
	for (size_t i = 0; i < row->hook_count && r == 0; i++) {
		const struct history_row_hook *hook = &row->hooks[i];

		database_bind_int(file->insert_hook, 1, seq);
		database_bind_int(file->insert_hook, 2, (int64_t)i);
		database_bind_text(file->insert_hook, 3, texts + hook->path);
		database_bind_int(file->insert_hook, 4, hook->outcome);
		database_bind_int(file->insert_hook, 5, hook->success);
		database_bind_int(file->insert_hook, 6, hook->duration_us);
		r = database_run(file->insert_hook);
	}
	return r;
}

static int insert(struct history_file *file, const struct history_row *row)
{
	sqlite3_stmt *statement = file->insert_run;
	const char *texts = row->texts.data;
	int r;

	database_bind_text(statement, 1, row->place.id);
	database_bind_int(statement, 2, row->place.submitted_us);
	database_bind_int(statement, 3, row->ended_us);
	database_bind_int(statement, 4, row->uid);
	database_bind_text(statement, 5, texts + row->container);
	database_bind_int(statement, 6, row->stage);
	database_bind_int(statement, 7, row->outcome);
	database_bind_int(statement, 8, row->hook_outcome);
	bind_text(statement, 9, texts + row->run, row->run_length);
	r = database_run(statement);
	if (r < 0 || sqlite3_changes(file->database) == 0)
		return r;
	file->runs++;
	return insert_details(file, row, sqlite3_last_insert_rowid(file->database));
}

/* A small part of the file, so that there is room for all of it. */
static size_t count_batch(const struct history_rows *rows, int64_t file_bytes_max,
			  size_t *ret_bytes)
{
	size_t part = (size_t)file_bytes_max / 8;
	size_t max = part < BATCH_BYTES_MAX ? part : BATCH_BYTES_MAX;
	const struct history_row *row;
	size_t count = 0, bytes = 0;

	STAILQ_FOREACH(row, rows, link)
	{
		if (count == BATCH_ROWS_MAX || (count > 0 && bytes + row->bytes > max))
			break;
		count++;
		bytes += row->bytes;
	}
	*ret_bytes = bytes;
	return count;
}

static int insert_batch(struct history_file *file, const struct history_rows *rows, size_t count)
{
	const struct history_row *row = STAILQ_FIRST(rows);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++, row = STAILQ_NEXT(row, link))
		r = insert(file, row);
	return r;
}

/* Until there is room for the batch, or nothing is left to delete. */
static int make_room(struct history_file *file, const struct history_limits *limits, int64_t max,
		     size_t bytes)
{
	int64_t needed = (int64_t)bytes * 3 / 2 / file->page_bytes + 1;
	struct pages pages;
	int r;

	do
		r = delete_surplus(file, limits, max, needed);
	while (r > 0);
	if (r == 0)
		r = count_pages(file, limits, &pages);
	/* It may be that there is more than the limit now: that is deleted bit by bit. */
	return r < 0 ? r : limit_pages(file, pages.all > max ? pages.all : max);
}

int history_write(struct history_file *file, const struct history_limits *limits,
		  const struct history_rows *rows, size_t *ret_count)
{
	size_t bytes, count;
	int64_t runs = file->runs;
	struct pages pages;
	int r = count_pages(file, limits, &pages);

	if (r == 0)
		r = database_execute(file->database, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	count = count_batch(rows, pages.max * file->page_bytes, &bytes);
	r = make_room(file, limits, pages.max, bytes);
	if (r == 0)
		r = insert_batch(file, rows, count);
	if (r == 0)
		r = database_execute(file->database, "COMMIT");
	if (r < 0)
		roll_back(file, runs);
	else
		*ret_count = count;
	return r;
}

int history_bytes(struct history_file *file, uint64_t *ret_bytes)
{
	int64_t pages = 0;
	int r = database_number(file->database, "PRAGMA page_count", &pages);

	*ret_bytes = (uint64_t)(pages * file->page_bytes);
	return r;
}
