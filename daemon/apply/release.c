/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applier itself, and Release: what was made is removed in the reverse order, each thing
 * forgotten when it is gone. When the process of a container has ended, resctrl groups are given
 * back at once, since there are few; its cgroup goes with them where it is empty, and else waits
 * for Release.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"

struct holdings *applier_holdings(struct applier *applier)
{
	return applier->holdings;
}

/* ---- Release ---- */

static void nothing_more(int r, const char *reason, void *userdata)
{
	(void)r, (void)reason, (void)userdata;
}

static int unmake(struct applier *applier, struct holding *holding, const struct made *made)
{
	struct scope_job *job;

	switch (made->kind) {
	case MADE_CGROUP:
		return applier->mount_fd < 0 ? 0
					     : cgroup_path_remove(applier->mount_fd, made->name);
	case MADE_UNIT:
		return scopes_stop(applier->scopes, made->name, nothing_more, NULL, &job);
	case MADE_RDT_GROUP:
	case MADE_RDT_MON_GROUP:
		rdt_keep(take_ptr(holding->rdt_member));
		return rdt_remove(applier->rdt, made->name,
				  made->kind == MADE_RDT_GROUP &&
				      strcmp(made->name, holding->container) != 0);
	default:
		return 0;
	}
}

/* systemd would kill what is in its scope, and nobody asked for that. */
static bool is_populated(const struct applier *applier, const struct holding *holding)
{
	cleanup_close int fd = applier->mount_fd < 0 || !holding->cgroup_path
				   ? -1
				   : cgroup_path_open(applier->mount_fd, holding->cgroup_path);
	char text[256];

	return fd >= 0 && file_read_at(fd, "cgroup.events", text, sizeof(text)) > 0 &&
	       file_keyed_value(text, "populated") == 1;
}

static void watch_free(struct watch *watch)
{
	TAILQ_REMOVE(&watch->applier->watches, watch, link);
	if (watch->event)
		event_free(watch->event);
	target_close(&watch->target);
	free(watch->container);
	free(watch);
}

static void forget_watch(struct applier *applier, const char *container)
{
	struct watch *watch;

	TAILQ_FOREACH (watch, &applier->watches, link)
		if (strcmp(watch->container, container) == 0)
			break;
	if (watch)
		watch_free(watch);
}

static int release_made(struct applier *applier, struct holding *holding, struct made *made,
			apply_removed_fn removed, void *userdata, struct hp_err *err)
{
	int r = unmake(applier, holding, made);

	if (r < 0) {
		(void)hp_err_setting(err, r, NULL, "%s: %s", made->name, strerror(-r));
		err->step = made->kind == MADE_CGROUP || made->kind == MADE_UNIT ? "cgroup" : "rdt";
		return r;
	}
	removed(made->name, userdata);
	return holdings_unmade(applier->holdings, holding, made);
}

/* The last that was made; of cgroups the lowest, since some were handed over later. */
static struct made *next_to_remove(struct holding *holding)
{
	struct made *first = TAILQ_FIRST(&holding->made), *made;

	if (!first || first->kind != MADE_CGROUP)
		return first;
	TAILQ_FOREACH (made, &holding->made, link)
		if (made->kind == MADE_CGROUP && strlen(made->name) > strlen(first->name))
			first = made;
	return first;
}

static bool is_above(const struct made *made, const struct holding *holding)
{
	size_t length = strlen(made->name);

	return made->kind == MADE_CGROUP && holding->cgroup_path &&
	       strncmp(holding->cgroup_path, made->name, length) == 0 &&
	       holding->cgroup_path[length] == '/';
}

/*
 * A cgroup on the way to the container's, with cgroups in it that are not of this container: the
 * next container below it takes it away, and where others made them it has become theirs.
 */
static int hand_over(struct applier *applier, struct holding *holding, struct made *made)
{
	struct holding *heir = holdings_first(applier->holdings);
	int r = 0;

	while (heir && (heir == holding || !is_above(made, heir)))
		heir = holdings_next(heir);
	if (heir)
		r = holdings_making(applier->holdings, heir, MADE_CGROUP, made->name);
	return r < 0 ? r : holdings_unmade(applier->holdings, holding, made);
}

static int release(struct applier *applier, struct holding *holding, apply_removed_fn removed,
		   void *userdata, struct hp_err *err)
{
	struct made *made;
	int r;

	if (holding_has_made(holding, MADE_UNIT) && is_populated(applier, holding)) {
		r = hp_err_setting(err, -EBUSY, NULL, "%s: processes are in it",
				   holding->cgroup_path);
		err->step = "cgroup";
		return r;
	}
	while ((made = next_to_remove(holding))) {
		r = release_made(applier, holding, made, removed, userdata, err);
		if (r == -EBUSY && is_above(made, holding))
			r = hand_over(applier, holding, made);
		if (r < 0)
			return r;
	}
	forget_watch(applier, holding->container);
	rdt_leave(take_ptr(holding->rdt_member));
	return holdings_remove(applier->holdings, holding);
}

