/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "daemon/base/base.h"
#include "daemon/options.h"

/* Where hookd listens, and where it keeps what is to survive it. */
struct place {
	char directory[PATH_MAX]; /* of the socket, by default; "": it is made by somebody else */
	char socket[PATH_MAX];
	char state[PATH_MAX];	    /* "": nothing is kept */
	char older_state[PATH_MAX]; /* where an earlier hookd kept its own; "": nowhere */
};

/*
 * What the command line names, else what the service manager has made, else the defaults of
 * proto/base/own_directory.h. -ENAMETOOLONG.
 */
int place_find(const struct hookd_options *options, struct place *ret_place) must_check;

/* The directory of the default socket, where it is not there. -errno. */
int place_make_directory(const struct place *place) must_check;

/*
 * Makes, looks at and locks the state directory, where there is one, and takes over what an earlier
 * hookd kept elsewhere. What is to survive hookd must not be left out without a word: where the
 * directory cannot be used that is logged and -errno. *ret_lock is kept open while it is used; -1:
 * there is none.
 */
int place_open_state(const struct place *place, int *ret_lock) must_check;
