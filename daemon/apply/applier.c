/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applier itself: what is held when hookd starts, and what becomes of a holding while nobody
 * asks for anything. When the process of a container has ended, what was made for it is removed;
 * what cannot go (processes are in its cgroup, the message bus is down) is tried again after a
 * pause. A watch waits for either; it is its holding's, and goes with it.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"

#define AGAIN_S_MIN 1
#define AGAIN_S_MAX 60

struct watch {
	struct applier *applier;
	struct holding *holding;
	struct target target; /* TARGET_NONE: the process has ended */
	struct event *end;    /* on its pidfd */
	struct event *again;  /* NULL: nothing failed so far */
	int again_after_s;
};

struct holdings *applier_holdings(struct applier *applier)
{
	return applier->holdings;
}

static void tell(struct applier *applier, const struct holding *holding, const char *what)
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

	if (!watch)
		return;
	if (watch->end)
		event_free(watch->end);
	if (watch->again)
		event_free(watch->again);
	target_close(&watch->target);
	free(watch);
}

static void settle(struct applier *applier, struct holding *holding);

static void on_process_end(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;
	struct applier *applier = watch->applier;
	struct holding *holding = watch->holding;

	(void)fd, (void)what;
	event_free(take_ptr(watch->end));
	target_close(&watch->target);
	holding->has_ended = true;
	tell(applier, holding, "its process has ended");
	settle(applier, holding);
}

void watch_process(struct applier *applier, struct holding *holding, struct target *target)
{
	struct watch *watch = watch_of(applier, holding);

	if (watch)
		watch->end =
		    event_new(applier->base, target->pidfd, EV_READ, on_process_end, watch);
	if (!watch || !watch->end || event_add(watch->end, NULL) < 0) {
		watch_free(holding);
		tell(applier, holding,
		     "no memory to wait for its end: Release has to be asked for");
		return;
	}
	watch->target = *target;
	*target = TARGET_NONE;
}

/* ---- removing what nobody asks for ---- */

struct retry {
	struct applier *applier;
	struct holding *holding; /* freed when it is removed, held on when not */
};

static void on_removal(int r, const struct hp_err *err, void *userdata)
{
	struct retry *retry = userdata;

	if (r < 0) {
		tell(retry->applier, retry->holding, err->reason);
		watch_try_again(retry->applier, retry->holding);
	}
	free(retry);
}

static void remove_now(struct applier *applier, struct holding *holding)
{
	struct retry *retry = calloc(1, sizeof(*retry));

	if (!retry) {
		watch_try_again(applier, holding);
		return;
	}
	*retry = (struct retry){applier, holding};
	removal_begin(applier, holding, !holding->has_ended, NULL, on_removal, retry);
}

static void on_again(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *watch = userdata;

	(void)fd, (void)what;
	if (watch->holding->state == HOLDING_HELD)
		remove_now(watch->applier, watch->holding);
	else
		watch_try_again(watch->applier, watch->holding);
}

static const char no_memory_to_try[] = "no memory to try again: Release has to be asked for";

void watch_try_again(struct applier *applier, struct holding *holding)
{
	struct watch *watch = watch_of(applier, holding);
	int after_s;

	if (watch && !watch->again)
		watch->again = event_new(applier->base, -1, 0, on_again, watch);
	if (!watch || !watch->again) {
		tell(applier, holding, no_memory_to_try);
		return;
	}
	after_s = watch->again_after_s ? 2 * watch->again_after_s : AGAIN_S_MIN;
	watch->again_after_s = after_s < AGAIN_S_MAX ? after_s : AGAIN_S_MAX;
	if (event_add(watch->again, &(struct timeval){.tv_sec = watch->again_after_s}) < 0)
		tell(applier, holding, no_memory_to_try);
}

static bool waits_to_try_again(const struct holding *holding)
{
	return holding->watch && holding->watch->again &&
	       event_pending(holding->watch->again, EV_TIMEOUT, NULL);
}

static void settle(struct applier *applier, struct holding *holding)
{
	if (holding->state == HOLDING_HELD && holding->has_ended && !waits_to_try_again(holding))
		remove_now(applier, holding);
}

static void on_settling(evutil_socket_t fd, short what, void *userdata)
{
	struct applier *applier = userdata;
	struct holding *holding = holdings_first(applier->holdings), *next;

	(void)fd, (void)what;
	for (; holding; holding = next) {
		next = holdings_next(holding);
		settle(applier, holding);
	}
}

void applier_settle(struct applier *applier)
{
	if (applier->settling)
		event_active(applier->settling, 0, 0);
}

