/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/helper.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/seccomp/cache.h"
#include "proto/messages/hooks.h"

/*
 * What a run's settings need besides its processes: a compiled filter, a resctrl group, a cgroup
 * with limits. Got before the first hook, given back after the last; where it cannot be got, every
 * hook of the run fails to start, with the step and the kernel's words.
 */
struct run_resources {
	const struct hp_settings *settings; /* borrowed; NULL: nothing is needed */
	enum hp_dialect dialect;	    /* what fields are called to the caller */
	struct filters *filters;
	struct filter *filter;
	struct filter_wait wait;
	struct rdt *rdt;
	struct rdt_member *rdt_member;
	struct cgroup_tree *cgroups;
	pid_t container; /* whose cgroup the hooks get one below of; 0: one of hookd's */
	struct cgroup *cgroup;
	struct spawn_failure failure; /* SPAWN_STEP_NONE: none */
	char *ignored; /* what could not be done and may be left out; NULL: nothing */
	void (*ready)(struct run_resources *resources);
	void *userdata;
};

/*
 * Gets what can be got once. 1: it is all there, or failed (resources->failure); 0: the filter is
 * being compiled, and ready() is called from the event loop. `container` names a resctrl group.
 */
int run_resources_acquire(struct run_resources *resources, const char *container);

/* The filter is not waited for any longer: every hook fails to start with this errno. */
void run_resources_give_up(struct run_resources *resources, int error);

/* The cgroup for the next hook, with its limits; NULL in resources->cgroup where there is none. */
int run_resources_prepare_cgroup(struct run_resources *resources,
				 struct spawn_failure *ret_failure);
/* True where the cgroup's memory has a limit, which its hooks can reach however often they try. */
bool run_resources_limit_memory(const struct run_resources *resources);
/*
 * No hook could be started in the cgroup. True where it has become useless, by whomever: the next
 * one may do better.
 */
bool run_resources_drop_lost_cgroup(struct run_resources *resources);
/* The last hook left children in it, or it was killed: the next one gets another. */
void run_resources_drop_cgroup(struct run_resources *resources);

/* What hookd-run is told. */
struct helper_settings run_resources_helper_settings(const struct run_resources *resources);

/* Gives everything back; any time, and again. */
void run_resources_release(struct run_resources *resources);
