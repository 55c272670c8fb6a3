/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens history.db. What is not hookd's, of another version or damaged is set aside, and a new file
 * is begun: one that is there is never overwritten. A file that another process has locked stays
 * where it is, since that process may still write to it and its journal. No state.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "daemon/base/file.h"
#include "daemon/database/database.h"
#include "daemon/database/database_file.h"
#include "daemon/history/history_all.h"
#include "daemon/history/history_room.h"
#include "proto/base/own_directory.h"

/* "hkhi", by which file(1) and hookd tell it from other SQLite files. */
#define APPLICATION_ID 0x686b6869
#define SCHEMA_VERSION 1

/*
 * A transaction is synced: the thread can wait, and on a disk the file is to survive a power
 * failure. What is deleted gives its pages back a few at a time (history_write.c).
 */
#define PRAGMAS                                                                                    \
	"PRAGMA auto_vacuum=INCREMENTAL; PRAGMA synchronous=FULL; PRAGMA journal_mode=PERSIST;"    \
	"PRAGMA journal_size_limit=1048576; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"  \
	"PRAGMA trusted_schema=OFF"

/* The numbers of stages and outcomes are those of enum hp_stage, hp_run_outcome, hp_hook_outcome.
 */
static int make_tables(sqlite3 *database)
{
	char sql[2048];

	snprintf(sql, sizeof(sql),
		 "BEGIN;"
		 "PRAGMA application_id=%d; PRAGMA user_version=%d;"
		 "CREATE TABLE run(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
		 " submitted_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, uid INTEGER NOT NULL,"
		 " container TEXT NOT NULL, stage INTEGER NOT NULL, outcome INTEGER NOT NULL,"
		 " hook_outcome INTEGER NOT NULL, text TEXT NOT NULL, checksum INTEGER NOT NULL);"
		 "CREATE INDEX by_time ON run(submitted_us, id, ended_us);"
		 "CREATE INDEX by_container ON run(container, submitted_us, id);"
		 "CREATE INDEX by_failure ON run(submitted_us, id) WHERE outcome <> 0;"
		 "CREATE TABLE detail(seq INTEGER PRIMARY KEY, request TEXT NOT NULL,"
		 " result TEXT NOT NULL, checksum INTEGER NOT NULL);"
		 "CREATE TABLE hook(seq INTEGER NOT NULL, place INTEGER NOT NULL,"
		 " path TEXT NOT NULL, outcome INTEGER NOT NULL, success INTEGER NOT NULL,"
		 " duration_us INTEGER NOT NULL, checksum INTEGER NOT NULL,"
		 " PRIMARY KEY(seq, place)) WITHOUT ROWID;"
		 "COMMIT",
		 APPLICATION_ID, SCHEMA_VERSION);
	return database_execute(database, sql);
}

static int check(struct history_file *file, char why[static HISTORY_REASON_SIZE])
{
	int64_t version = 0, faults = 0;
	int r = database_version(file->database, APPLICATION_ID, &version);

	if (r == -EILSEQ)
		snprintf(why, HISTORY_REASON_SIZE, "it is damaged, or not hookd's");
	if (r == 0 && version != SCHEMA_VERSION) {
		snprintf(why, HISTORY_REASON_SIZE, "it has version %lld, this hookd reads %d",
			 (long long)version, SCHEMA_VERSION);
		return -EILSEQ;
	}
	if (r == 0)
		r = database_faults(file->database, &faults);
	if (r == -EILSEQ || faults > 0) {
		snprintf(why, HISTORY_REASON_SIZE, "it is damaged");
		return -EILSEQ;
	}
	return r;
}

static int prepare(struct history_file *file)
{
	int r = database_prepare(
	    file->database,
	    "INSERT OR IGNORE INTO run VALUES "
	    "(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, checksum(" HISTORY_RUN_VALUES "))",
	    &file->insert_run);

	if (r == 0)
		r = database_prepare(
		    file->database,
		    "INSERT OR REPLACE INTO detail VALUES (?1, ?2, ?3, checksum(?2, ?3))",
		    &file->insert_detail);
	if (r == 0)
		r = database_prepare(file->database,
				     "INSERT OR REPLACE INTO hook VALUES "
				     "(?1, ?2, ?3, ?4, ?5, ?6, checksum(?2, ?3, ?4, ?5, ?6))",
				     &file->insert_hook);
	if (r == 0)
		r = history_define_functions(file->database);
	if (r == 0)
		r = database_number(file->database, "SELECT count(*) FROM run", &file->runs);
	return r < 0 ? r : database_number(file->database, "PRAGMA page_size", &file->page_bytes);
}

