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

#include "daemon/base/log.h"

/* "hkhd", by which file(1) and hookd tell it from other SQLite files. */
#define APPLICATION_ID 0x686b6864
#define SCHEMA_VERSION 6

#define HOLDING_IS_WHOLE "checksum IS " HOLDING_CHECKSUM
#define CREATED_IS_WHOLE "checksum IS " CREATED_CHECKSUM
#define BOOT_CHECKSUM	 "checksum(id, version)"
/* Of version 5. */
#define CHECKSUM_5                                                                                 \
	"checksum(boot_id(), container, pid, start_time, uid, state, is_systemd, cgroup_path, "    \
	"unit, rdt_group, process, ignored, former_path, former_group, mark, mixed)"

/* ---- the tables ---- */

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
		 " former_group TEXT, mark TEXT, mixed TEXT, unit_files TEXT, has_closid INTEGER, "
		 "checksum INTEGER);"
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
static int bring_up_to_date(sqlite3 *database, int64_t version)
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
		  "UPDATE holding SET checksum = " CHECKSUM_5 ";"
		  "UPDATE made SET checksum = " CREATED_CHECKSUM ";"
		  "UPDATE boot SET version = 5; UPDATE boot SET checksum = " BOOT_CHECKSUM ";"
		  "PRAGMA user_version=5; COMMIT",
	    /* A damaged row stays one. */
	    [5] = "BEGIN; ALTER TABLE holding ADD COLUMN unit_files TEXT;"
		  "ALTER TABLE holding ADD COLUMN has_closid INTEGER;"
		  "UPDATE holding SET checksum = " HOLDING_CHECKSUM " WHERE checksum IS " CHECKSUM_5
		  ";"
		  "UPDATE boot SET version = 6, checksum = checksum(id, 6)"
		  " WHERE checksum IS " BOOT_CHECKSUM "; PRAGMA user_version=6; COMMIT",
	};
	int r = 0;

	for (; r == 0 && version > 0 && version < SCHEMA_VERSION; version++)
		r = database_execute(database, changes[version]);
	return r;
}

/* -EILSEQ: not hookd's. */
static int check_version(sqlite3 *database)
{
	int64_t version = 0;
	int r = database_version(database, APPLICATION_ID, &version);

	if (r == 0)
		r = bring_up_to_date(database, version);
	if (r == 0)
		r = database_version(database, APPLICATION_ID, &version);
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
	int r = database_number(database,
				"SELECT count(*) FROM boot "
				"WHERE checksum IS " BOOT_CHECKSUM " AND id <> boot_id()",
				&others);

	if (r == 0)
		r = database_number(database, "SELECT count(*) FROM holding", &holdings);
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
		r = database_number(
		    database, "SELECT count(*) FROM boot WHERE checksum IS " BOOT_CHECKSUM, &boots);
	if (r == 0)
		r = database_faults(database, &faults);
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
		r = database_faults(database, &faults);
	return r == 0 && faults > 0 ? -EILSEQ : r;
}

/*
 * The file must survive a SIGKILL, for which the page cache is enough; after a power failure its
 * content is dropped. So nothing is synced, which could block the event loop for milliseconds.
 * PERSIST keeps the journal file instead of creating and deleting it in each transaction.
 */
#define PRAGMAS "PRAGMA synchronous=OFF; PRAGMA journal_mode=PERSIST;"

int holdings_database_open(const char *path, enum database_open_mode mode, sqlite3 **ret_database)
{
	sqlite3 *database = NULL;
	int r = database_connect(path, PRAGMAS, &database);

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
