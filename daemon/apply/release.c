/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes what was created for a container: checks whether all of it can be removed, then removes
 * the objects, the newest first, and deletes the record of each. A removal owns its holding, which
 * is REMOVING. Its stages, which can wait for systemd or for the next iteration of the event loop:
 *
 *	leave_groups --> ask_whose_unit --> move_out --> check --> remove_rest --> (freed)
 *	on failure in any: HELD, and a leftover after a failed Apply
 *
 * A Release does only the last two. A removal without a request, after a failed Apply or the exit
 * of the process, begins with the first one. After a failed Apply the process and its new children
 * are moved back to the former cgroup, some in each iteration. That must not be done in a unit of
 * somebody else, so ask_whose_unit() reads the mark of a unit that systemd has not confirmed.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"

/* Each takes some reads and a write, which waits for a lock of the kernel. */
#define PROCESSES_AT_ONCE 32
/* For all; processes that fork faster stay until the next try. */
#define MOVING_OUT_NS 2000000000ll

struct removal {
	struct applier *applier;
	struct holding *holding;
	struct scope_job *job; /* a call to systemd in progress; NULL: none */
	bool moves_out;
	size_t stage;		    /* of stages[] */
	struct event *turn;	    /* calls go_on(); NULL: not used yet */
	struct group_walk *leaving; /* moves threads out of the group; NULL: not begun */
	int64_t moving_until_ns;    /* deadline of move_out(), CLOCK_MONOTONIC; 0: not begun */
	bool is_cgroup_gone; /* the cgroup was removed; is_above() needs its path until the end */
	bool leaves_groups;  /* all resctrl groups were tried; those left stay, */
	int groups_r;	     /* because of this error */
	apply_removed_fn removed; /* NULL: not reported */
	removal_done_fn done;
	void *userdata;
	struct hp_err err;
	TAILQ_ENTRY(removal) link; /* applier::removals */
};

/* A holding that stays must not name a cgroup that was removed. */
static void forget_paths(struct removal *removal)
{
	struct holding *holding = removal->holding;

	if (removal->is_cgroup_gone)
		free(take_ptr(holding->cgroup_path));
}

static int forget_holding(struct removal *removal)
{
	struct holdings *holdings = removal->applier->holdings;
	struct holding *holding = removal->holding;
	int r = holdings_written(holdings_erase(holdings, holding), &removal->err);

	if (r < 0)
		return r;
	watch_free(holding);
	rdt_leave(take_ptr(holding->rdt_member));
	holdings_remove(holdings, holding);
	return 0;
}

/* done() may start another call for the container: do not use the holding after it. */
static void removal_end(struct removal *removal, int r)
{
	struct applier *applier = removal->applier;
	struct holding *holding = removal->holding;

	assert(r <= 0 && !removal->job);
	TAILQ_REMOVE(&applier->removals, removal, link);
	if (r == 0)
		r = forget_holding(removal);
	if (r < 0 && holding->state == HOLDING_REMOVING) {
		forget_paths(removal);
		holding->is_leftover = removal->moves_out;
		holding->is_unit_ours = false; /* it may be replaced until the next try */
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
		if (!removal->is_cgroup_gone)
			unit_files_watch(applier->unit_watcher, holding);
		applier_check_ended(applier);
	}
	if (r < 0 && removal->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&removal->err, r, NULL, "%s", strerror(-r));
	group_walk_end(removal->leaving);
	if (removal->turn)
		event_free(removal->turn);
	removal->done(r, &removal->err, removal->userdata);
	free(removal);
}

static int fail(struct removal *removal, enum created_kind kind, int r, const char *name,
		const char *reason)
{
	(void)hp_err_setting(&removal->err, r, NULL, "%s: %s", name, reason);
	removal->err.step = kind == CREATED_CGROUP || kind == CREATED_UNIT ? "cgroup" : "rdt";
	return r;
}

static bool is_of_resctrl(const struct created *created)
{
	return created->kind == CREATED_RDT_GROUP || created->kind == CREATED_RDT_MON_GROUP;
}

/* ---- heirs: holdings that take over an object ---- */

