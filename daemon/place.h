/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "daemon/base/base.h"
#include "daemon/options.h"

/* Where hookd listens, and where it keeps the state that survives a restart. */
struct place {
	char directory[PATH_MAX]; /* of the default socket; "": not hookd's to create */
	char socket[PATH_MAX];
	char state[PATH_MAX];	    /* state directory; "": none, nothing is kept */
	char older_state[PATH_MAX]; /* where earlier versions kept it; "": nowhere */
};

/*
 * The paths of the command line, else those that the service manager created, else the defaults of
 * proto/base/own_directory.h. -errno, logged.
 */
int place_find(const struct hookd_options *options, struct place *ret_place) must_check;

/* Creates the directory of the default socket if it does not exist. -errno, logged. */
int place_make_directory(const struct place *place) must_check;

/*
 * Creates, checks and locks the state directory, if there is to be one, and moves the files of an
 * earlier hookd into it. *ret_lock is the descriptor of the lock, which the caller keeps open while
 * the directory is used; -1: there is no state directory. -errno, logged: hookd must not start
 * without the state that it is configured to keep.
 */
int place_open_state(const struct place *place, int *ret_lock) must_check;