/* `why`: what is wrong with the file, for -EILSEQ. */
static int open_database(struct history_file *file, bool is_new,
			 char why[static HISTORY_REASON_SIZE])
{
	int r = database_connect(file->path, PRAGMAS, &file->database);

	if (r == -EILSEQ)
		snprintf(why, HISTORY_REASON_SIZE, "it is damaged, or not a database");
	if (r == 0 && is_new)
		r = make_tables(file->database);
	if (r == 0)
		r = check(file, why);
	if (r == 0)
		r = prepare(file);
	return r;
}

static int open_in_directory(struct history_file *file, char why[static HISTORY_REASON_SIZE])
{
	struct stat st;
	bool is_new = fstatat(file->directory, HISTORY_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0;
	int r = is_new && !history_has_room(file->directory, HISTORY_NEW_BYTES)
		    ? -ENOSPC
		    : database_file_check(file->directory, HISTORY_FILE);

	if (r == -EILSEQ)
		snprintf(why, HISTORY_REASON_SIZE,
			 "it is empty, missing while its journal is there, or no regular file of "
			 "hookd's user");
	is_new = r == 1;
	if (r >= 0)
		r = open_database(file, is_new, why);
	if (r < 0) {
		int directory = take_fd(&file->directory);

		history_file_close(file);
		file->directory = directory;
		if (is_new)
			database_file_take_back(directory, HISTORY_FILE);
	}
	return r;
}

/* A configured directory is made where it is missing, but not the directories above. */
static int open_directory(struct history_file *file, const char *path,
			  char reason[static HISTORY_REASON_SIZE])
{
	char real[PATH_MAX];
	int r;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* SQLITE_OPEN_NOFOLLOW refuses a symbolic link in any component of the path. */
	if (!realpath(path, real))
		return -errno;
	file->directory = open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (file->directory < 0)
		return -errno;
	snprintf(file->path, sizeof(file->path), "%s/" HISTORY_FILE, real);
	r = hp_own_directory_check(file->directory, reason, HISTORY_REASON_SIZE);
	if (r == 0)
		reason[0] = '\0';
	return r;
}

static void explain(int r, const struct history_limits *limits,
		    char reason[static HISTORY_REASON_SIZE])
{
	pid_t locker = r == -EBUSY ? database_file_locker(limits->directory, HISTORY_FILE) : 0;

	if (reason[0])
		return;
	if (locker > 0)
		snprintf(reason, HISTORY_REASON_SIZE, "it is locked by process %d", locker);
	else
		snprintf(reason, HISTORY_REASON_SIZE, "%s", strerror(-r));
}

int history_file_open(struct history_file *file, const struct history_limits *limits,
		      char ret_aside[static HISTORY_REASON_SIZE],
		      char reason[static HISTORY_REASON_SIZE])
{
	char why[HISTORY_REASON_SIZE] = "";
	int r;

	*file = (struct history_file){.directory = -1};
	ret_aside[0] = reason[0] = '\0';
	r = open_directory(file, limits->directory, reason);
	if (r == 0)
		r = open_in_directory(file, why);
	if (r == -EILSEQ) {
		r = history_file_set_aside(file);
		if (r == 0) {
			snprintf(ret_aside, HISTORY_REASON_SIZE, "%s", why);
			r = open_directory(file, limits->directory, reason);
		}
		if (r == 0)
			r = open_in_directory(file, why);
	}
	if (r < 0) {
		history_file_close(file);
		explain(r, limits, reason);
	}
	return r;
}

void history_file_close(struct history_file *file)
{
	sqlite3_finalize(file->insert_run);
	sqlite3_finalize(file->insert_detail);
	sqlite3_finalize(file->insert_hook);
	sqlite3_close(file->database);
	close_fd(&file->directory);
	file->insert_run = file->insert_detail = file->insert_hook = NULL;
	file->database = NULL;
}

int history_file_set_aside(struct history_file *file)
{
	cleanup_close int directory = take_fd(&file->directory);

	history_file_close(file);
	return database_file_set_aside(directory, HISTORY_FILE);
}
