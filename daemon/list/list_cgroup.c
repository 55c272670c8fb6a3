/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup of a list: none at first, then one for all hooks, until a hook leaves processes in it,
 * it is killed, or other processes make it unusable. Then the next hook gets another.
 */
#include "daemon/list/list_cgroup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"

static void set_failure(struct spawn_failure *failure, int error, const char *detail)
{
	*failure = (struct spawn_failure){.step = SPAWN_STEP_CGROUP, .error = error};
	snprintf(failure->detail, sizeof(failure->detail), "%s", detail);
}

/* "linux.resources.memory.limit: no such controller", in the caller's dialect. */
static void set_failure_of_limit(const struct list_cgroup *cgroup, int r, struct hp_err *err,
				 struct spawn_failure *failure)
{
	char detail[SPAWN_DETAIL_SIZE];

	(void)hp_err_prefix(err, r, "linux.resources");
	hp_settings_path(err->path, cgroup->order->dialect);
	snprintf(detail, sizeof(detail), "%s: %s", err->path, err->reason);
	set_failure(failure, -r, detail);
}

/* EAGAIN: nothing is wrong with the request. */
static void set_failure_of_directory(const struct list_cgroup *cgroup,
				     struct spawn_failure *failure)
{
	char detail[SPAWN_DETAIL_SIZE];

	snprintf(detail, sizeof(detail), "%.300s was removed and cannot be made again",
		 cgroup_tree_path(cgroup->tree));
	set_failure(failure, EAGAIN, detail);
}

struct list_cgroup list_cgroup_for(const struct list_order *order, struct cgroup_tree *tree)
{
	bool is_below = hook_target_runs_image(&order->target);

	return (struct list_cgroup){
	    .order = order,
	    .tree = tree,
	    .container = is_below ? order->target.container.pid : 0,
	};
}

/* With RootlessCgroups a failure is ignored, as libcontainer does, and reported. */
static int limit(struct list_cgroup *cgroup, struct spawn_failure *ret_failure)
{
	const struct hp_settings *settings = cgroup->order->settings.settings;
	struct hp_err err = {0};
	int r = -EOPNOTSUPP;

	if (!settings || !settings->resources)
		return 0;
	if (cgroup->cgroup)
		r = cgroup_limit(cgroup->cgroup, settings->resources, &err);
	else
		hp_err_setting(&err, r, NULL, "hookd has no writable cgroup");
	if (r == 0)
		return 0;
	set_failure_of_limit(cgroup, r, &err, ret_failure);
	/* No controller can be enabled below a cgroup with processes; its own limits apply. */
	if (!settings->rootless_cgroups &&
	    !(cgroup->cgroup && cgroup_is_of_container(cgroup->cgroup)))
		return r;
	if (!cgroup->ignored)
		cgroup->ignored = strdup(ret_failure->detail);
	return 0;
}

/*
 * A user's hookd may lack the permission to create a cgroup below a container's. Then a cgroup of
 * hookd is used; the limits of the user apply to it.
 */
static int acquire(struct list_cgroup *cgroup)
{
	int r = -ENOENT;

	assert(!cgroup->cgroup);
	if (!cgroup->tree)
		return 0;
	if (cgroup->container)
		r = cgroup_make_below(cgroup->tree, cgroup->container, &cgroup->cgroup);
	/* -ENOENT: the container's process has ended. hookd-run will report that. */
	if (r == -ENOENT || (r < 0 && geteuid() != 0))
		r = cgroup_acquire(cgroup->tree, &cgroup->cgroup);
	return r;
}

static int acquire_limited(struct list_cgroup *cgroup, struct spawn_failure *ret_failure)
{
	int r = acquire(cgroup);

	if (r == -ESTALE) {
		set_failure_of_directory(cgroup, ret_failure);
		return -ret_failure->error;
	}
	if (r < 0) {
		set_failure(ret_failure, -r, "");
		return r;
	}
	return limit(cgroup, ret_failure);
}

bool list_cgroup_drop_lost(struct list_cgroup *cgroup, int clone_errno)
{
	if (!cgroup->cgroup || !cgroup_release_lost(cgroup->cgroup, clone_errno))
		return false;
	cgroup->cgroup = NULL;
	return true;
}

int list_cgroup_prepare(struct list_cgroup *cgroup, struct spawn_failure *ret_failure)
{
	int r;

	if (cgroup->cgroup)
		return 0;
	r = acquire_limited(cgroup, ret_failure);
	if (r < 0 && list_cgroup_drop_lost(cgroup, 0))
		r = acquire_limited(cgroup, ret_failure);
	if (r < 0)
		list_cgroup_drop(cgroup);
	return r;
}

bool list_cgroup_limits_memory(const struct list_cgroup *cgroup)
{
	return cgroup->cgroup && cgroup_has_own_memory_limit(cgroup->cgroup);
}

void list_cgroup_drop(struct list_cgroup *cgroup)
{
	cgroup_release(take_ptr(cgroup->cgroup));
}
