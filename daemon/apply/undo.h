/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/base/util.h"

/*
 * What was changed and how it was before, so that a request that fails half-way leaves nothing: all
 * or nothing, for things that know no transactions. A change is entered before it is made.
 */
struct undo_entry;
STAILQ_HEAD(undo, undo_entry);

/* What puts one change back. `data` stands behind the entry, aligned for anything. */
typedef void (*undo_fn)(void *data);

/*
 * Makes room for an entry with `size` bytes of data, zeroed, which the caller fills before it makes
 * the change. `forget` closes what the data holds; it is called last in either case and may be
 * NULL. NULL when memory is out: then the change must not be made.
 */
void *undo_add(struct undo *undo, size_t size, undo_fn revert, undo_fn forget) must_check;

/* Puts everything back, the last change first, and forgets it. */
void undo_all(struct undo *undo);
/* Everything stays as it is now. */
void undo_forget(struct undo *undo);
