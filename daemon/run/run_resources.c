/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acquires and releases what a run needs for its settings: a compiled filter and a resctrl group.
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

void run_resources_join_again(struct run_resources *resources, const char *container)
{
	const struct hp_settings *settings = resources->settings;

	if (settings && settings->intel_rdt &&
	    rdt_join_again(resources->rdt, settings->intel_rdt, container, &resources->rdt_member) <
		0)
		resources->rdt_member = NULL;
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
	if (resources->rdt_member) {
		settings.rdt_tasks = rdt_member_tasks(resources->rdt_member);
		settings.rdt_mon_tasks = rdt_member_monitored_tasks(resources->rdt_member);
	}
	return settings;
}

/* "mkdir2, rmdir2", or the first ones and "and 5 more". */
static void list_names(char *const *names, char *ret_text, size_t size)
{
	const size_t shown = 8;
	size_t length = 0, count = 0;

	ret_text[0] = '\0';
	for (; names[count]; count++)
		if (count < shown)
			length += (size_t)snprintf(ret_text + length, size - length, "%s%.64s",
						   count ? ", " : "", names[count]);
	if (count > shown)
		snprintf(ret_text + length, size - length, " and %zu more", count - shown);
}

void run_resources_add_ignored(const struct run_resources *resources, char **ignored)
{
	const struct filter *filter = resources->filter;
	char path[HP_ERR_PATH_SIZE] = "linux.seccomp", names[640], *text;
	const char *before = *ignored ? *ignored : "";

	if (!filter || !filter->unknown_syscalls[0])
		return;
	hp_settings_path(path, resources->dialect);
	list_names(filter->unknown_syscalls, names, sizeof(names));
	if (asprintf(&text, "%s%s%s: libseccomp does not know the system calls %s", before,
		     *before ? "; " : "", path, names) < 0)
		return;
	free(*ignored);
	*ignored = text;
}

void run_resources_release(struct run_resources *resources)
{
	filter_cache_forget(&resources->wait);
	resources->filter = filter_unref(resources->filter);
	rdt_leave(take_ptr(resources->rdt_member));
}
