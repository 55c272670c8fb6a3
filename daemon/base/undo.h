/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/base/base.h"

/*
 * What was changed and how it was before, so that a request that fails half-way leaves nothing: all
 * or nothing, for things that know no transactions. A change is entered before it is made.
 */
struct undo_entry;
STAILQ_HEAD(undo, undo_entry);

/*
 * What puts one change back: 0, or -errno. What is not there any more (a process that has ended, a
 * cgroup that somebody else removed) needs no putting back: 0. `data` stands behind the entry,
 * aligned for anything.
 */
typedef int (*undo_fn)(void *data);
typedef void (*undo_forget_fn)(void *data);

/*
 * Makes room for an entry with `size` bytes of data, zeroed, which the caller fills before it makes
 * the change. `what` names the change to a reader, and is not copied. `forget` closes what the data
 * holds; it is called last in either case and may be NULL. NULL when memory is out: then the change
 * must not be made.
 */
void *undo_add(struct undo *undo, const char *what, size_t size, undo_fn revert,
	       undo_forget_fn forget) must_check;

/*
 * Puts everything back, the last change first, and forgets it. 0, or the first error; all are tried
 * whatever fails. `failures` gets "WHAT: the reason" of each that failed, as many as fit; it may be
 * of no size.
 */
int undo_all(struct undo *undo, char *failures, size_t size);
/* Everything stays as it is now. */
void undo_forget(struct undo *undo);
