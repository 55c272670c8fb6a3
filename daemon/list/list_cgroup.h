/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/cgroup.h"
#include "daemon/list/list.h"

/* The cgroup that the hooks of a list share, with the limits of their settings. */
struct list_cgroup {
	const struct list_order *order; /* borrowed */
	struct cgroup_tree *tree;	/* NULL: hookd has no writable cgroup */
	pid_t container;       /* create it below this process's cgroup; 0: below hookd's */
	struct cgroup *cgroup; /* NULL: none now */
	char *ignored; /* a limit that could not be set, which the settings allow; NULL: none */
};

/* No cgroup yet. */
struct list_cgroup list_cgroup_for(const struct list_order *order, struct cgroup_tree *tree);

/*
 * Sets cgroup->cgroup for the next hook, with the limits of the settings; NULL: hookd has no
 * cgroups. -errno with *ret_failure.
 */
int list_cgroup_prepare(struct list_cgroup *cgroup, struct spawn_failure *ret_failure) must_check;
/* Whether the cgroup has its own limit of memory: then ENOMEM is not transient. */
bool list_cgroup_limits_memory(const struct list_cgroup *cgroup);
/*
 * Call if no process could be cloned into the cgroup, with the errno, or 0 if it failed before.
 * True: other processes have made it unusable, it was released, and another one may work.
 */
bool list_cgroup_drop_lost(struct list_cgroup *cgroup, int clone_errno);
/* Releases the cgroup, if there is one: the next hook gets another. */
void list_cgroup_drop(struct list_cgroup *cgroup);
