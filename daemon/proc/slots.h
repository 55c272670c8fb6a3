/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/base.h"

/*
 * Low descriptors that are kept for what children take along as 0, 1 and 2.
 *
 * clone3(2) copies the whole table of descriptors and execve(2) closes the copy: with 4000 open
 * that is most of a spawn. A child that shares the table (CLONE_FILES) and then copies its low end
 * alone (close_range(2), CLOSE_RANGE_UNSHARE) is spared both, if what it needs lies there.
 */
#define SLOT_FDS  3
#define SLOT_SETS 8

struct slot_set {
	int fds[SLOT_FDS]; /* of /dev/null where nobody has the set */
	const void *owner; /* whose ends lie there; NULL: nobody's */
	volatile bool
	    is_shared; /* its owner's child has no table of its own yet; that clears this */
};

struct slots {
	struct slot_set sets[SLOT_SETS];
	int null;
	unsigned int end; /* above the highest slot; 0: this process has none */
};

/*
 * Early, while low descriptors are free; else, and when it fails, there are no slots. They lie in
 * memory that children share, whatever else they share.
 */
void slots_init(struct slots *slots);
void slots_clear(struct slots *slots);

/*
 * Copies the three descriptors into a set, which is the owner's until slots_release(), or until
 * another takes it after the child went apart. NULL: there is none, or it is not worth it.
 */
struct slot_set *slots_take(struct slots *slots, const int fds[static SLOT_FDS], const void *owner);

/* Lets go of the ends in the set, where it is the owner's still. set may be NULL. */
void slots_release(struct slots *slots, struct slot_set *set, const void *owner);
