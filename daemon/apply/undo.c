/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack of changes. Reverting tells nobody of failures: what cannot be put back is gone (a
 * process that has ended, a cgroup that somebody else removed), and the caller has an error to
 * report already. Used by every part of apply/ that changes what it did not make.
 */
#include "daemon/apply/undo.h"

#include <stddef.h>

struct undo_entry {
	undo_fn revert, forget;
	STAILQ_ENTRY(undo_entry) link; /* the last change first */
	char data[] __attribute__((aligned(16)));
};

void *undo_add(struct undo *undo, size_t size, undo_fn revert, undo_fn forget)
{
	struct undo_entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		return NULL;
	entry->revert = revert;
	entry->forget = forget;
	STAILQ_INSERT_HEAD(undo, entry, link);
	return entry->data;
}

static void end(struct undo *undo, bool reverts)
{
	struct undo_entry *entry;

	while ((entry = STAILQ_FIRST(undo))) {
		STAILQ_REMOVE_HEAD(undo, link);
		if (reverts)
			entry->revert(entry->data);
		if (entry->forget)
			entry->forget(entry->data);
		free(entry);
	}
}

void undo_all(struct undo *undo)
{
	end(undo, true);
}

void undo_forget(struct undo *undo)
{
	end(undo, false);
}
