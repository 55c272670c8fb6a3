/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of changes with a function for each that reverts it. No other state. */
#include "daemon/base/undo.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct undo_entry {
	const char *what;
	undo_fn revert;
	undo_forget_fn forget;
	STAILQ_ENTRY(undo_entry) link; /* the last change first */
	char data[] __attribute__((aligned(16)));
};

void *undo_add(struct undo *undo, const char *what, size_t size, undo_fn revert,
	       undo_forget_fn forget)
{
	struct undo_entry *entry = calloc(1, sizeof(*entry) + size);

	assert(what && revert);
	if (!entry)
		return NULL;
	entry->what = what;
	entry->revert = revert;
	entry->forget = forget;
	STAILQ_INSERT_HEAD(undo, entry, link);
	return entry->data;
}

static struct undo_entry *take_last(struct undo *undo)
{
	struct undo_entry *entry = STAILQ_FIRST(undo);

	if (entry)
		STAILQ_REMOVE_HEAD(undo, link);
	return entry;
}

static void entry_free(struct undo_entry *entry)
{
	if (entry->forget)
		entry->forget(entry->data);
	free(entry);
}

static void tell(char *failures, size_t size, const char *what, int r)
{
	size_t length = strnlen(failures, size);

	if (length < size)
		snprintf(failures + length, size - length, "%s%s: %s", length ? ", " : "", what,
			 strerror(-r));
}

int undo_all(struct undo *undo, char *failures, size_t size)
{
	struct undo_entry *entry;
	int first = 0;

	if (size)
		failures[0] = '\0';
	while ((entry = take_last(undo))) {
		int r = entry->revert(entry->data);

		if (r < 0) {
			tell(failures, size, entry->what, r);
			first = first ? first : r;
		}
		entry_free(entry);
	}
	return first;
}

void undo_forget(struct undo *undo)
{
	struct undo_entry *entry;

	while ((entry = take_last(undo)))
		entry_free(entry);
}