static bool is_above(const struct created *created, const struct holding *holding)
{
	size_t length = strlen(created->name);

	return created->kind == CREATED_CGROUP && holding->cgroup_path &&
	       strncmp(holding->cgroup_path, created->name, length) == 0 &&
	       holding->cgroup_path[length] == '/';
}

/* Another holding needs a cgroup above its own, and the resctrl group that its process is in. */
static bool is_needed_by(const struct created *created, const struct holding *other)
{
	if (created->kind == CREATED_RDT_GROUP)
		return other->rdt_group && strcmp(other->rdt_group, created->name) == 0;
	return is_above(created, other);
}

/* True while its process is alive and it is not being removed. */
static bool will_remain(const struct holding *holding)
{
	return holding->state != HOLDING_REMOVING && !holding->is_leftover && !holding->has_ended;
}

/* A holding that is being removed has passed check(), so it takes over no more groups. */
static bool can_inherit(const struct created *created, const struct holding *heir)
{
	return created->kind != CREATED_RDT_GROUP ||
	       (heir->state != HOLDING_REMOVING && !heir->is_leftover);
}

static unsigned int fitness(const struct holding *heir)
{
	return will_remain(heir) ? 1u + (heir->state != HOLDING_MAKING) : 0;
}

static struct holding *find_heir(const struct removal *removal, const struct created *created)
{
	struct holding *heir = holdings_first(removal->applier->holdings), *best = NULL;

	for (; heir; heir = holdings_next(heir))
		if (heir != removal->holding && is_needed_by(created, heir) &&
		    can_inherit(created, heir) && (!best || fitness(heir) > fitness(best)))
			best = heir;
	return best;
}

/* The heir removes the object later. Without an heir the object is no longer hookd's. */
static int hand_over(struct removal *removal, struct created *created, struct holding *heir)
{
	struct holdings *holdings = removal->applier->holdings;
	int r = heir ? holdings_add_created(holdings, heir, created->kind, created->name) : 0;

	/* A process that has exited is not in the group: its holding must not inherit it again. */
	if (r == 0 && removal->holding->has_ended && is_of_resctrl(created))
		free(take_ptr(removal->holding->rdt_group));
	return r < 0 ? r : holdings_remove_created(holdings, removal->holding, created);
}

/* ---- checks ---- */

