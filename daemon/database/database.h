/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/database: what hookd's SQLite files have in common: how they are opened, locked, checked
 * and set aside, and SQLite's functions with -errno as result. The tables belong to others. A
 * connection is used by one thread.
 *
 * May use: daemon/base; libxxhash, sqlite.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/*
 * Opens or creates the file, executes `pragmas`, and locks it until it is closed. -EBUSY: another
 * process has locked it, and still does after a second. -EILSEQ: it is not a database, or damaged.
 * Other errors may be temporary.
 */
int database_connect(const char *path, const char *pragmas, sqlite3 **ret_database) must_check;

/* The version of its schema. -EILSEQ: it has another application id; an empty file has none. */
int database_version(sqlite3 *database, int application_id, int64_t *ret_version) must_check;

/* Of indexes, pages and the schema, which the checksums of rows do not cover. Reads all of it. */
int database_faults(sqlite3 *database, int64_t *ret_faults) must_check;

/* Defines the functions of SQL checksum(), of any values, and boot_id(), of this boot. */
int database_define_functions(sqlite3 *database) must_check;

/* Converts a result of SQLite to 0 or -errno, as above; -ENOSPC where there is no room. */
int database_error(int result);
int database_execute(sqlite3 *database, const char *sql);
/* The first column of the first row; 0: there is no row. */
int database_number(sqlite3 *database, const char *sql, int64_t *ret_number) must_check;

/* `database` may be NULL: then statements are NULL too, and do nothing successfully. */
int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement) must_check;
/* Texts must stay valid until database_run(), which runs the statement once and forgets its values.
 */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
void database_bind_int(sqlite3_stmt *statement, int place, int64_t value);
int database_run(sqlite3_stmt *statement);
