/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/limit_list.h"

/*
 * Writes limits to the files of one cgroup, and puts back what was there before. Blocks for the
 * writes alone, about 10 us each; a memory.max below what is used can take longer on kernels
 * before 6.16, which reclaim at once.
 */

/* What files held before they were written to, the last one first. For whoever may have to undo. */
struct limit_value {
	struct limit_value *before;
	const char *file, *text; /* as it can be written again */
};

struct limits_journal {
	struct limit_value *last; /* NULL: nothing was changed */
	struct hp_arena arena;
};

#define LIMITS_JOURNAL_INIT ((struct limits_journal){0})

/*
 * `cgroup_fd` is a directory of cgroup2, O_PATH is enough; the controllers must be enabled there.
 * Stops at the first write that fails; what was written until then stays written: limits_undo().
 * `journal` may be NULL, and gets each old value before the write that changes it.
 *
 * Fills *err with the field and the kernel's answer. -EOPNOTSUPP: the controller, or this file of
 * it, is missing. -EBUSY: memory.checkBeforeUpdate was asked for, and more is in use.
 */
int limits_apply(int cgroup_fd, const struct limit_list *list, struct limits_journal *journal,
		 struct hp_err *err) must_check;

/* Writes the old values back. Goes on after an error; returns the first one. */
int limits_undo(int cgroup_fd, const struct limits_journal *journal);
void limits_journal_clear(struct limits_journal *journal);
