/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/base.h"

/*
 * Low descriptors, reserved for what children get as 0, 1 and 2.
 *
 * clone3(2) copies the whole table of descriptors, and execve(2) closes the copy: with 4000 open
 * descriptors this is most of the cost of a spawn. Instead, a child shares the table (CLONE_FILES)
 * and then copies only its low end (close_range(2), CLOSE_RANGE_UNSHARE). What the child needs has
 * to be there.
 */
#define SLOT_FDS  3
#define SLOT_SETS 32

struct slot_set {
	int fds[SLOT_FDS]; /* /dev/null while the set is free */
	unsigned int end;  /* one above the highest of them */
	const void *owner; /* of the descriptors in it; NULL: free */
	/* The owner's child still shares hookd's table. The child clears it. */
	volatile bool is_shared;
};

struct slots {
	struct slot_set sets[SLOT_SETS];
	int null; /* -1: there are no slots */
};

/*
 * Call it early, while low descriptors are free. If it fails there are no slots, which costs speed
 * only. *slots is in memory that is shared with all children, also with those that get a copy of
 * hookd's memory.
 */
void slots_init(struct slots *slots);
void slots_clear(struct slots *slots);

/*
 * Copies the three descriptors into a set. The set is the owner's until slots_release(), or until
 * another owner takes it after the child has got its own table. NULL: no set is free, or few
 * descriptors are open.
 */
struct slot_set *slots_take(struct slots *slots, const int fds[static SLOT_FDS], const void *owner);

/* Closes the descriptors in the set, if it still is the owner's. `set` may be NULL. */
void slots_release(struct slots *slots, struct slot_set *set, const void *owner);
