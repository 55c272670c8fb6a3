/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/base/base.h"

/*
 * The changes of a request and how to revert them, so that a request that fails half-way leaves
 * nothing behind. Each change is added before it is made.
 */
struct undo_entry;
STAILQ_HEAD(undo, undo_entry);

/*
 * Reverts one change. 0, or -errno; 0 too where there is nothing to revert any more (a process has
 * exited, a cgroup was removed by another program). `data` is the memory that undo_add() returned.
 */
typedef int (*undo_fn)(void *data);
/* Releases what the data holds, whether the change was reverted or not. */
typedef void (*undo_forget_fn)(void *data);

/*
 * Adds an entry and returns `size` bytes of data for it, zeroed and aligned for any type, which the
 * caller fills before it makes the change. `what` names the change in messages; it is not copied.
 * `forget` is called last, after `revert` or without it, and may be NULL. Returns NULL when out of
 * memory: then the change must not be made.
 */
void *undo_add(struct undo *undo, const char *what, size_t size, undo_fn revert,
	       undo_forget_fn forget) must_check;

/*
 * Reverts all changes, the last one first, and empties the list. Goes on after an error. Returns 0,
 * or the first error. `failures` gets "WHAT: the reason" of each that failed, as many as fit; with
 * a `size` of 0 it is not written to.
 */
int undo_all(struct undo *undo, char *failures, size_t size);
/* Empties the list; the changes stay. */
void undo_forget(struct undo *undo);
