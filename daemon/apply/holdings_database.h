/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/database/database.h"

/* The columns of the tables, and the checksums of their rows, in SQL. */
#define HOLDING_COLUMNS                                                                            \
	"container, pid, start_time, uid, state, is_systemd, cgroup_path, unit, rdt_group, "       \
	"process, ignored, former_path, former_group, mark, mixed, unit_files, has_closid"
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
int holdings_database_open(const char *path, enum database_open_mode mode,
			   sqlite3 **ret_database) must_check;
