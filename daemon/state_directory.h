/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/* The directory of the state that survives a restart. It is used by one hookd at a time. */

#define STATE_REASON_SIZE 160

/*
 * Creates the directory (mode 0700) if it does not exist, checks and locks it. Returns the
 * descriptor of the lock, which the caller keeps open while the directory is used. On failure
 * `reason` is a text that continues a sentence after the path:
 *
 *	-EPERM	the directory belongs to another user, or others can write to it
 *	-EBUSY	another hookd uses it
 *	-errno	it cannot be created or opened, or is not a directory
 */
int state_directory_open(const char *path, char reason[static STATE_REASON_SIZE]) must_check;

struct state_taken {
	int moved;
	int left; /* not moved: there is already a file of that name */
};

/* Moves the files that earlier versions kept in `from`, the directory of the socket. -errno. */
int state_directory_take_over(const char *from, const char *to,
			      struct state_taken *ret_taken) must_check;
