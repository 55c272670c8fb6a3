/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The things that a run holds for the sake of its settings. They are used in the order get,
 * cgroup (before each hook), release.
 */
#include "daemon/run/provision.h"

#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"

static void fail(struct spawn_failure *failure, enum spawn_step step, int error, const char *detail)
{
	*failure = (struct spawn_failure){.step = step, .error = error};
	snprintf(failure->detail, sizeof(failure->detail), "%s", detail);
}

/* "linux.resources.memory.limit: no such controller", in the caller's dialect. */
static void fail_by(const struct provision *provision, struct spawn_failure *failure,
		    enum spawn_step step, int r, const char *path, struct hp_err *err)
{
	char detail[SPAWN_DETAIL_SIZE];

	(void)hp_err_prefix(err, r, path);
	hp_settings_path(err->path, provision->dialect);
	snprintf(detail, sizeof(detail), "%s: %s", err->path, err->reason);
	fail(failure, step, -r, detail);
}

/* ---- the filter ---- */

static void on_filter(struct filter_wait *wait, struct filter *filter, const char *reason)
{
	struct provision *provision = container_of(wait, struct provision, wait);

	provision->filter = filter;
	if (!filter)
		fail(&provision->failure, SPAWN_STEP_SECCOMP, -wait->error, reason);
	provision->ready(provision);
}

/* 1: there, or failed; 0: on_filter() will be called. */
static int get_filter(struct provision *provision)
{
	const char *reason;
	int r;

	if (!provision->settings->seccomp)
		return 1;
	provision->wait.ready = on_filter;
	r = filter_cache_get(provision->filters, provision->settings->seccomp, &provision->wait,
			     &provision->filter, &reason);
	if (r < 0)
		fail(&provision->failure, SPAWN_STEP_SECCOMP, -r, reason);
	return r < 0 ? 1 : r;
}

void provision_give_up(struct provision *provision, int error)
{
	filter_cache_forget(&provision->wait);
	fail(&provision->failure, SPAWN_STEP_SECCOMP, error, "");
}

/* ---- the resctrl group ---- */

static void get_rdt_group(struct provision *provision, const char *container)
{
	struct hp_err err = {0};
	int r;

	if (!provision->settings->intel_rdt)
		return;
	r = rdt_join(provision->rdt, provision->settings->intel_rdt, container,
		     &provision->rdt_member, &err);
	if (r < 0)
		fail_by(provision, &provision->failure, SPAWN_STEP_RDT, r, "linux.intelRdt", &err);
}

int provision_get(struct provision *provision, const char *container)
{
	if (!provision->settings)
		return 1;
	get_rdt_group(provision, container);
	return provision->failure.step != SPAWN_STEP_NONE ? 1 : get_filter(provision);
}

/* ---- the cgroup ---- */

/* libcontainer, RootlessCgroups: "cgroups errors are ignored", and told. */
static int limit(struct provision *provision, struct spawn_failure *ret_failure)
{
	const struct hp_settings *settings = provision->settings;
	struct hp_err err = {0};
	int r = -EOPNOTSUPP;

	if (!settings || !settings->resources)
		return 0;
	if (provision->cgroup)
		r = cgroup_limit(provision->cgroup, settings->resources, &err);
	else
		hp_err_setting(&err, r, NULL, "this hookd has no cgroups");
	if (r == 0)
		return 0;
	fail_by(provision, ret_failure, SPAWN_STEP_CGROUP, r, "linux.resources", &err);
	/* A cgroup with processes has no controllers below, but its own limits hold there. */
	if (!settings->rootless_cgroups &&
	    !(provision->cgroup && cgroup_is_of_container(provision->cgroup)))
		return r;
	if (!provision->ignored)
		provision->ignored = strdup(ret_failure->detail);
	return 0;
}

/*
 * An ordinary user's hookd may not write to every container's cgroup, and what it starts is limited
 * as that user is.
 */
static int get_cgroup(struct provision *provision)
{
	int r = -ENOENT;

	if (!provision->cgroups)
		return 0;
	if (provision->container)
		r = cgroup_make_below(provision->cgroups, provision->container, &provision->cgroup);
	/* -ENOENT: that process has ended, as hookd-run will find and say. */
	if (r == -ENOENT || (r < 0 && geteuid() != 0))
		r = cgroup_acquire(provision->cgroups, &provision->cgroup);
	return r;
}

static int get_limited_cgroup(struct provision *provision, struct spawn_failure *ret_failure)
{
	int r = get_cgroup(provision);

	if (r < 0) {
		fail(ret_failure, SPAWN_STEP_CGROUP, -r, "");
		return r;
	}
	return limit(provision, ret_failure);
}

bool provision_leave_lost_cgroup(struct provision *provision)
{
	if (!provision->cgroup || !cgroup_release_lost(provision->cgroup))
		return false;
	provision->cgroup = NULL;
	return true;
}

int provision_cgroup(struct provision *provision, struct spawn_failure *ret_failure)
{
	int r;

	if (provision->cgroup)
		return 0;
	r = get_limited_cgroup(provision, ret_failure);
	if (r < 0 && provision_leave_lost_cgroup(provision))
		r = get_limited_cgroup(provision, ret_failure);
	if (r < 0)
		provision_leave_cgroup(provision);
	return r;
}

bool provision_limits_memory(const struct provision *provision)
{
	return provision->cgroup && cgroup_has_own_memory_limit(provision->cgroup);
}

void provision_leave_cgroup(struct provision *provision)
{
	cgroup_release(take_ptr(provision->cgroup));
}

/* ---- all of it ---- */

struct enter_settings provision_settings(const struct provision *provision)
{
	const struct filter *filter = provision->filter;
	struct enter_settings settings = {
	    .settings = provision->settings,
	    .rdt_tasks = -1,
	    .rdt_mon_tasks = -1,
	};

	if (filter) {
		settings.filter = filter->instructions;
		settings.filter_count = filter->count;
		settings.filter_flags = filter->flags;
		settings.needs_listener = filter->needs_listener;
	}
	if (provision->cgroup && cgroup_is_of_container(provision->cgroup))
		settings.container_cgroup = provision->cgroup;
	if (provision->rdt_member) {
		settings.rdt_tasks = rdt_member_tasks(provision->rdt_member);
		settings.rdt_mon_tasks = rdt_member_monitored_tasks(provision->rdt_member);
	}
	return settings;
}

void provision_release(struct provision *provision)
{
	filter_cache_forget(&provision->wait);
	provision->filter = filter_unref(provision->filter);
	rdt_leave(take_ptr(provision->rdt_member));
	provision_leave_cgroup(provision);
	free(take_ptr(provision->ignored));
}
