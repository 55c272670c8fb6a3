/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Runs the requests of the spool, each once and in the order in which they were left, as if the
 * user that has left them had called Run.
 */
struct spooled;

/*
 * Submits what is in the spool of the state directory. Call before connections are accepted, so
 * that later requests of the same containers are queued behind. What is left while hookd runs, or
 * could not be run yet, is submitted every SPOOLED_LOOK_EVERY_S. A spool that cannot be used is
 * logged, and no error. -ENOMEM.
 */
#define SPOOLED_LOOK_EVERY_S 5
int spooled_new(struct hookd *hookd, const char *state_directory,
		struct spooled **ret_spooled) must_check;
/* How many files wait, also those that are queued. 0 where there is no spool: NULL is fine. */
size_t spooled_count(const struct spooled *spooled);
/* The files of runs that have not begun stay. NULL is fine. */
struct spooled *spooled_free(struct spooled *spooled);