/* 1: the cgroup has processes; 0: it has none or does not exist; -errno: unknown. */
static int is_populated(const struct applier *applier, const struct holding *holding)
{
	cleanup_close int fd = -1;
	char text[256];
	ssize_t length;

	if (!holding->cgroup_path)
		return 0;
	if (applier->mount_fd < 0)
		return applier->mount_fd;
	fd = cgroup_path_open(applier->mount_fd, holding->cgroup_path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	length = file_read_at(fd, "cgroup.events", text, sizeof(text));
	if (length < 0)
		return cgroup_is_gone((int)length) ? 0 : (int)length;
	return file_keyed_value(text, "populated") == 1;
}

static bool owns_cgroup(const struct holding *holding)
{
	const struct created *created;

	TAILQ_FOREACH (created, &holding->created, link)
		if (created->kind == CREATED_UNIT ||
		    (created->kind == CREATED_CGROUP && holding->cgroup_path &&
		     strcmp(created->name, holding->cgroup_path) == 0))
			return true;
	return false;
}

/* Processes in the cgroup would prevent its removal, and systemd would kill those of a scope. */
static int check(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int r = owns_cgroup(holding) ? is_populated(removal->applier, holding) : 0;

	if (r > 0)
		return fail(removal, CREATED_CGROUP, -EBUSY, holding->cgroup_path,
			    "processes are in it");
	return r < 0 ? fail(removal, CREATED_CGROUP, r, holding->cgroup_path, strerror(-r)) : 0;
}

/*
 * True for a class: settings have named the group, this container's or, of one that was handed
 * over, another's; and others may use it. The container's own one is removed with its tasks, which
 * the kernel moves to the default group.
 */
static bool is_class(const struct holding *holding, const struct created *created)
{
	return created->kind == CREATED_RDT_GROUP &&
	       (holding->has_closid || strcmp(created->name, holding->container) != 0);
}

/* ---- removing ---- */

static void go_on(struct removal *removal);
static void on_stopped(int r, const char *reason, void *userdata);

static int remove_object(struct removal *removal, const struct created *created)
{
	struct applier *applier = removal->applier;
	struct holding *holding = removal->holding;

	switch (created->kind) {
	case CREATED_CGROUP:
		return applier->mount_fd < 0 ? applier->mount_fd
					     : cgroup_path_remove(applier->mount_fd, created->name);
	case CREATED_RDT_GROUP:
	case CREATED_RDT_MON_GROUP:
		rdt_keep(take_ptr(holding->rdt_member));
		return rdt_remove(applier->rdt, created->name, false);
	default:
		return 0;
	}
}

static void note_removed(struct removal *removal, const struct created *created)
{
	struct holding *holding = removal->holding;

	switch (created->kind) {
	case CREATED_CGROUP:
		removal->is_cgroup_gone |=
		    holding->cgroup_path && strcmp(holding->cgroup_path, created->name) == 0;
		break;
	case CREATED_UNIT:
		removal->is_cgroup_gone = true;
		free(take_ptr(holding->unit));
		break;
	default:
		if (holding->rdt_group && strcmp(holding->rdt_group, created->name) == 0)
			free(take_ptr(holding->rdt_group));
		break;
	}
}

static int forget_removed(struct removal *removal, struct created *created)
{
	if (removal->removed)
		removal->removed(created->name, removal->userdata);
	note_removed(removal, created);
	return holdings_remove_created(removal->applier->holdings, removal->holding, created);
}

/* A class stays, or goes with its last user: that is for daemon/resctrl to know. */
static int leave_class(struct removal *removal, struct created *created)
{
	struct holding *holding = removal->holding, *heir = find_heir(removal, created);
	struct rdt_member *member = take_ptr(holding->rdt_member);
	struct rdt *rdt = removal->applier->rdt;
	bool is_gone;

	if (heir && will_remain(heir)) {
		rdt_keep(member);
		return hand_over(removal, created, heir);
	}
	/* The Apply that has made it failed: it is removed, unless others use it already. */
	if (removal->moves_out) {
		rdt_keep(take_ptr(member));
		is_gone = rdt_remove(rdt, created->name, true) == 0;
	} else {
		is_gone = rdt_leave_class(rdt, member, created->name);
	}
	if (is_gone)
		return forget_removed(removal, created);
	note_removed(removal, created);
	return holdings_remove_created(removal->applier->holdings, holding, created);
}

static int remove_one(struct removal *removal, struct created *created)
{
	int r;

	if (created->kind == CREATED_RDT_GROUP && is_class(removal->holding, created))
		return leave_class(removal, created);
	r = remove_object(removal, created);
	/* A cgroup above may have cgroups of others. */
	if (r == -EBUSY && is_above(created, removal->holding))
		return hand_over(removal, created, find_heir(removal, created));
	if (r < 0)
		return fail(removal, created->kind, r, created->name, strerror(-r));
	return forget_removed(removal, created);
}

/* The newest one; of cgroups the deepest, since some may have been handed over later. */
static struct created *next_to_remove(const struct removal *removal)
{
	const struct holding *holding = removal->holding;
	struct created *first = TAILQ_FIRST(&holding->created), *created;

	while (first && removal->leaves_groups && is_of_resctrl(first))
		first = TAILQ_NEXT(first, link);
	if (!first || first->kind != CREATED_CGROUP)
		return first;
	TAILQ_FOREACH (created, &holding->created, link)
		if (created->kind == CREATED_CGROUP && strlen(created->name) > strlen(first->name))
			first = created;
	return first;
}

/* 1: systemd was called; on_stopped() continues. */
static int remove_rest(struct removal *removal)
{
	struct created *created;
	int r = 0;

	while (r == 0 && (created = next_to_remove(removal))) {
		if (created->kind != CREATED_UNIT) {
			r = remove_one(removal, created);
			continue;
		}
		r = scopes_stop(removal->applier->scopes, created->name, removal->holding->mark,
				on_stopped, removal, &removal->job);
		return r < 0 ? fail(removal, CREATED_UNIT, r, created->name, strerror(-r)) : 1;
	}
	return r < 0 ? r : removal->groups_r;
}

static void on_stopped(int r, const char *reason, void *userdata)
{
	struct removal *removal = userdata;
	struct created *created = holding_find_created(removal->holding, CREATED_UNIT);

	assert(created); /* remove_rest() has called systemd for it */
	removal->job = NULL;
	r = r < 0 ? fail(removal, CREATED_UNIT, r, created->name, reason)
		  : forget_removed(removal, created);
	if (r < 0)
		removal_end(removal, r);
	else
		go_on(removal);
}

/*
 * resctrl groups are few. So those of a process that has exited are removed even if its cgroup has
 * to stay, and its cgroup even if a group has to.
 */
static void remove_groups(struct removal *removal)
{
	struct created *created = TAILQ_FIRST(&removal->holding->created), *next;

	for (; created; created = next) {
		int r = 0;

		next = TAILQ_NEXT(created, link);
		if (is_of_resctrl(created))
			r = remove_one(removal, created);
		removal->groups_r = removal->groups_r ? removal->groups_r : r;
	}
	removal->leaves_groups = true;
}

/* ---- stages of a removal without a request ---- */

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	go_on(userdata);
}

