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

/* The columns of the tables, and the checksums of their rows, in SQL. */
#define HOLDING_COLUMNS                                                                            \
	"container, pid, start_time, uid, state, is_systemd, cgroup_path, unit, rdt_group, "       \
	"process, ignored, former_path, former_group, mark, mixed"
#define HOLDING_CHECKSUM "checksum(boot_id(), " HOLDING_COLUMNS ")"
#define CREATED_COLUMNS	 "id, container, kind, name"
#define CREATED_CHECKSUM "checksum(boot_id(), " CREATED_COLUMNS ")"

enum database_open_mode {
	DATABASE_NEW,	 /* the file was just created and is empty */
	DATABASE_CHECK,	 /* what is damaged is logged */
	DATABASE_REPAIR, /* what is damaged is deleted */
};

/*
 * Opens the file. Rows of an earlier boot are deleted, and this is logged. -EILSEQ: it is not
 * hookd's, or damaged as a whole; -EBADMSG, only with CHECK: it is damaged, and REPAIR keeps what
 * is not; -EBUSY: another process has locked it. Other errors may be temporary.
 */
int database_open(const char *path, enum database_open_mode mode,
		  sqlite3 **ret_database) must_check;

/* Defines the functions of SQL checksum(), of any values, and boot_id(), of this boot. */
int database_define_functions(sqlite3 *database) must_check;

/* Converts a result of SQLite to 0 or -errno, as above. */
int database_error(int result);
int database_execute(sqlite3 *database, const char *sql);
int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement) must_check;
/* Texts must stay valid until database_run(), which runs the statement once and forgets its values.
 */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
void database_bind_int(sqlite3_stmt *statement, int place, int64_t value);
int database_run(sqlite3_stmt *statement);
