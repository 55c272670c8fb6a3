/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite side of holdings.db: statements, tables, updates of the schema, and the checks that
 * the file is hookd's and intact. No state.
 *
 * Each row has a checksum over its columns and the boot id, and the row of the boot id has one of
 * its own. So a damaged row is not taken for another one, and of a file whose boot id is damaged
 * the rows of this boot are still known.
 */
#include "daemon/apply/holdings_database.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"

/* "hkhd", by which file(1) and hookd tell it from other SQLite files. */
#define APPLICATION_ID 0x686b6864
#define SCHEMA_VERSION 5
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

int database_run(sqlite3_stmt *statement)
{
	int r;

	if (!statement)
		return 0;
	r = database_error(sqlite3_step(statement));
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
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

/* ---- checksums ---- */

#define HOLDING_IS_WHOLE "checksum IS " HOLDING_CHECKSUM
#define CREATED_IS_WHOLE "checksum IS " CREATED_CHECKSUM
#define BOOT_CHECKSUM	 "checksum(id, version)"

static void add_value(XXH3_state_t *state, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	int64_t number = type == SQLITE_INTEGER ? sqlite3_value_int64(value) : 0;
	const void *bytes = type == SQLITE_INTEGER ? NULL : sqlite3_value_blob(value);
	int length = bytes ? sqlite3_value_bytes(value) : 0;

	(void)XXH3_64bits_update(state, &type, sizeof(type));
	(void)XXH3_64bits_update(state, &number, sizeof(number));
	(void)XXH3_64bits_update(state, &length, sizeof(length));
	if (length > 0)
		(void)XXH3_64bits_update(state, bytes, (size_t)length);
}

static void sql_checksum(sqlite3_context *context, int count, sqlite3_value **values)
{
	XXH3_state_t *state = XXH3_createState();

	if (!state || XXH3_64bits_reset(state) == XXH_ERROR) {
		XXH3_freeState(state);
		sqlite3_result_error_nomem(context);
		return;
	}
	for (int i = 0; i < count; i++)
		add_value(state, values[i]);
	sqlite3_result_int64(context, (int64_t)XXH3_64bits_digest(state));
	XXH3_freeState(state);
}

static void sql_boot_id(sqlite3_context *context, int count, sqlite3_value **values)
{
	char id[64];

	(void)count, (void)values;
	if (file_boot_id(id) < 0)
		sqlite3_result_error_code(context, SQLITE_IOERR);
	else
		sqlite3_result_text(context, id, -1, SQLITE_TRANSIENT);
}

int database_define_functions(sqlite3 *database)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
	int r = database_error(sqlite3_create_function_v2(database, "checksum", -1, flags, NULL,
							  sql_checksum, NULL, NULL, NULL));

	return r < 0 ? r
		     : database_error(sqlite3_create_function_v2(
			   database, "boot_id", 0, flags, NULL, sql_boot_id, NULL, NULL, NULL));
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
		 "CREATE TABLE boot(id TEXT NOT NULL, version INTEGER, checksum INTEGER);"
		 "CREATE TABLE holding(container TEXT NOT NULL UNIQUE, pid INTEGER NOT NULL,"
		 " start_time INTEGER NOT NULL, uid INTEGER NOT NULL, state INTEGER NOT NULL,"
		 " is_systemd INTEGER NOT NULL, cgroup_path TEXT, unit TEXT, rdt_group TEXT,"
		 " process INTEGER NOT NULL, ignored TEXT, former_path TEXT,"
		 " former_group TEXT, mark TEXT, mixed TEXT, checksum INTEGER);"
		 "CREATE TABLE made(id INTEGER PRIMARY KEY, container TEXT NOT NULL,"
		 " kind INTEGER NOT NULL, name TEXT NOT NULL, checksum INTEGER);"
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
	    [4] = "BEGIN; ALTER TABLE holding ADD COLUMN checksum INTEGER;"
		  "ALTER TABLE made ADD COLUMN checksum INTEGER;"
		  "ALTER TABLE boot ADD COLUMN version INTEGER;"
		  "ALTER TABLE boot ADD COLUMN checksum INTEGER;"
		  "UPDATE holding SET checksum = " HOLDING_CHECKSUM ";"
		  "UPDATE made SET checksum = " CREATED_CHECKSUM ";"
		  "UPDATE boot SET version = 5; UPDATE boot SET checksum = " BOOT_CHECKSUM ";"
		  "PRAGMA user_version=5; COMMIT",
	};
	int64_t version;
	int r = read_number(database, "PRAGMA user_version", &version);

	for (; r == 0 && version > 0 && version < SCHEMA_VERSION; version++)
		r = database_execute(database, changes[version]);
	return r;
}

/* -EILSEQ: not hookd's. An empty database has no application_id: not hookd's. */
static int check_version(sqlite3 *database)
{
	int64_t id, version = 0;
	int r = read_number(database, "PRAGMA application_id", &id);

	if (r == 0 && id != APPLICATION_ID)
		return -EILSEQ;
	if (r == 0)
		r = bring_up_to_date(database);
	if (r == 0)
		r = read_number(database, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	return version == SCHEMA_VERSION ? 0 : -EILSEQ;
}

static int begin_boot(sqlite3 *database)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "BEGIN; DELETE FROM boot; INSERT INTO boot VALUES (boot_id(), %d, NULL);"
		 "UPDATE boot SET checksum = " BOOT_CHECKSUM "; COMMIT",
		 SCHEMA_VERSION);
	return database_execute(database, sql);
}