/* ---- the beginning and the end ---- */

/* False where it is known that somebody else has removed it; not where it cannot be looked for. */
static bool may_be_there(const struct applier *applier, enum made_kind kind, const char *name)
{
	bool may_be;
	int fd;

	switch (kind) {
	case MADE_CGROUP:
		if (applier->mount_fd < 0)
			return true;
		fd = cgroup_path_open(applier->mount_fd, name);
		may_be = fd != -ENOENT;
		close_fd(&fd);
		return may_be;
	case MADE_RDT_GROUP:
	case MADE_RDT_MON_GROUP:
		return rdt_has_group(applier->rdt, name) || !rdt_is_there(applier->rdt);
	default:
		return true;
	}
}

static void tell_vanished(struct applier *applier, const struct holding *holding, const char *name)
{
	char what[CGROUP_PATH_SIZE + 32];

	snprintf(what, sizeof(what), "%s is not there any more", name);
	tell(applier, holding, what);
}

/* Where it was, made for it or not: it is not told any more. A unit is where its cgroup is. */
static void drop_vanished_places(struct applier *applier, struct holding *holding)
{
	const char *path = holding->cgroup_path, *group = holding->rdt_group;
	bool has_cgroup = path && may_be_there(applier, MADE_CGROUP, path);
	bool has_group =
	    group && (strcmp(group, "/") == 0 || may_be_there(applier, MADE_RDT_GROUP, group));

	if ((!path || has_cgroup) && (!group || has_group))
		return;
	if (path && !has_cgroup) {
		tell_vanished(applier, holding, path);
		(void)holdings_forget_unit(applier->holdings, holding);
	}
	if (group && !has_group) {
		tell_vanished(applier, holding, group);
		free(take_ptr(holding->rdt_group));
	}
	if (holdings_write(applier->holdings, holding) < 0)
		tell(applier, holding, "the file of holdings cannot be written");
}

static void drop_vanished(struct applier *applier, struct holding *holding)
{
	struct made *made = TAILQ_FIRST(&holding->made), *next;

	for (; made; made = next) {
		next = TAILQ_NEXT(made, link);
		if (may_be_there(applier, made->kind, made->name))
			continue;
		tell_vanished(applier, holding, made->name);
		(void)holdings_unmade(applier->holdings, holding, made);
	}
	/* Of others it is not known how far they came. */
	if (holding->state == HOLDING_HELD)
		drop_vanished_places(applier, holding);
}

/*
 * 1: it is the process that the holding is for; 0: that one has ended. Where it cannot be looked at
 * it may live, and what is removed for one that lives can be its end.
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
 * What a hookd that was killed has left: an Apply that it had not finished is taken back, since
 * nobody was told that it worked, and a removal goes on.
 */
static int take_up(struct applier *applier, struct holding *holding)
{
	struct target target = TARGET_NONE;
	int lives = open_process(holding, &target);

	if (lives < 0) {
		tell(applier, holding, "whether its process lives cannot be found out");
		target_close(&target);
		return lives;
	}
	drop_vanished(applier, holding);
	if (holding->is_mixed)
		tell(applier, holding, "an Update was cut short: what it named is old or new");
	holding->has_ended = !lives;
	if (!lives)
		tell(applier, holding, "its process has ended meanwhile");
	else if (holding->state == HOLDING_HELD)
		watch_process(applier, holding, &target);
	if (lives && holding->state == HOLDING_MAKING)
		tell(applier, holding, "Apply was cut short, and is taken back");
	target_close(&target);
	holding->is_to_go = lives && holding->state == HOLDING_REMOVING;
	if (holding->state == HOLDING_REMOVING)
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
	else if (lives && holding->state == HOLDING_HELD)
		return 0;
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
	applier->settling = event_new(base, -1, 0, on_settling, applier);
	if (!applier->settling)
		r = -ENOMEM;
	for (holding = holdings_first(holdings); holding && r == 0; holding = next) {
		next = holdings_next(holding);
		r = take_up(applier, holding);
	}
	if (r < 0)
		applier_free(applier);
	else
		*ret_applier = applier;
	return r;
}

/* Those whose end waits for a removal end with it. */
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
	if (applier->settling)
		event_free(take_ptr(applier->settling));
	end_applications(applier);
	for (holding = holdings_first(applier->holdings); holding;
	     holding = holdings_next(holding)) {
		watch_free(holding);
		rdt_keep(take_ptr(holding->rdt_member));
	}
	holdings_close(applier->holdings);
	close_fd(&applier->mount_fd);
	free(applier);
	return NULL;
}
