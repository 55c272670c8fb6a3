/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/helper.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/seccomp/cache.h"
#include "proto/messages/hooks.h"

/*
 * What a run needs for its settings: a compiled filter, the membership of a resctrl group, a cgroup
 * with limits. Acquired before the first hook, and released after the last. If something cannot be
 * acquired, each hook of the run fails to start, with the step and the error in `failure`.
 */
struct run_resources {
	const struct hp_settings *settings; /* borrowed; NULL: nothing to acquire */
	enum hp_dialect dialect;	    /* of the caller, for names of members in errors */
	struct filter_cache *filters;
	struct filter *filter;
	struct filter_wait wait;
	struct rdt *rdt;
	struct rdt_member *rdt_member;
	struct cgroup_tree *cgroups;
	pid_t container; /* the run's cgroup is made below that of this process; 0: below hookd's */
	struct cgroup *cgroup;
	struct spawn_failure failure; /* step SPAWN_STEP_NONE: none */
	char *ignored; /* a limit that could not be set, which the settings allow; or NULL */
	void (*ready)(struct run_resources *resources);
	void *userdata;
};

/*
 * Acquires the filter and the resctrl group, named after `container`. 1: done, or failed: see
 * resources->failure. 0: the filter is being compiled, and ready() will be called from the event
 * loop.
 */
int run_resources_acquire(struct run_resources *resources, const char *container);

/* Stops waiting for the filter: every hook will fail to start with this errno. */
void run_resources_give_up(struct run_resources *resources, int error);

/*
 * Sets resources->cgroup for the next hook, with the limits of the settings; NULL: hookd has no
 * cgroups. -errno with *ret_failure.
 */
int run_resources_prepare_cgroup(struct run_resources *resources,
				 struct spawn_failure *ret_failure);
/* Whether the cgroup has its own limit of memory: then ENOMEM in it will not pass. */
bool run_resources_limit_memory(const struct run_resources *resources);
/*
 * Call if no process could be cloned into the cgroup. True: other processes have made it unusable,
 * it was released, and another one may work.
 */
bool run_resources_drop_lost_cgroup(struct run_resources *resources);
/* Releases the cgroup, since it has processes left or was killed: the next hook gets another. */
void run_resources_drop_cgroup(struct run_resources *resources);

/* The settings for hookd-run. */
struct helper_settings run_resources_helper_settings(const struct run_resources *resources);

/* Releases everything. May be called at any time, and repeatedly. */
void run_resources_release(struct run_resources *resources);
