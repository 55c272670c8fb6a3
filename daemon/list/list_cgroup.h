/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/list/list.h"

/* The cgroup that the hooks of a list share, with the limits of their settings. */
struct list_cgroup {
	const struct list_order *order; /* borrowed */
	struct cgroup_tree *tree;	/* NULL: this machine has none */
	pid_t container;		/* whose cgroup it is made below; 0: it is one of hookd's */
	struct cgroup *cgroup;		/* NULL: none now */
	char *ignored;			/* limits that were left out; NULL: none */
};

/* Asks the kernel once which cgroup is meant. */
struct list_cgroup list_cgroup_for(const struct list_order *order, struct cgroup_tree *tree);

/* Makes one for the next hook where there is none; the cgroup is NULL where none can be had. */
int list_cgroup_prepare(struct list_cgroup *cgroup, struct spawn_failure *ret_failure) must_check;
/* True where its memory has a limit, which hooks can reach however often they try. */
bool list_cgroup_limits_memory(const struct list_cgroup *cgroup);
/*
 * After no hook could be started in it. True where others have made it useless: it is dropped, and
 * another may do better.
 */
bool list_cgroup_drop_lost(struct list_cgroup *cgroup);
/* Any time, and again: the next hook gets another. */
void list_cgroup_drop(struct list_cgroup *cgroup);
