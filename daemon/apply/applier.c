/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates and frees the applier, restores holdings at start, and removes those whose process has
 * exited. What cannot be removed (its cgroup has processes, the message bus is down) is tried again
 * after a delay. A watch waits for the exit or for the next try; it belongs to its holding.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"

#define RETRY_S_MIN 1
#define RETRY_S_MAX 60

struct watch {
	struct applier *applier;
	struct holding *holding;
	struct target target; /* TARGET_NONE: the process has exited */
	struct event *end;    /* on its pidfd */
	struct event *retry;  /* NULL: no removal has failed */
	int retry_after_s;
};

struct holdings *applier_holdings(struct applier *applier)
{
	return applier->holdings;
}

static void report_event(struct applier *applier, const struct holding *holding, const char *what)
{
	applier->report(holding->container, what, applier->userdata);
}

/* ---- watches ---- */

static struct watch *watch_of(struct applier *applier, struct holding *holding)
{
	struct watch *watch = holding->watch;

	if (watch)
		return watch;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;
	watch->applier = applier;
	watch->holding = holding;
	watch->target = TARGET_NONE;
	holding->watch = watch;
	return watch;
}

void watch_free(struct holding *holding)
{
	struct watch *watch = take_ptr(holding->watch);

	unit_files_unwatch(holding);
	if (!watch)
		return;
	if (watch->end)
		event_free(watch->end);
	if (watch->retry)
		event_free(watch->retry);
	target_close(&watch->target);
	free(watch);
}

static void remove_if_ended(struct applier *applier, struct holding *holding);

static void on_process_end(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;
	struct applier *applier = watch->applier;
	struct holding *holding = watch->holding;

	(void)fd, (void)what;
	assert(holding->watch == watch && !holding->has_ended);
	event_free(take_ptr(watch->end));
	target_close(&watch->target);
	holding->has_ended = true;
	report_event(applier, holding, "its process has exited");
	remove_if_ended(applier, holding);
}

void watch_process(struct applier *applier, struct holding *holding, struct target *target)
{
	struct watch *watch = watch_of(applier, holding);

	assert(holding->state == HOLDING_HELD && target->pidfd >= 0 && (!watch || !watch->end));
	if (watch)
		watch->end =
		    event_new(applier->base, target->pidfd, EV_READ, on_process_end, watch);
	if (!watch || !watch->end || event_add(watch->end, NULL) < 0) {
		watch_free(holding);
		report_event(
		    applier, holding,
		    "out of memory: its settings stay after its process has exited, until Release");
		return;
	}
	watch->target = *target;
	*target = TARGET_NONE;
}

/* ---- automatic removal ---- */

struct retry {
	struct applier *applier;
	struct holding *holding; /* freed by a removal that succeeds */
};

static void on_removal(int r, const struct hp_err *err, void *userdata)
{
	struct retry *retry = userdata;

	if (r < 0) {
		report_event(retry->applier, retry->holding, err->reason);
		watch_retry(retry->applier, retry->holding);
	}
	free(retry);
}

static void remove_now(struct applier *applier, struct holding *holding)
{
	struct retry *retry = calloc(1, sizeof(*retry));

	if (!retry) {
		watch_retry(applier, holding);
		return;
	}
	*retry = (struct retry){applier, holding};
	removal_begin(applier, holding, !holding->has_ended, NULL, on_removal, retry);
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;

	(void)fd, (void)what;
	if (watch->holding->state == HOLDING_HELD)
		remove_now(watch->applier, watch->holding);
	else
		watch_retry(watch->applier, watch->holding);
}

static const char no_memory_to_retry[] =
    "out of memory: its removal is not tried again, until Release";