/* 1: calls the stage again in the next iteration of the event loop, after other ready events. */
static int next_turn(struct removal *removal)
{
	assert(!removal->turn || !event_pending(removal->turn, EV_TIMEOUT, NULL));
	if (!removal->turn)
		removal->turn = event_new(removal->applier->base, -1, 0, on_turn, removal);
	if (!removal->turn || event_add(removal->turn, &(struct timeval){0}) < 0)
		return -ENOMEM;
	return 1;
}

/* Removes the groups of a process that has exited; moves a live one out of its group. */
static int leave_groups(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int r;

	if (holding->has_ended && !removal->leaving) {
		remove_groups(removal);
		return 0;
	}
	r = group_walk_leave(removal->applier->rdt, holding, &removal->leaving);
	if (r > 0)
		return next_turn(removal);
	group_walk_end(take_ptr(removal->leaving));
	return r == 0 ? 0
		      : fail(removal, CREATED_RDT_GROUP, -EBUSY, holding->rdt_group,
			     "its process cannot be moved out");
}

/* ENOENT: the unit of that name is not hookd's. Then its cgroup and processes are left alone. */
static void on_unit_asked(int r, const char *reason, void *userdata)
{
	struct removal *removal = userdata;
	struct holding *holding = removal->holding;

	removal->job = NULL;
	holding->is_unit_ours = r == 0;
	if (r == -ENOENT)
		r = holdings_forget_unit(removal->applier->holdings, holding);
	else if (r < 0)
		r = fail(removal, CREATED_UNIT, r, holding->unit, reason);
	removal->stage++;
	if (r < 0)
		removal_end(removal, r);
	else
		go_on(removal);
}

/* 1: systemd was called; on_unit_asked() continues. */
static int ask_whose_unit(struct removal *removal)
{
	struct holding *holding = removal->holding;
	int r;

	if (holding->is_unit_ours || !holding_has_created(holding, CREATED_UNIT))
		return 0;
	r = scopes_ask(removal->applier->scopes, holding->unit, holding->mark, on_unit_asked,
		       removal, &removal->job);
	return r < 0 ? fail(removal, CREATED_UNIT, r, holding->unit, strerror(-r)) : 1;
}

/* 1: call it again. */
static int empty_cgroup(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = 1;

	/* Few processes take two passes: one that moves, one that finds none left. */
	for (int i = 0; r > 0 && i < 2; i++)
		r = cgroup_path_empty(removal->applier->mount_fd, holding->cgroup_path,
				      holding->former_path, PROCESSES_AT_ONCE);
	if (removal->moving_until_ns == 0)
		removal->moving_until_ns = now_ns + MOVING_OUT_NS;
	return r > 0 && now_ns > removal->moving_until_ns ? -EBUSY : r;
}

