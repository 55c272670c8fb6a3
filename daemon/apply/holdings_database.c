/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite side of holdings.db: statements, tables, updates of the schema, and the checks that
 * the file is hookd's and intact. No state.
 */
#include "daemon/apply/holdings_database.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/file.h"

/* "hkhd", by which file(1) and hookd tell it from other SQLite files. */
#define APPLICATION_ID 0x686b6864
#define SCHEMA_VERSION 4
/* Waits so long for the lock of another program that reads the file, such as sqlite3(1). */
#define BUSY_WAIT_MS 1000

/*
 * -EILSEQ: the file is not a database, is damaged, or lacks a table. Other errors may be temporary.
 * SQLITE_ERROR is what SQLite returns for a missing table.
 */
int database_error(int result)
{
	if (result == SQLITE_IOERR_SHORT_READ)
		return -EILSEQ;
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
		return -EILSEQ;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

int database_execute(sqlite3 *database, const char *sql)
{
	return database_error(sqlite3_exec(database, sql, NULL, NULL, NULL));
}

int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement)
{
	*ret_statement = NULL;
	if (!database)
		return 0;
	return database_error(sqlite3_prepare_v2(database, sql, -1, ret_statement, NULL));
}

int database_finish(sqlite3_stmt *statement)
{
	int r = statement ? database_error(sqlite3_step(statement)) : 0;

	sqlite3_finalize(statement);
	return r;
}

void database_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	if (statement)
		(void)sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

void database_bind_int(sqlite3_stmt *statement, int place, int64_t value)
{
	if (statement)
		(void)sqlite3_bind_int64(statement, place, value);
}

/* ---- the tables ---- */

static int read_number(sqlite3 *database, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement;
	int r = database_prepare(database, sql, &statement), result;

	*ret_number = 0;
	if (r < 0)
		return r;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return database_error(result);
}

/*
 * Some names differ from those in holdings.h: the columns process (attributes_set) and mixed
 * (uncertain), and the table made (created).
 */
static int make_tables(sqlite3 *database)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "BEGIN;"
		 "PRAGMA application_id=%d; PRAGMA user_version=%d;"
		 "CREATE TABLE boot(id TEXT NOT NULL);"
		 "CREATE TABLE holding(container TEXT NOT NULL UNIQUE, pid INTEGER NOT NULL,"
		 " start_time INTEGER NOT NULL, uid INTEGER NOT NULL, state INTEGER NOT NULL,"
		 " is_systemd INTEGER NOT NULL, cgroup_path TEXT, unit TEXT, rdt_group TEXT,"
		 " process INTEGER NOT NULL, ignored TEXT, former_path TEXT,"
		 " former_group TEXT, mark TEXT, mixed TEXT);"
		 "CREATE TABLE made(id INTEGER PRIMARY KEY, container TEXT NOT NULL,"
		 " kind INTEGER NOT NULL, name TEXT NOT NULL);"
		 "COMMIT",
		 APPLICATION_ID, SCHEMA_VERSION);
	return database_execute(database, sql);
}

/*
 * [N] changes version N to N + 1. The column is_complete of version 1 had the values 0 and 1, which
 * are the states MAKING and HELD.
 */
static int bring_up_to_date(sqlite3 *database)
{
	static const char *const changes[SCHEMA_VERSION] = {
	    [1] = "BEGIN; ALTER TABLE holding RENAME COLUMN is_complete TO state;"
		  "ALTER TABLE holding ADD COLUMN former_path TEXT; PRAGMA user_version=2; COMMIT",
	    [2] = "BEGIN; ALTER TABLE holding ADD COLUMN former_group TEXT;"
		  "PRAGMA user_version=3; COMMIT",
	    [3] = "BEGIN; ALTER TABLE holding ADD COLUMN mark TEXT;"
		  "ALTER TABLE holding ADD COLUMN mixed TEXT;"
		  "PRAGMA user_version=4; COMMIT",
	};
	int64_t version;
	int r = read_number(database, "PRAGMA user_version", &version);

	for (; r == 0 && version > 0 && version < SCHEMA_VERSION; version++)
		r = database_execute(database, changes[version]);
	return r;
}

/* -EILSEQ: not hookd's, or damaged. An empty database has no application_id: not hookd's. */
static int check_tables(sqlite3 *database)
{
	int64_t id, version = 0, faults = 0;
	int r = read_number(database, "PRAGMA application_id", &id);

	if (r == 0 && id != APPLICATION_ID)
		return -EILSEQ;
	if (r == 0)
		r = bring_up_to_date(database);
	if (r == 0)
		r = read_number(database, "PRAGMA user_version", &version);
	if (r == 0)
		r = read_number(database,
				"SELECT count(*) FROM pragma_integrity_check "
				"WHERE integrity_check <> 'ok'",
				&faults);
	if (r < 0)
		return r;
	return version == SCHEMA_VERSION && faults == 0 ? 0 : -EILSEQ;
}

/* Processes, cgroups and resctrl groups of an earlier boot no longer exist. */
static int drop_other_boots(sqlite3 *database)
{
	char id[64];
	sqlite3_stmt *statement;
	int r = file_boot_id(id);

	if (r < 0)
		return r;
	r = database_prepare(database, "SELECT count(*) FROM boot WHERE id = ?", &statement);
	if (r < 0)
		return r;
	database_bind_text(statement, 1, id);
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1) {
		sqlite3_finalize(statement);
		return 0;
	}
	sqlite3_finalize(statement);
	r = database_execute(database, "DELETE FROM made; DELETE FROM holding; DELETE FROM boot");
	if (r == 0)
		r = database_prepare(database, "INSERT INTO boot VALUES (?)", &statement);
	if (r < 0)
		return r;
	database_bind_text(statement, 1, id);
	return database_finish(statement);
}

/*
 * The file must survive a SIGKILL, for which the page cache is enough; after a power failure its
 * content is dropped. So nothing is synced, which could block the event loop for milliseconds.
 * EXCLUSIVE keeps the lock until the file is closed; PERSIST keeps the journal file instead of
 * creating and deleting it in each transaction. -EBUSY: another process has the lock.
 */
static int lock_database(sqlite3 *database)
{
	return database_execute(database, "PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
					  "PRAGMA journal_mode=PERSIST; BEGIN EXCLUSIVE; COMMIT");
}

int database_open(const char *path, bool is_new, sqlite3 **ret_database)
{
	sqlite3 *database = NULL;
	int r = database_error(sqlite3_open_v2(path, &database,
					       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
						   SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
					       NULL));

	if (r == 0)
		(void)sqlite3_extended_result_codes(database, 1);
	if (r == 0)
		(void)sqlite3_busy_timeout(database, BUSY_WAIT_MS);
	if (r == 0)
		r = lock_database(database);
	if (r == 0 && is_new)
		r = make_tables(database);
	if (r == 0)
		r = check_tables(database);
	if (r == 0)
		r = drop_other_boots(database);
	if (r < 0)
		sqlite3_close(database);
	else
		*ret_database = database;
	return r;
}
