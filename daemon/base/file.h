/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * The small files of the kernel's own file systems, below a directory's descriptor (or AT_FDCWD).
 * A symbolic link at the end of `path` is not followed.
 */

/* Up to `size` - 1 bytes from the beginning, a NUL behind them. The length, or -errno. */
ssize_t file_read_at(int directory, const char *path, char *text, size_t size) must_check;

/*
 * One write(2), since such a file takes one whole value at a time. -EIO where the kernel took less.
 * Does not wait for memory to be reclaimed below a new memory.max where the kernel (6.16) can
 * leave that for later.
 */
int file_write_at(int directory, const char *path, const char *text);

/*
 * A file of hookd's own in the state directory, by `flags` of open(2); its mode is 0600 from now
 * on. Never waits, for the other end of a FIFO say. -EILSEQ: what is there is no regular file, or
 * is somebody else's, or has a second name.
 */
int file_open_own(int directory, const char *name, int flags) must_check;

/*
 * Renames what cannot be used to NAME.SUFFIX, or to NAME.SUFFIX.1 and so on where there is one, for
 * somebody to look at. -errno.
 */
int file_set_aside(int directory, const char *name, const char *suffix) must_check;

/* Of this boot, without a newline. -errno. */
int file_boot_id(char id[static 64]) must_check;

/* Numbers of fields in proc_pid_stat(5). */
enum { STAT_PARENT = 4, STAT_FLAGS = 9, STAT_START_TIME = 22 };
/* One of a /proc/PID/stat that was read, behind the command, which may hold anything; 0: none. */
uint64_t file_stat_field(const char *text, int number);

/* The number behind "KEY " at the beginning of a line, or -1. */
long long file_keyed_value(const char *text, const char *key);
