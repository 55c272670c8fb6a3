/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/proc/helper.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/seccomp/cache.h"
#include "proto/base/names.h"

/*
 * What a run's settings need that is shared between runs: a compiled filter, a resctrl group. Got
 * before the first hook, given back after the last; where it cannot be got, every hook of the run
 * fails to start, with the step and the kernel's words.
 */
struct run_resources {
	const struct hp_settings *settings; /* borrowed; NULL: nothing is needed */
	enum hp_dialect dialect;	    /* what fields are called to the caller */
	struct filters *filters;
	struct filter *filter;
	struct filter_wait wait;
	struct rdt *rdt;
	struct rdt_member *rdt_member;
	struct spawn_failure failure; /* SPAWN_STEP_NONE: none */
	void (*ready)(struct run_resources *resources);
	void *userdata;
};

/*
 * 1: it is all there, or failed (resources->failure); 0: the filter is being compiled, and ready()
 * is called from the event loop. `container` names a resctrl group.
 */
int run_resources_acquire(struct run_resources *resources, const char *container);

/* The filter is not waited for any longer: every hook fails to start with this errno. */
void run_resources_give_up(struct run_resources *resources, int error);

/* What hookd-run is told. */
struct helper_settings run_resources_helper_settings(const struct run_resources *resources);

/* Gives everything back; any time, and again. */
void run_resources_release(struct run_resources *resources);
