/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/file.h"
#include "daemon/records/record_file.h"
#include "daemon/run/store.h"

/*
 * Copies the entries of the runs that are in the store to a new file, a piece at a time, and then
 * replaces the file by it. Entries may be appended to the file meanwhile.
 */
struct rewrite {
	struct record_file *from; /* borrowed */
	struct record_file to;	  /* fd -1: it has taken the place of `from`, or there is none */
	int old_fd;		  /* the file that was replaced, until it is empty; -1: none */
	size_t old_length;
	size_t offset; /* how far `from` was copied */
	size_t start;  /* from->length at the beginning */
	size_t damaged_bytes;
	char kept_as[FILE_ASIDE_SIZE]; /* the name of the damaged file; "": it was not kept */
	struct hp_buf buf;	       /* a piece */
};

#define REWRITE_NONE ((struct rewrite){.to = RECORD_FILE_NONE, .old_fd = -1})

static inline bool rewrite_is_active(const struct rewrite *rewrite)
{
	return rewrite->to.fd >= 0 || rewrite->old_fd >= 0;
}

/* `first`: entries that the new file begins with. -errno: nothing has changed. */
int rewrite_begin(struct rewrite *rewrite, struct record_file *from, const char *boot_id,
		  struct hp_buf *first) must_check;
/*
 * Does a piece of work: copies up to 512 KiB, at least one entry; or frees a part of the file that
 * was replaced. 0: there is more. 1: it is done, and rewrite->damaged_bytes were left out. -errno:
 * nothing has changed, and the rewrite is over.
 */
int rewrite_some(struct rewrite *rewrite, struct store *store) must_check;
/* Ends it, if it is active. Before the new file has taken its place, nothing has changed. */
void rewrite_abort(struct rewrite *rewrite);
