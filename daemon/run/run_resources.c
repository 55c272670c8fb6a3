/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acquires and releases what a run needs for its settings: a compiled filter and a resctrl group,
 * once, and a cgroup, before each hook. States:
 *
 *	(zeroed) --acquire--> waiting for the filter --> ready --release--> released
 *	              \_____________________________________/
 */
#include "daemon/run/run_resources.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"

static void set_failure(struct spawn_failure *failure, enum spawn_step step, int error,
			const char *detail)
{
	*failure = (struct spawn_failure){.step = step, .error = error};
	snprintf(failure->detail, sizeof(failure->detail), "%s", detail);
}

/* With a detail in the caller's dialect: "linux.resources.memory.limit: no such controller". */
static void set_failure_from(const struct run_resources *resources, struct spawn_failure *failure,
			     enum spawn_step step, int r, const char *path, struct hp_err *err)
{
	char detail[SPAWN_DETAIL_SIZE];

	(void)hp_err_prefix(err, r, path);
	hp_settings_path(err->path, resources->dialect);
	snprintf(detail, sizeof(detail), "%s: %s", err->path, err->reason);
	set_failure(failure, step, -r, detail);
}

/* ---- the filter ---- */

static void on_filter(struct filter_wait *wait, struct filter *filter, const char *reason)
{
	struct run_resources *resources = container_of(wait, struct run_resources, wait);

	assert(!resources->filter);
	resources->filter = filter;
	if (!filter)
		set_failure(&resources->failure, SPAWN_STEP_SECCOMP, -wait->error, reason);
	resources->ready(resources);
}

/* 1: acquired or failed; 0: on_filter() will be called. */
static int acquire_filter(struct run_resources *resources)
{
	const char *reason;
	int r;

	if (!resources->settings->seccomp)
		return 1;
	resources->wait.ready = on_filter;
	r = filter_cache_get(resources->filters, resources->settings->seccomp, &resources->wait,
			     &resources->filter, &reason);
	if (r < 0)
		set_failure(&resources->failure, SPAWN_STEP_SECCOMP, -r, reason);
	return r < 0 ? 1 : r;
}

void run_resources_give_up(struct run_resources *resources, int error)
{
	filter_cache_forget(&resources->wait);
	set_failure(&resources->failure, SPAWN_STEP_SECCOMP, error, "");
}

/* ---- the resctrl group ---- */

static void acquire_rdt_group(struct run_resources *resources, const char *container)
{
	struct hp_err err = {0};
	int r;

	if (!resources->settings->intel_rdt)
		return;
	r = rdt_join(resources->rdt, resources->settings->intel_rdt, container,
		     &resources->rdt_member, &err);
	if (r < 0)
		set_failure_from(resources, &resources->failure, SPAWN_STEP_RDT, r,
				 "linux.intelRdt", &err);
}

int run_resources_acquire(struct run_resources *resources, const char *container)
{
	assert(!resources->rdt_member && !resources->filter);
	if (!resources->settings)
		return 1;
	acquire_rdt_group(resources, container);
	return resources->failure.step != SPAWN_STEP_NONE ? 1 : acquire_filter(resources);
}

/* ---- the cgroup ---- */

/* With RootlessCgroups a failure is ignored, as libcontainer does, and reported. */
static int limit(struct run_resources *resources, struct spawn_failure *ret_failure)
{
	const struct hp_settings *settings = resources->settings;
	struct hp_err err = {0};
	int r = -EOPNOTSUPP;

	if (!settings || !settings->resources)
		return 0;
	if (resources->cgroup)
		r = cgroup_limit(resources->cgroup, settings->resources, &err);
	else
		hp_err_setting(&err, r, NULL, "hookd has no writable cgroup");
	if (r == 0)
		return 0;
	set_failure_from(resources, ret_failure, SPAWN_STEP_CGROUP, r, "linux.resources", &err);
	/*
	 * Below a cgroup with processes no controller can be enabled, but its limits apply there.
	 */
	if (!settings->rootless_cgroups &&
	    !(resources->cgroup && cgroup_is_of_container(resources->cgroup)))
		return r;
	if (!resources->ignored)
		resources->ignored = strdup(ret_failure->detail);
	return 0;
}

/*
 * A user's hookd may lack the permission to create a cgroup below a container's. Then a cgroup of
 * hookd is used; the limits of the user apply to it.
 */
static int acquire_cgroup(struct run_resources *resources)
{
	int r = -ENOENT;

	assert(!resources->cgroup);
	if (!resources->cgroups)
		return 0;
	if (resources->container)
		r = cgroup_make_below(resources->cgroups, resources->container, &resources->cgroup);
	/* -ENOENT: the container's process has ended. hookd-run will report that. */
	if (r == -ENOENT || (r < 0 && geteuid() != 0))
		r = cgroup_acquire(resources->cgroups, &resources->cgroup);
	return r;
}

static int acquire_limited_cgroup(struct run_resources *resources,
				  struct spawn_failure *ret_failure)
{
	int r = acquire_cgroup(resources);

	if (r < 0) {
		set_failure(ret_failure, SPAWN_STEP_CGROUP, -r, "");
		return r;
	}
	return limit(resources, ret_failure);
}

bool run_resources_drop_lost_cgroup(struct run_resources *resources)
{
	if (!resources->cgroup || !cgroup_release_lost(resources->cgroup))
		return false;
	resources->cgroup = NULL;
	return true;
}

int run_resources_prepare_cgroup(struct run_resources *resources, struct spawn_failure *ret_failure)
{
	int r;

	if (resources->cgroup)
		return 0;
	r = acquire_limited_cgroup(resources, ret_failure);
	if (r < 0 && run_resources_drop_lost_cgroup(resources))
		r = acquire_limited_cgroup(resources, ret_failure);
	if (r < 0)
		run_resources_drop_cgroup(resources);
	return r;
}

bool run_resources_limit_memory(const struct run_resources *resources)
{
	return resources->cgroup && cgroup_has_own_memory_limit(resources->cgroup);
}

void run_resources_drop_cgroup(struct run_resources *resources)
{
	cgroup_release(take_ptr(resources->cgroup));
}

/* ---- settings, release ---- */

struct helper_settings run_resources_helper_settings(const struct run_resources *resources)
{
	const struct filter *filter = resources->filter;
	struct helper_settings settings = {
	    .settings = resources->settings,
	    .rdt_tasks = -1,
	    .rdt_mon_tasks = -1,
	};

	if (filter) {
		settings.filter = filter->instructions;
		settings.filter_count = filter->count;
		settings.filter_flags = filter->flags;
		settings.needs_listener = filter->needs_listener;
	}
	if (resources->cgroup && cgroup_is_of_container(resources->cgroup))
		settings.container_cgroup = resources->cgroup;
	if (resources->rdt_member) {
		settings.rdt_tasks = rdt_member_tasks(resources->rdt_member);
		settings.rdt_mon_tasks = rdt_member_monitored_tasks(resources->rdt_member);
	}
	return settings;
}

void run_resources_release(struct run_resources *resources)
{
	filter_cache_forget(&resources->wait);
	resources->filter = filter_unref(resources->filter);
	rdt_leave(take_ptr(resources->rdt_member));
	run_resources_drop_cgroup(resources);
	free(take_ptr(resources->ignored));
}
