/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

#define HOLDINGS_FILE "holdings.db"

/*
 * Checks the file. 0: SQLite may open it; 1: it was missing and was created, since SQLite would
 * create one that all users can read. -EILSEQ: it is empty, or missing while its journal is there,
 * or it or one of the files that SQLite opens with it (journal, WAL) is not a regular file of
 * hookd's own. Or another -errno.
 */
int holdings_file_check(int directory) must_check;

/*
 * Removes a file that was created and could not be filled: the next hookd would find it empty, and
 * report that holdings are lost.
 */
void holdings_file_take_back(int directory);

/*
 * Renames the file to *.bad (file_set_aside()), and its journal and WAL: SQLite would apply them to
 * the next file of that name. -errno.
 */
int holdings_file_set_aside(int directory) must_check;

/* Copies the file to *.bad. It must not be open: that would release its lock (fcntl(2)). -errno. */
int holdings_file_copy_aside(int directory) must_check;
