/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * The directory of what is to survive hookd: its user's alone, and of one hookd at a time.
 */

#define STATE_REASON_SIZE 160

/*
 * Makes it (0700) where it is missing. The descriptor of a locked file, to be kept as long as the
 * directory is used. Where it cannot be used, `reason` goes on after its path:
 *	-EPERM  it belongs to another user, or others can write to it
 *	-EBUSY  another hookd uses it
 *	-errno  it cannot be made or opened, or is no directory
 */
int state_directory_open(const char *path, char reason[static STATE_REASON_SIZE]) must_check;

struct state_taken {
	int moved;
	int left; /* where they were: there is a file of that name already */
};

/* Takes over what an earlier hookd kept in `from`, the directory of the socket. -errno. */
int state_directory_take_over(const char *from, const char *to,
			      struct state_taken *ret_taken) must_check;
