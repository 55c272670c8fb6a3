/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Small files of kernel file systems (cgroup2, procfs, resctrl), relative to a directory's
 * descriptor or AT_FDCWD. A symbolic link at the end of `path` is not followed.
 */

/* Reads up to `size` - 1 bytes and adds a NUL. Returns the length, or -errno. */
ssize_t file_read_at(int directory, const char *path, char *text, size_t size) must_check;

/*
 * Writes `text` by a single write(2), since such files take one whole value at a time. -EIO where
 * the kernel took less, or another -errno. Opens with O_NONBLOCK: since Linux 6.16 a write to
 * memory.max then does not wait until memory is reclaimed.
 */
int file_write_at(int directory, const char *path, const char *text);

/*
 * Opens one of hookd's own files in the state directory; `flags` are those of open(2). Sets its
 * mode to 0600. Does not block on a FIFO. Returns a descriptor of the caller's, or -errno. -EILSEQ:
 * `name` is not a regular file, belongs to another user, or has a second hard link.
 */
int file_open_own(int directory, const char *name, int flags) must_check;

#define FILE_ASIDE_SIZE 64
/*
 * Renames a file that is damaged to NAME.SUFFIX, or NAME.SUFFIX.1 where that exists, so that the
 * operator can examine it. Only the newest two are kept; a directory of such a name stays. ret_name
 * may be NULL. -errno.
 */
int file_set_aside(int directory, const char *name, const char *suffix,
		   char ret_name[FILE_ASIDE_SIZE]) must_check;
/* The same for a copy of the damaged file `as`: `name` is renamed to AS.SUFFIX. */
int file_set_aside_as(int directory, const char *name, const char *as, const char *suffix,
		      char ret_name[FILE_ASIDE_SIZE]) must_check;

/* The id of this boot (random(4)), without a newline. -errno. */
int file_boot_id(char id[static 64]) must_check;

/* Numbers of fields in proc_pid_stat(5). */
enum { STAT_PARENT = 4, STAT_FLAGS = 9, STAT_START_TIME = 22 };
/*
 * The field `number` in the text of a /proc/PID/stat; 0 where it is missing. Only fields after the
 * command, which may itself contain blanks and parentheses.
 */
uint64_t file_stat_field(const char *text, int number);

/* The number after "KEY " at the beginning of a line, or -1. */
long long file_keyed_value(const char *text, const char *key);
