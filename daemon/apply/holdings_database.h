/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/*
 * The functions of SQLite that holdings.c uses, with -errno as result. `database` may be NULL: then
 * statements are NULL too, and do nothing successfully.
 */

/*
 * Opens the file. `is_new`: it was just created and is empty. Rows of an earlier boot are deleted.
 * -EILSEQ: it is damaged or not hookd's; -EBUSY: another process has locked it. Other errors may be
 * temporary.
 */
int database_open(const char *path, bool is_new, sqlite3 **ret_database) must_check;

/* Converts a result of SQLite to 0 or -errno, as above. */
int database_error(int result);
int database_execute(sqlite3 *database, const char *sql);
int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement) must_check;
/* Texts must stay valid until database_finish(), which runs the statement once and frees it. */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
void database_bind_int(sqlite3_stmt *statement, int place, int64_t value);
int database_finish(sqlite3_stmt *statement);
