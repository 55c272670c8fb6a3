/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/proc/helper.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/seccomp/cache.h"
#include "proto/base/names.h"

/*
 * What a run needs for its settings and shares with other runs: a compiled filter, the membership
 * of a resctrl group. Acquired before the first hook, and released after the last. If something
 * cannot be acquired, each hook of the run fails to start, with the step and the error in
 * `failure`.
 */
struct run_resources {
	const struct hp_settings *settings; /* borrowed; NULL: nothing to acquire */
	enum hp_dialect dialect;	    /* of the caller, for names of members in errors */
	struct filter_cache *filters;
	struct filter *filter;
	struct filter_wait wait;
	struct rdt *rdt;
	struct rdt_member *rdt_member;
	struct spawn_failure failure; /* step SPAWN_STEP_NONE: none */
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

/* For a run of an earlier hookd: only keeps its resctrl group. */
void run_resources_join_again(struct run_resources *resources, const char *container);

/* The settings for hookd-run. */
struct helper_settings run_resources_helper_settings(const struct run_resources *resources);

/*
 * Adds what the filter has left out, names of system calls that libseccomp does not know, to the
 * sentence of a result, which may be NULL. Leaves it as it is when out of memory.
 */
void run_resources_add_ignored(const struct run_resources *resources, char **ignored);

/* Releases everything. May be called at any time, and repeatedly. */
void run_resources_release(struct run_resources *resources);