void watch_retry(struct applier *applier, struct holding *holding)
{
	struct watch *watch = watch_of(applier, holding);
	int after_s;

	if (watch && !watch->retry)
		watch->retry = event_new(applier->base, -1, 0, on_retry, watch);
	if (!watch || !watch->retry) {
		report_event(applier, holding, no_memory_to_retry);
		return;
	}
	after_s = watch->retry_after_s ? 2 * watch->retry_after_s : RETRY_S_MIN;
	watch->retry_after_s = after_s < RETRY_S_MAX ? after_s : RETRY_S_MAX;
	if (event_add(watch->retry, &(struct timeval){.tv_sec = watch->retry_after_s}) < 0)
		report_event(applier, holding, no_memory_to_retry);
}

static bool waits_to_retry(const struct holding *holding)
{
	return holding->watch && holding->watch->retry &&
	       event_pending(holding->watch->retry, EV_TIMEOUT, NULL);
}

static void remove_if_ended(struct applier *applier, struct holding *holding)
{
	if (holding->state == HOLDING_HELD && holding->has_ended && !waits_to_retry(holding))
		remove_now(applier, holding);
}

static void on_check_ended(evutil_socket_t fd, short what, void *userdata)
{
	struct applier *applier = userdata;
	struct holding *holding = holdings_first(applier->holdings), *next;

	(void)fd, (void)what;
	for (; holding; holding = next) {
		next = holdings_next(holding);
		remove_if_ended(applier, holding);
	}
}

void applier_check_ended(struct applier *applier)
{
	if (applier->check_ended)
		event_active(applier->check_ended, 0, 0);
}

/* ---- start and end ---- */

/* False where it certainly does not exist; true where that cannot be checked. */
static bool may_exist(const struct applier *applier, enum created_kind kind, const char *name)
{
	bool exists;
	int fd;

	switch (kind) {
	case CREATED_CGROUP:
		if (applier->mount_fd < 0)
			return true;
		fd = cgroup_path_open(applier->mount_fd, name);
		exists = fd != -ENOENT;
		close_fd(&fd);
		return exists;
	case CREATED_RDT_GROUP:
	case CREATED_RDT_MON_GROUP:
		return rdt_has_group(applier->rdt, name) || !rdt_is_there(applier->rdt);
	default:
		return true;
	}
}

static void report_vanished(struct applier *applier, const struct holding *holding,
			    const char *name)
{
	char what[CGROUP_PATH_SIZE + 32];

	snprintf(what, sizeof(what), "%s no longer exists", name);
	report_event(applier, holding, what);
}

/* Drops the names of a cgroup and a group that no longer exist. A unit is gone with its cgroup. */
static void drop_vanished_paths(struct applier *applier, struct holding *holding)
{
	const char *path = holding->cgroup_path, *group = holding->rdt_group;
	bool has_cgroup = path && may_exist(applier, CREATED_CGROUP, path);
	bool has_group =
	    group && (strcmp(group, "/") == 0 || may_exist(applier, CREATED_RDT_GROUP, group));

	if ((!path || has_cgroup) && (!group || has_group))
		return;
	if (path && !has_cgroup) {
		report_vanished(applier, holding, path);
		(void)holdings_forget_unit(applier->holdings, holding);
	}
	if (group && !has_group) {
		report_vanished(applier, holding, group);
		free(take_ptr(holding->rdt_group));
	}
	if (holdings_write(applier->holdings, holding) < 0)
		report_event(applier, holding, "cannot write holdings.db");
}

static void drop_vanished(struct applier *applier, struct holding *holding)
{
	struct created *created = TAILQ_FIRST(&holding->created), *next;

	for (; created; created = next) {
		next = TAILQ_NEXT(created, link);
		if (may_exist(applier, created->kind, created->name))
			continue;
		report_vanished(applier, holding, created->name);
		(void)holdings_remove_created(applier->holdings, holding, created);
	}
	/* In other states the cgroup or the group may not have been created yet. */
	if (holding->state == HOLDING_HELD)
		drop_vanished_paths(applier, holding);
}

/*
 * 1: the holding's process is alive; 0: it has exited, or the pid was reused. -errno: unknown; then
 * nothing may be removed, since to stop the unit of a live process kills it.
 */
