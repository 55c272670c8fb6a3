/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/records/entry.h"

#define RECORD_FILE_NAME "runs"
#define RECORD_FILE_NEW	 "runs.new" /* becomes RECORD_FILE_NAME when it is complete */
#define RECORD_FILE_BAD	 "bad"	    /* RECORD_FILE_NAME.bad is a damaged one */

/*
 * A file of entries, appended to by one process. It ends with ENTRY_LAST, which the next append
 * overwrites.
 */
struct record_file {
	int directory; /* borrowed */
	int fd;
	size_t length; /* where the next entry is written: without ENTRY_LAST */
	uint64_t seed;
};

#define RECORD_FILE_NONE ((struct record_file){.directory = -1, .fd = -1})

/*
 * Removes a file of that name. What is not a regular file is set aside, and that is logged. -errno.
 */
int record_file_clear(int directory, const char *name);

/* Makes the file, in place of one that is there, with a head and no entries. -errno: no file. */
int record_file_create(int directory, const char *name, const char *boot_id,
		       struct record_file *ret_file) must_check;

/*
 * Opens RECORD_FILE_NAME, to write behind all that is in it. -ENOENT; -EILSEQ, -EACCES: it is not a
 * file that this user could have written.
 */
int record_file_open(int directory, const char *boot_id, struct record_file *ret_file) must_check;

/*
 * Maps all that is in the file, without ENTRY_LAST if that is behind `length`. Unmap it with
 * munmap(2). -errno; -EIO: the file is shorter than `length`.
 */
int record_file_map(const struct record_file *file, size_t length, char **ret_bytes) must_check;

/* Continues at `end`: what is behind is cut off. -errno. */
int record_file_cut(struct record_file *file, size_t end);

/*
 * Writes the entries by one write(2), all or none of them. The buffer is unchanged. -errno: none is
 * written, as far as the file can still be changed; a reader skips what else is left.
 */
int record_file_append(struct record_file *file, struct hp_buf *entries) must_check;

void record_file_close(struct record_file *file);