/* Moves all processes out of a cgroup that was created; out of another one only the process. */
static int move_out(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int mount_fd = removal->applier->mount_fd, r;

	if (!removal->moves_out || mount_fd < 0 || !holding->former_path || !holding->cgroup_path)
		return 0;
	if (owns_cgroup(holding))
		r = empty_cgroup(removal);
	else
		r = cgroup_path_put_back(mount_fd, holding->pid, holding->start_time,
					 holding->cgroup_path, holding->former_path);
	if (r < 0)
		return fail(removal, CREATED_CGROUP, r, holding->cgroup_path, strerror(-r));
	return r > 0 ? next_turn(removal) : 0;
}

/* 0: on to the next stage; 1: go_on() is called again later; -errno: failed. */
static int (*const stages[])(struct removal *removal) = {
    leave_groups, ask_whose_unit, move_out, check, remove_rest,
};
/* A Release begins here, after its check. */
#define REMOVE_REST (ELEMENTS(stages) - 1)

static void go_on(struct removal *removal)
{
	int r = 0;

	assert(removal->holding->state == HOLDING_REMOVING && !removal->job);
	while (r == 0 && removal->stage < ELEMENTS(stages)) {
		r = stages[removal->stage](removal);
		removal->stage += r == 0;
	}
	if (r <= 0)
		removal_end(removal, r);
}

static struct removal *removal_new(struct applier *applier, struct holding *holding, bool moves_out)
{
	struct removal *removal = calloc(1, sizeof(*removal));

	if (!removal)
		return NULL;
	removal->applier = applier;
	removal->holding = holding;
	removal->moves_out = moves_out;
	TAILQ_INSERT_TAIL(&applier->removals, removal, link);
	return removal;
}

static void fail_without_memory(struct applier *applier, struct holding *holding, bool moves_out,
				removal_done_fn done, void *userdata)
{
	struct hp_err err;

	holding->is_leftover = moves_out;
	if (holding->state == HOLDING_MAKING)
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
	done(hp_err_no_memory(&err), &err, userdata);
}

/*
 * A Release is checked before REMOVING is written, since a restarted hookd would continue the
 * removal of a holding in that state.
 */
void removal_begin(struct applier *applier, struct holding *holding, bool moves_out,
		   apply_removed_fn removed, removal_done_fn done, void *userdata)
{
	struct removal *removal = removal_new(applier, holding, moves_out);
	bool is_requested = !moves_out && !holding->has_ended;
	int r;

	assert(holding->state == HOLDING_HELD || holding->state == HOLDING_MAKING);
	if (!removal) {
		fail_without_memory(applier, holding, moves_out, done, userdata);
		return;
	}
	removal->removed = removed;
	removal->done = done;
	removal->userdata = userdata;
	removal->stage = is_requested ? REMOVE_REST : 0;
	r = is_requested ? check(removal) : 0;
	if (r == 0)
		r = holdings_written(holdings_enter(applier->holdings, holding, HOLDING_REMOVING),
				     &removal->err);
	if (r < 0)
		removal_end(removal, r);
	else
		go_on(removal);
}

void removals_end(struct applier *applier)
{
	struct removal *removal;

	while ((removal = TAILQ_FIRST(&applier->removals))) {
		scope_job_forget(take_ptr(removal->job));
		removal_end(removal, -ECANCELED);
	}
}

/* ---- Release ---- */

void applier_release(struct applier *applier, const char *container, apply_removed_fn removed,
		     release_done_fn done, void *userdata)
{
	struct holding *holding = holdings_find(applier->holdings, container);
	struct hp_err err = {0};
	int r;

	if (!holding) {
		err = (struct hp_err){.code = HP_ERR_NO_SUCH_CONTAINER};
		snprintf(err.path, sizeof(err.path), "%s", container);
		done(-ENOENT, &err, userdata);
		return;
	}
	/* A leftover may be released, though holding_refuse_busy() refuses it. */
	r = holding->state == HOLDING_HELD ? 0 : holding_refuse_busy(holding, &err);
	if (r < 0)
		done(r, &err, userdata);
	else
		removal_begin(applier, holding, holding->is_leftover, removed, done, userdata);
}