int applier_release(struct applier *applier, const char *container, apply_removed_fn removed,
		    void *userdata, struct hp_err *err)
{
	struct holding *holding = holdings_find(applier->holdings, container);

	if (!holding) {
		*err = (struct hp_err){.code = HP_ERR_NO_SUCH_CONTAINER};
		snprintf(err->path, sizeof(err->path), "%s", container);
		return -ENOENT;
	}
	return release(applier, holding, removed, userdata, err);
}

/* ---- when the process has ended ---- */

static void ignore_removed(const char *name, void *userdata)
{
	(void)name, (void)userdata;
}

/* resctrl groups are few: they go even where the cgroup has to stay. */
static void release_of_dead(struct applier *applier, struct holding *holding)
{
	struct made *made = TAILQ_FIRST(&holding->made), *next;
	struct hp_err err = {0};

	for (; made; made = next) {
		next = TAILQ_NEXT(made, link);
		if (made->kind == MADE_RDT_GROUP || made->kind == MADE_RDT_MON_GROUP)
			(void)release_made(applier, holding, made, ignore_removed, NULL, &err);
	}
	if (release(applier, holding, ignore_removed, NULL, &err) < 0)
		applier->report(holding->container, err.reason, applier->userdata);
}

static void on_process_end(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;
	struct applier *applier = watch->applier;
	struct holding *holding = holdings_find(applier->holdings, watch->container);

	(void)fd, (void)what;
	watch_free(watch);
	if (!holding)
		return;
	applier->report(holding->container, "its process has ended", applier->userdata);
	release_of_dead(applier, holding);
}

int watch_new(struct applier *applier, const char *container, struct target *target)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->applier = applier;
	watch->target = *target;
	*target = TARGET_NONE;
	TAILQ_INSERT_TAIL(&applier->watches, watch, link);
	watch->container = strdup(container);
	watch->event =
	    event_new(applier->base, watch->target.pidfd, EV_READ, on_process_end, watch);
	if (watch->container && watch->event && event_add(watch->event, NULL) == 0)
		return 0;
	watch_free(watch);
	return -ENOMEM;
}

/* ---- the beginning and the end ---- */

/* What somebody else has removed meanwhile is not held any more. */
static bool is_there(const struct applier *applier, const struct made *made)
{
	bool is;
	int fd;

	switch (made->kind) {
	case MADE_CGROUP:
		if (applier->mount_fd < 0)
			return false;
		fd = cgroup_path_open(applier->mount_fd, made->name);
		is = fd != -ENOENT;
		close_fd(&fd);
		return is;
	case MADE_RDT_GROUP:
	case MADE_RDT_MON_GROUP:
		return rdt_has_group(applier->rdt, made->name);
	default:
		return true;
	}
}

static void drop_vanished(struct applier *applier, struct holding *holding)
{
	struct made *made = TAILQ_FIRST(&holding->made), *next;
	char what[CGROUP_PATH_SIZE + 32];

	for (; made; made = next) {
		next = TAILQ_NEXT(made, link);
		if (is_there(applier, made))
			continue;
		snprintf(what, sizeof(what), "%s no longer exists", made->name);
		applier->report(holding->container, what, applier->userdata);
		(void)holdings_unmade(applier->holdings, holding, made);
	}
}

static void take_up(struct applier *applier, struct holding *holding)
{
	struct target target = TARGET_NONE;

	drop_vanished(applier, holding);
	if (target_open(holding->pid, &target) == 0 &&
	    target_start_time(&target) == holding->start_time) {
		(void)watch_new(applier, holding->container, &target);
		return;
	}
	target_close(&target);
	applier->report(holding->container, "its process has ended meanwhile", applier->userdata);
	release_of_dead(applier, holding);
}

int applier_new(struct event_base *base, struct holdings *holdings, struct rdt *rdt,
		struct scopes *scopes, const struct cgroup_tree *cgroups,
		void (*report)(const char *container, const char *what, void *userdata),
		void *userdata, struct applier **ret_applier)
{
	struct applier *applier = calloc(1, sizeof(*applier));
	struct holding *holding, *next;

	if (!applier)
		return -ENOMEM;
	*applier = (struct applier){
	    .base = base,
	    .holdings = holdings,
	    .rdt = rdt,
	    .scopes = scopes,
	    .cgroups = cgroups,
	    .mount_fd = cgroup_path_open_mount(),
	    .report = report,
	    .userdata = userdata,
	};
	TAILQ_INIT(&applier->watches);
	TAILQ_INIT(&applier->applications);
	for (holding = holdings_first(holdings); holding; holding = next) {
		next = holdings_next(holding);
		take_up(applier, holding);
	}
	*ret_applier = applier;
	return 0;
}

struct applier *applier_free(struct applier *applier)
{
	struct holding *holding;

	if (!applier)
		return NULL;
	while (!TAILQ_EMPTY(&applier->applications))
		application_end(TAILQ_FIRST(&applier->applications), -ECANCELED);
	while (!TAILQ_EMPTY(&applier->watches))
		watch_free(TAILQ_FIRST(&applier->watches));
	holding = holdings_first(applier->holdings);
	for (; holding; holding = holdings_next(holding))
		rdt_keep(take_ptr(holding->rdt_member));
	holdings_close(applier->holdings);
	close_fd(&applier->mount_fd);
	free(applier);
	return NULL;
}
