/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/util.h"

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

/* Of this boot, without a newline. -errno. */
int file_boot_id(char id[static 64]) must_check;

/* Numbers of fields in proc_pid_stat(5). */
enum { STAT_PARENT = 4, STAT_FLAGS = 9, STAT_START_TIME = 22 };
/* One of a /proc/PID/stat that was read, behind the command, which may hold anything; 0: none. */
uint64_t file_stat_field(const char *text, int number);

/* The number behind "KEY " at the beginning of a line, or -1. */
long long file_keyed_value(const char *text, const char *key);
