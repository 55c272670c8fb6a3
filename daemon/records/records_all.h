/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/records/record_file.h"
#include "daemon/records/records.h"
#include "daemon/records/reserve.h"
#include "daemon/records/rewrite.h"
#include "proto/base/buf.h"

/* Shared by the files records*.c. */

struct records {
	struct records_options options;
	int directory;
	char boot_id[64];
	struct record_file file;
	struct rewrite rewrite;
	struct reserve reserve;
	struct hp_buf pending;	    /* entries that are not in the file yet */
	struct hp_buf text;	    /* of the entry that is being made */
	struct event *flush, *look; /* flush: pending while something is to be written */
	char *runners;		    /* the last that was recorded; NULL: not known */
	bool was_looked_at;	    /* since the start */
	bool is_failing;	    /* the error was logged */
	bool rewrite_has_failed;    /* it is tried again at the next look */
};

/* records.c: rewrites the file at once, before the loop runs. -errno. */
int records_rewrite_all(struct records *records, size_t damaged_bytes) must_check;
/* records_open.c: opens the file, or makes a new one, and restores its runs. -errno. */
int records_open_file(struct records *records) must_check;
