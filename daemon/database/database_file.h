/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "daemon/base/base.h"

/* A SQLite file NAME, with its NAME-journal and NAME-wal, in a directory of hookd's own. */

#define DATABASE_NAME_MAX 32

/*
 * Checks the file. 0: SQLite may open it; 1: it was missing and was created, since SQLite would
 * create one that all users can read. -EILSEQ: it is empty, or missing while its journal is there,
 * or it or one of the files that SQLite opens with it (journal, WAL) is not a regular file of
 * hookd's own. Or another -errno.
 */
int database_file_check(int directory, const char *name) must_check;

/*
 * Removes a file that was created and could not be filled: the next hookd would find it empty, and
 * report that its content is lost.
 */
void database_file_take_back(int directory, const char *name);

/*
 * Renames the file to *.bad (file_set_aside()), and its journal and WAL: SQLite would apply them to
 * the next file of that name. -errno.
 */
int database_file_set_aside(int directory, const char *name) must_check;

/* Copies the file to *.bad. It must not be open: that would release its lock (fcntl(2)). -errno. */
int database_file_copy_aside(int directory, const char *name) must_check;

/*
 * The pid of the process that has locked the file; 0: none. Do not call it while the file is open:
 * it would release hookd's own lock (fcntl(2)).
 */
pid_t database_file_locker(const char *directory, const char *name);