/*
 * Also for a new file: the journal, which keeps its size, then has room for the pages that an Apply
 * changes, so that one can be recorded on a full disk.
 */
static int begin_empty(sqlite3 *database)
{
	int r = database_execute(database, "BEGIN; DELETE FROM made; DELETE FROM holding; COMMIT");

	return r < 0 ? r : begin_boot(database);
}

/* Processes, cgroups and resctrl groups of an earlier boot no longer exist. */
static int drop_other_boot(sqlite3 *database)
{
	int64_t others, holdings;
	int r = read_number(database,
			    "SELECT count(*) FROM boot "
			    "WHERE checksum IS " BOOT_CHECKSUM " AND id <> boot_id()",
			    &others);

	if (r == 0)
		r = read_number(database, "SELECT count(*) FROM holding", &holdings);
	if (r < 0 || others == 0)
		return r;
	log_info("holdings.db: its %lld containers are of another boot, and dropped",
		 (long long)holdings);
	return begin_empty(database);
}

/* ---- damage ---- */

/* It may itself be what is damaged. */
static bool is_readable(const char *container)
{
	for (; container && *container; container++)
		if (*container < ' ' || *container > '~')
			return false;
	return container;
}

/* Returns the number of rows, or -errno. */
static int tell_rows(sqlite3 *database, const char *sql, const char *what)
{
	sqlite3_stmt *statement;
	int r = database_prepare(database, sql, &statement), result = SQLITE_DONE, count = 0;

	while (r == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *container = (const char *)sqlite3_column_text(statement, 0);

		log_warning("holdings.db: %s is damaged, and dropped: container %s", what,
			    is_readable(container) ? container : "unknown");
		count++;
	}
	sqlite3_finalize(statement);
	if (r == 0)
		r = database_error(result);
	return r < 0 ? r : count;
}

/* Indexes, pages and the schema, which the checksums of the rows do not cover. */
static int count_faults(sqlite3 *database, int64_t *ret_faults)
{
	return read_number(database,
			   "SELECT count(*) FROM pragma_integrity_check "
			   "WHERE integrity_check <> 'ok'",
			   ret_faults);
}

/* Says what is damaged. -EBADMSG: something is. */
static int check_rows(sqlite3 *database)
{
	int64_t boots = 0, faults = 0;
	int holdings = tell_rows(
	    database, "SELECT container FROM holding WHERE NOT " HOLDING_IS_WHOLE, "a holding");
	int created = tell_rows(database, "SELECT container FROM made WHERE NOT " CREATED_IS_WHOLE,
				"the record of an object");
	int r = holdings < 0 ? holdings : created < 0 ? created : 0;

	if (r == 0)
		r = read_number(
		    database, "SELECT count(*) FROM boot WHERE checksum IS " BOOT_CHECKSUM, &boots);
	if (r == 0)
		r = count_faults(database, &faults);
	if (r < 0)
		return r;
	if (boots != 1)
		log_warning("holdings.db: the boot id is damaged");
	return holdings > 0 || created > 0 || boots != 1 || faults > 0 ? -EBADMSG : 0;
}

/*
 * Keeps the rows that are whole. The index comes first: without a row's entry in it SQLite cannot
 * delete the row. -EILSEQ: there is damage that this does not repair.
 */
static int repair(sqlite3 *database)
{
	int64_t faults = 0;
	int r = database_execute(
	    database, "BEGIN; REINDEX; DELETE FROM holding WHERE NOT " HOLDING_IS_WHOLE ";"
		      "DELETE FROM made WHERE NOT " CREATED_IS_WHOLE
		      " OR container NOT IN (SELECT container FROM holding); COMMIT");

	if (r == 0)
		r = begin_boot(database);
	if (r == 0)
		r = count_faults(database, &faults);
	return r == 0 && faults > 0 ? -EILSEQ : r;
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

static int open_database(const char *path, sqlite3 **ret_database)
{
	const int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	int r = database_error(sqlite3_open_v2(path, ret_database, flags, NULL));

	if (r < 0)
		return r;
	(void)sqlite3_extended_result_codes(*ret_database, 1);
	(void)sqlite3_busy_timeout(*ret_database, BUSY_WAIT_MS);
	r = database_define_functions(*ret_database);
	return r < 0 ? r : lock_database(*ret_database);
}

int database_open(const char *path, enum database_open_mode mode, sqlite3 **ret_database)
{
	sqlite3 *database = NULL;
	int r = open_database(path, &database);

	if (r == 0 && mode == DATABASE_NEW)
		r = make_tables(database);
	if (r == 0 && mode == DATABASE_NEW)
		r = begin_empty(database);
	if (r == 0)
		r = check_version(database);
	if (r == 0)
		r = drop_other_boot(database);
	if (r == 0)
		r = mode == DATABASE_REPAIR ? repair(database) : check_rows(database);
	if (r < 0)
		sqlite3_close(database);
	else
		*ret_database = database;
	return r;
}
