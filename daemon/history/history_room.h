/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/*
 * How much room the file may take. On a file system that fills up it does not grow into the last
 * quarter, or the last 64 MiB of a large one: on the usual tmpfs hookd's records of runs need that,
 * without which no run begins.
 */
#define HISTORY_NEW_BYTES (512u * 1024) /* a new file, its journal and some runs */

bool history_has_room(int directory, uint64_t bytes);

/* The columns of a row of the table run, as parameters 1 to 9; and by their names. */
#define HISTORY_RUN_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
#define HISTORY_RUN_COLUMNS                                                                        \
	"id, submitted_us, ended_us, uid, container, stage, outcome, hook_outcome, text"

/* Defines path_matches(PATTERN, PATH) for history_read.c. -errno. */
int history_define_functions(sqlite3 *database) must_check;
