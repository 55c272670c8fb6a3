/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/*
 * SQLite as far as holdings.c uses it. A database of NULL is none: statements of it do nothing, and
 * work.
 */

/*
 * Opens the file, which is_new where it is empty and was made for this. What was written in another
 * boot is dropped. -EILSEQ: it is damaged or somebody else's; -EBUSY: another process has it open;
 * all else says nothing of the file.
 */
int database_open(const char *path, bool is_new, sqlite3 **ret_database) must_check;

/* A result of SQLite's as 0 or -errno, with the meanings above. */
int database_error(int result);
int database_execute(sqlite3 *database, const char *sql);
int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement) must_check;
/* Texts are borrowed until database_finish(), which frees the statement. */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
void database_bind_int(sqlite3_stmt *statement, int place, int64_t value);
int database_finish(sqlite3_stmt *statement);