static int open_process(const struct holding *holding, struct target *ret_target)
{
	int r = target_open(holding->pid, ret_target);
	uint64_t start_time;

	if (r < 0)
		return r == -ESRCH ? 0 : r;
	start_time = target_start_time(ret_target);
	if (start_time == 0 && target_check(ret_target) == 0)
		return -EIO;
	return start_time == holding->start_time;
}

/*
 * Restores a holding of an earlier hookd. An Apply that it had not finished is undone, since its
 * caller got no reply; a removal is continued.
 */
static int restore(struct applier *applier, struct holding *holding)
{
	struct target target = TARGET_NONE;
	int lives = open_process(holding, &target);

	if (lives < 0) {
		report_event(applier, holding, "cannot determine whether its process is alive");
		target_close(&target);
		return lives;
	}
	drop_vanished(applier, holding);
	if (holding->is_update_interrupted)
		report_event(
		    applier, holding,
		    "an Update was interrupted: each setting of it has the old or the new value");
	holding->has_ended = !lives;
	if (!lives)
		report_event(applier, holding, "its process has exited meanwhile");
	else if (holding->state == HOLDING_HELD)
		watch_process(applier, holding, &target);
	if (lives && holding->state == HOLDING_MAKING)
		report_event(applier, holding, "an Apply was interrupted and is undone");
	target_close(&target);
	holding->is_leftover = lives && holding->state == HOLDING_REMOVING;
	if (holding->state == HOLDING_REMOVING)
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
	else if (lives && holding->state == HOLDING_HELD) {
		unit_files_watch(applier->unit_watcher, holding);
		return 0;
	}
	remove_now(applier, holding);
	return 0;
}

int applier_new(struct event_base *base, struct holdings *holdings, struct rdt *rdt,
		struct scopes *scopes, const struct cgroup_tree *cgroups, int mount_fd,
		void (*report)(const char *container, const char *what, void *userdata),
		void *userdata, struct applier **ret_applier)
{
	struct applier *applier = calloc(1, sizeof(*applier));
	struct holding *holding, *next;
	int r = 0;

	if (!applier)
		return -ENOMEM;
	*applier = (struct applier){
	    .base = base,
	    .holdings = holdings,
	    .rdt = rdt,
	    .scopes = scopes,
	    .cgroups = cgroups,
	    .mount_fd = mount_fd,
	    .report = report,
	    .userdata = userdata,
	};
	TAILQ_INIT(&applier->applications);
	TAILQ_INIT(&applier->removals);
	applier->check_ended = event_new(base, -1, 0, on_check_ended, applier);
	if (!applier->check_ended || unit_watcher_new(applier, &applier->unit_watcher) < 0)
		r = -ENOMEM;
	for (holding = holdings_first(holdings); holding && r == 0; holding = next) {
		next = holdings_next(holding);
		r = restore(applier, holding);
	}
	if (r < 0)
		applier_free(applier);
	else
		*ret_applier = applier;
	return r;
}

/* Applications that wait for a removal end with it. */
static void end_applications(struct applier *applier)
{
	struct application *application = TAILQ_FIRST(&applier->applications), *next;

	for (; application; application = next) {
		next = TAILQ_NEXT(application, link);
		application_cancel(application);
	}
	removals_end(applier);
}

struct applier *applier_free(struct applier *applier)
{
	struct holding *holding;

	if (!applier)
		return NULL;
	if (applier->check_ended)
		event_free(take_ptr(applier->check_ended));
	end_applications(applier);
	assert(TAILQ_EMPTY(&applier->applications) && TAILQ_EMPTY(&applier->removals));
	for (holding = holdings_first(applier->holdings); holding;
	     holding = holdings_next(holding)) {
		watch_free(holding);
		rdt_keep(take_ptr(holding->rdt_member));
	}
	holdings_close(applier->holdings);
	unit_watcher_free(applier->unit_watcher);
	close_fd(&applier->mount_fd);
	free(applier);
	return NULL;
}
