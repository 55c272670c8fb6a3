/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, the checksum of rows, and opening: what all SQLite files of hookd have in common. No
 * state. */
#include "daemon/database/database.h"

#include <xxhash.h>

#include "daemon/base/file.h"

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

/* ---- the file ---- */

int database_number(sqlite3 *database, const char *sql, int64_t *ret_number)
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

int database_faults(sqlite3 *database, int64_t *ret_faults)
{
	return database_number(database,
			       "SELECT count(*) FROM pragma_integrity_check "
			       "WHERE integrity_check <> 'ok'",
			       ret_faults);
}

int database_version(sqlite3 *database, int application_id, int64_t *ret_version)
{
	int64_t id;
	int r = database_number(database, "PRAGMA application_id", &id);

	*ret_version = 0;
	if (r == 0 && id != application_id)
		return -EILSEQ;
	return r < 0 ? r : database_number(database, "PRAGMA user_version", ret_version);
}

static int prepare_file(sqlite3 *database, const char *pragmas)
{
	int r;

	(void)sqlite3_extended_result_codes(database, 1);
	(void)sqlite3_busy_timeout(database, BUSY_WAIT_MS);
	r = database_define_functions(database);
	if (r == 0)
		r = database_execute(database, "PRAGMA locking_mode=EXCLUSIVE");
	if (r == 0)
		r = database_execute(database, pragmas);
	return r < 0 ? r : database_execute(database, "BEGIN EXCLUSIVE; COMMIT");
}

int database_connect(const char *path, const char *pragmas, sqlite3 **ret_database)
{
	const int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	sqlite3 *database = NULL;
	int r = database_error(sqlite3_open_v2(path, &database, flags, NULL));

	if (r == 0)
		r = prepare_file(database, pragmas);
	if (r == 0)
		*ret_database = database;
	else
		sqlite3_close(database);
	return r;
}
