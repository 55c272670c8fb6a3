/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/records/record_file.h"
#include "daemon/run/store.h"

/*
 * Copies the entries of the runs that are in the store to a new file, a piece at a time, and then
 * replaces the file by it. Entries may be appended to the file meanwhile.
 */
struct rewrite {
	struct record_file *from; /* borrowed */
	struct record_file to;	  /* fd -1: nothing is being rewritten */
	size_t offset;		  /* how far `from` was copied */
	size_t start;		  /* from->length at the beginning */
	size_t damaged_bytes;
	struct hp_buf buf; /* a piece */
};

#define REWRITE_NONE ((struct rewrite){.to = RECORD_FILE_NONE})

static inline bool rewrite_is_active(const struct rewrite *rewrite)
{
	return rewrite->to.fd >= 0;
}

/* `first`: entries that the new file begins with. -errno: nothing has changed. */
int rewrite_begin(struct rewrite *rewrite, struct record_file *from, const char *boot_id,
		  struct hp_buf *first) must_check;
/*
 * Copies a piece: an entry, and others up to 1 MiB. 1: the new file has taken the place of
 * *rewrite->from. 0: there is more. -errno: nothing has changed, and the rewrite is over.
 */
int rewrite_some(struct rewrite *rewrite, struct store *store) must_check;
/* Ends it, if it is active, without a change. */
void rewrite_abort(struct rewrite *rewrite);
