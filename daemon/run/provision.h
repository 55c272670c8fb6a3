/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/enter.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/seccomp/cache.h"
#include "proto/messages/hooks.h"

/*
 * What a run's settings need besides its processes: a compiled filter, a resctrl group, a cgroup
 * with limits. Got before the first hook, given back after the last; where it cannot be got, every
 * hook of the run fails to start, with the step and the kernel's words.
 */
struct provision {
	const struct hp_settings *settings; /* borrowed; NULL: nothing is needed */
	enum hp_dialect dialect;	    /* what fields are called to the caller */
	struct filter_cache *filters;
	struct filter *filter;
	struct filter_wait wait;
	struct rdt *rdt;
	struct rdt_member *rdt_member;
	struct cgroup_tree *cgroups;
	pid_t container; /* whose cgroup the hooks get one below of; 0: one of hookd's */
	struct cgroup *cgroup;
	struct spawn_failure failure; /* SPAWN_STEP_NONE: none */
	char *ignored; /* what could not be done and may be left out; NULL: nothing */
	void (*ready)(struct provision *provision);
	void *userdata;
};

/*
 * Gets what can be got once. 1: it is all there, or failed (provision->failure); 0: the filter is
 * being compiled, and ready() is called from the event loop. `container` names a resctrl group.
 */
int provision_get(struct provision *provision, const char *container);

/* The filter is not waited for any longer: every hook fails to start with this errno. */
void provision_give_up(struct provision *provision, int error);

/* The cgroup for the next hook, with its limits; NULL in provision->cgroup where there is none. */
int provision_cgroup(struct provision *provision, struct spawn_failure *ret_failure);
/* True where the cgroup's memory has a limit, which its hooks can reach however often they try. */
bool provision_limits_memory(const struct provision *provision);
/*
 * No hook could be started in the cgroup. True where it has become useless, by whomever: the next
 * one may do better.
 */
bool provision_leave_lost_cgroup(struct provision *provision);
/* The last hook left children in it, or it was killed: the next one gets another. */
void provision_leave_cgroup(struct provision *provision);

/* What hookd-run is told. */
struct enter_settings provision_settings(const struct provision *provision);

/* Gives everything back; any time, and again. */
void provision_release(struct provision *provision);
