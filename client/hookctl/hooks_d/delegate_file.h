/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/delegate/delegate.h"
#include "client/hookctl/document.h"
#include "client/hookctl/hooks_d/hooks_d.h"

/* A file that is to be written. */
struct delegated {
	char *name;
	struct hp_buf text;
	unsigned int stages; /* as in struct hooks_d */
	size_t source;	     /* which file it comes from, as the engines order them */
	const char *source_name;
	unsigned int mode; /* the permissions of that one */
};

struct delegated_list {
	struct delegated *list;
	size_t count, capacity;
};
void delegated_list_free(struct delegated_list *list);

/* How the files of a hooks.d are to be rewritten. */
struct delegate_file {
	const struct delegate *delegate; /* its `left` is not called */
	/* Called for a stage that stays as it is, or with NULL for a file that does; may be NULL.
	 */
	void (*left)(const char *stage, const char *why, void *userdata);
	void *userdata;
};

/* The file that is rewritten next. */
struct delegate_source {
	const char *name;
	const struct document *document;
	const struct hooks_d *hooks_d; /* what was read from it */
	size_t index;		       /* as the engines order them */
	unsigned int mode;
};

/*
 * Adds what becomes of the file: for each stage that hookd can run a file NAME-STAGE.json with a
 * shim hook, and the file itself for the other stages. A file of one stage keeps its name, and one
 * that hookd can run nothing of is added as it is. All bytes but those of `hook` and `stages` stay.
 * Rewriting the new files gives the same as once.
 *
 * -EINVAL with the path of what is wrong, -ENOMEM.
 */
int delegate_file(const struct delegate_file *how, const struct delegate_source *source,
		  struct delegated_list *ret, struct hp_err *err);
/* True for a hook that delegate has made. */
bool delegate_file_has_made(const struct hp_hook *hook);
/* Adds it as it is. */
int delegate_file_copy(const struct delegate_source *source, struct delegated_list *ret,
		       struct hp_err *err);

/*
 * Brings the files into the order of the engines. -EINVAL with a reason if they cannot stand in one
 * directory: two have one name, or the hooks of a stage would be run in another order than those of
 * the files that they come from.
 */
int delegated_sort(struct delegated_list *list, struct hp_err *err);
