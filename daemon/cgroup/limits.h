/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/limit_list.h"

/*
 * Writes limits to the files of a cgroup, and restores the old values. Blocks for the writes, about
 * 10 us each; on kernels before 6.16 a memory.max below the usage takes longer, since the write
 * waits until memory is reclaimed.
 */

/* The old value of a file. A list, the last change first, for limits_undo(). */
struct limit_value {
	struct limit_value *before;
	const char *file, *text; /* in the form that can be written */
};

struct limits_journal {
	struct limit_value *last; /* NULL: nothing was changed */
	struct hp_arena arena;
};

#define LIMITS_JOURNAL_INIT ((struct limits_journal){0})

/*
 * `cgroup_fd` is a directory of cgroup2, O_PATH is enough; the controllers must be enabled for it.
 * Stops at the first write that fails; call limits_undo() to restore the values written before.
 * `journal` gets each old value before the write that changes it, and may be NULL.
 *
 * On failure *err gets the path of the field and the kernel's error. -EOPNOTSUPP: the controller or
 * the file does not exist; -EBUSY: memory.checkBeforeUpdate is set, and the usage is above the
 * limit; or another -errno.
 */
int limits_apply(int cgroup_fd, const struct limit_list *list, struct limits_journal *journal,
		 struct hp_err *err) must_check;

/*
 * The check of memory.checkBeforeUpdate, which limits_apply() begins with: -EBUSY, as there. For a
 * caller that has something else change the limits first.
 */
int limits_check_usage(int cgroup_fd, const struct limit_list *list, struct hp_err *err) must_check;

/*
 * True where the cgroups of this tree have io.bfq.weight: `path` is one, which need not exist yet,
 * below the mount of cgroup2.
 */
bool limits_have_bfq(int mount_fd, const char *path);

/* Remembers the present values of files, a NULL-terminated list. -ENOMEM. */
int limits_remember(int cgroup_fd, const char *const files[],
		    struct limits_journal *journal) must_check;
/* Restores the old values, the last change first. Goes on after an error; returns the first one. */
int limits_undo(int cgroup_fd, const struct limits_journal *journal);
void limits_journal_clear(struct limits_journal *journal);
