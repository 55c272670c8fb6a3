/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release: looks first whether everything can go, then removes it in the reverse order in which it
 * was made, each thing forgotten when it is gone. A removal owns its holding, which is REMOVING:
 *
 *	looks --all can go--> removes one after the other --nothing is left--> (free)
 *	   \                     | systemd is asked, the loop goes on until it has answered
 *	    \______ cannot ______\______ failed ______> HELD, and to go if nobody asked for it
 *
 * One that nobody asked for has more stages before it looks: the process, and who was forked
 * meanwhile, go back to where it came from, some in each turn of the loop. Before anybody is moved
 * out of a unit systemd is asked whose it is, where that is not known: after a crash in the middle
 * of an Apply it may be another one's.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"

/* A look and a write for each, and the write waits for the kernel. */
#define PROCESSES_AT_ONCE 32
/* For all; those who fork faster are left for the next try. */
#define MOVING_OUT_NS 2000000000ll

struct removal {
	struct applier *applier;
	struct holding *holding;
	struct scope_job *job; /* systemd is asked to stop the unit, or whose it is */
	bool moves_out;
	size_t stage;		    /* of stages[] */
	struct event *turn;	    /* the next one; NULL: all was done in one */
	struct group_walk *leaving; /* the process's threads leave its group; NULL: not begun */
	int64_t moving_until_ns;    /* CLOCK_MONOTONIC; 0: nobody is moved so far */
	bool is_cgroup_gone;	    /* its own; until the end its path says which ones are above */
	bool leaves_groups;	    /* of resctrl: all were tried, */
	int groups_r;		    /* and that is why one is left */
	apply_removed_fn removed;   /* NULL: nobody wants to know */
	removal_done_fn done;
	void *userdata;
	struct hp_err err;
	TAILQ_ENTRY(removal) link; /* applier::removals */
};

/* What is held on does not name what is gone. */
static void forget_places(struct removal *removal)
{
	struct holding *holding = removal->holding;

	if (removal->is_cgroup_gone)
		free(take_ptr(holding->cgroup_path));
}

/* Nothing is left of it. */
static int forget_holding(struct removal *removal)
{
	struct holdings *holdings = removal->applier->holdings;
	struct holding *holding = removal->holding;
	int r = holdings_erase(holdings, holding);

	if (r < 0)
		return hp_err_setting(&removal->err, r, NULL, "the file of holdings: %s",
				      strerror(-r));
	watch_free(holding);
	rdt_leave(take_ptr(holding->rdt_member));
	holdings_remove(holdings, holding);
	return 0;
}

/* Who is told may ask for the next thing at once: the holding is not touched after that. */
static void removal_end(struct removal *removal, int r)
{
	struct applier *applier = removal->applier;
	struct holding *holding = removal->holding;

	TAILQ_REMOVE(&applier->removals, removal, link);
	if (r == 0)
		r = forget_holding(removal);
	if (r < 0 && holding->state == HOLDING_REMOVING) {
		forget_places(removal);
		holding->is_to_go = removal->moves_out;
		holding->is_unit_ours = false; /* until the next try it may end, and be made anew */
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
		applier_settle(applier);
	}
	if (r < 0 && removal->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&removal->err, r, NULL, "%s", strerror(-r));
	group_walk_end(removal->leaving);
	if (removal->turn)
		event_free(removal->turn);
	removal->done(r, &removal->err, removal->userdata);
	free(removal);
}

static int fail(struct removal *removal, enum made_kind kind, int r, const char *name,
		const char *reason)
{
	(void)hp_err_setting(&removal->err, r, NULL, "%s: %s", name, reason);
	removal->err.step = kind == MADE_CGROUP || kind == MADE_UNIT ? "cgroup" : "rdt";
	return r;
}

static bool is_of_resctrl(const struct made *made)
{
	return made->kind == MADE_RDT_GROUP || made->kind == MADE_RDT_MON_GROUP;
}

/* ---- who takes over what cannot go yet ---- */

static bool is_above(const struct made *made, const struct holding *holding)
{
	size_t length = strlen(made->name);

	return made->kind == MADE_CGROUP && holding->cgroup_path &&
	       strncmp(holding->cgroup_path, made->name, length) == 0 &&
	       holding->cgroup_path[length] == '/';
}

/* A cgroup on the way to another container's, or a resctrl group that another one is in too. */
static bool is_needed_by(const struct made *made, const struct holding *other)
{
	if (made->kind == MADE_RDT_GROUP)
		return other->rdt_group && strcmp(other->rdt_group, made->name) == 0;
	return is_above(made, other);
}

/* It has a process that goes on. One that is being made may not get there; then it takes it away.
 */
static bool goes_on(const struct holding *holding)
{
	return holding->state != HOLDING_REMOVING && !holding->is_to_go && !holding->has_ended;
}

/* Who is going itself has looked already whether all can go: it is given no groups on top. */
static bool can_inherit(const struct made *made, const struct holding *heir)
{
	return made->kind != MADE_RDT_GROUP || (heir->state != HOLDING_REMOVING && !heir->is_to_go);
}

static unsigned int fitness(const struct holding *heir)
{
	return goes_on(heir) ? 1u + (heir->state != HOLDING_MAKING) : 0;
}

static struct holding *find_heir(const struct removal *removal, const struct made *made)
{
	struct holding *heir = holdings_first(removal->applier->holdings), *best = NULL;

	for (; heir; heir = holdings_next(heir))
		if (heir != removal->holding && is_needed_by(made, heir) &&
		    can_inherit(made, heir) && (!best || fitness(heir) > fitness(best)))
			best = heir;
	return best;
}

/* Who needs it takes it away one day; cgroups of others in one on the way make it theirs. */
static int hand_over(struct removal *removal, struct made *made, struct holding *heir)
{
	struct holdings *holdings = removal->applier->holdings;
	int r = heir ? holdings_making(holdings, heir, made->kind, made->name) : 0;

	/* One that has ended is not in it any more, and is no heir of it. */
	if (r == 0 && removal->holding->has_ended && is_of_resctrl(made))
		free(take_ptr(removal->holding->rdt_group));
	return r < 0 ? r : holdings_unmade(holdings, removal->holding, made);
}

/* ---- looking ---- */

/* 1: somebody is in it; 0: nobody, or it is not there; else it is not known. */
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

static bool made_its_cgroup(const struct holding *holding)
{
	const struct made *made;

	TAILQ_FOREACH (made, &holding->made, link)
		if (made->kind == MADE_UNIT || (made->kind == MADE_CGROUP && holding->cgroup_path &&
						strcmp(made->name, holding->cgroup_path) == 0))
			return true;
	return false;
}

/* systemd would kill what is in its scope, and nobody asked for that. */
static int look_at_cgroup(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int r = made_its_cgroup(holding) ? is_populated(removal->applier, holding) : 0;

	if (r > 0)
		return fail(removal, MADE_CGROUP, -EBUSY, holding->cgroup_path,
			    "processes are in it");
	return r < 0 ? fail(removal, MADE_CGROUP, r, holding->cgroup_path, strerror(-r)) : 0;
}

/* Its own processes are no reason: the kernel puts them into the group above. */
static bool is_shared(const struct holding *holding, const struct made *made)
{
	return made->kind == MADE_RDT_GROUP && strcmp(made->name, holding->container) != 0;
}

static int look(struct removal *removal)
{
	const struct made *made;
	int r = look_at_cgroup(removal);

	if (r < 0 || removal->leaves_groups)
		return r;
	TAILQ_FOREACH (made, &removal->holding->made, link) {
		if (!is_shared(removal->holding, made) || find_heir(removal, made) ||
		    !rdt_group_is_in_use(removal->applier->rdt, made->name,
					 removal->holding->rdt_member))
			continue;
		return fail(removal, made->kind, -EBUSY, made->name, "processes are in it");
	}
	return 0;
}

/* ---- removing ---- */

static void go_on(struct removal *removal);
static void on_stopped(int r, const char *reason, void *userdata);

static int unmake(struct removal *removal, const struct made *made)
{
	struct applier *applier = removal->applier;
	struct holding *holding = removal->holding;

	switch (made->kind) {
	case MADE_CGROUP:
		return applier->mount_fd < 0 ? applier->mount_fd
					     : cgroup_path_remove(applier->mount_fd, made->name);
	case MADE_RDT_GROUP:
	case MADE_RDT_MON_GROUP:
		rdt_keep(take_ptr(holding->rdt_member));
		return rdt_remove(applier->rdt, made->name, is_shared(holding, made));
	default:
		return 0;
	}
}

static void note_removed(struct removal *removal, const struct made *made)
{
	struct holding *holding = removal->holding;

	switch (made->kind) {
	case MADE_CGROUP:
		removal->is_cgroup_gone |=
		    holding->cgroup_path && strcmp(holding->cgroup_path, made->name) == 0;
		break;
	case MADE_UNIT:
		removal->is_cgroup_gone = true;
		free(take_ptr(holding->unit));
		break;
	default:
		if (holding->rdt_group && strcmp(holding->rdt_group, made->name) == 0)
			free(take_ptr(holding->rdt_group));
		break;
	}
}

static int is_removed(struct removal *removal, struct made *made)
{
	if (removal->removed)
		removal->removed(made->name, removal->userdata);
	note_removed(removal, made);
	return holdings_unmade(removal->applier->holdings, removal->holding, made);
}

/* What others are in is another one's to remove: cgroups below it, or processes of its. */
static bool is_left_to_others(const struct removal *removal, const struct made *made,
			      const struct holding *heir)
{
	if (made->kind == MADE_RDT_GROUP)
		return heir;
	return is_above(made, removal->holding);
}

static int remove_one(struct removal *removal, struct made *made)
{
	struct holding *heir = find_heir(removal, made);
	int r;

	if (heir && made->kind == MADE_RDT_GROUP && goes_on(heir)) {
		rdt_keep(take_ptr(removal->holding->rdt_member));
		return hand_over(removal, made, heir);
	}
	r = unmake(removal, made);
	if (r == -EBUSY && is_left_to_others(removal, made, heir))
		return hand_over(removal, made, heir);
	if (r < 0)
		return fail(removal, made->kind, r, made->name, strerror(-r));
	return is_removed(removal, made);
}

/* The last that was made; of cgroups the lowest, since some were handed over later. */
static struct made *next_to_remove(const struct removal *removal)
{
	const struct holding *holding = removal->holding;
	struct made *first = TAILQ_FIRST(&holding->made), *made;

	while (first && removal->leaves_groups && is_of_resctrl(first))
		first = TAILQ_NEXT(first, link);
	if (!first || first->kind != MADE_CGROUP)
		return first;
	TAILQ_FOREACH (made, &holding->made, link)
		if (made->kind == MADE_CGROUP && strlen(made->name) > strlen(first->name))
			first = made;
	return first;
}

/* 1: systemd was asked. */
static int remove_rest(struct removal *removal)
{
	struct made *made;
	int r = 0;

	while (r == 0 && (made = next_to_remove(removal))) {
		if (made->kind != MADE_UNIT) {
			r = remove_one(removal, made);
			continue;
		}
		r = scopes_stop(removal->applier->scopes, made->name, removal->holding->mark,
				on_stopped, removal, &removal->job);
		return r < 0 ? fail(removal, MADE_UNIT, r, made->name, strerror(-r)) : 1;
	}
	return r < 0 ? r : removal->groups_r;
}

static void on_stopped(int r, const char *reason, void *userdata)
{
	struct removal *removal = userdata;
	struct made *made = holding_find_made(removal->holding, MADE_UNIT);

	removal->job = NULL;
	r = r < 0 ? fail(removal, MADE_UNIT, r, made->name, reason) : is_removed(removal, made);
	if (r < 0)
		removal_end(removal, r);
	else
		go_on(removal);
}

/*
 * resctrl groups are few: those of a process that has ended go even where its cgroup has to stay,
 * and its cgroup where one of them has to.
 */
static void remove_groups(struct removal *removal)
{
	struct made *made = TAILQ_FIRST(&removal->holding->made), *next;

	for (; made; made = next) {
		int r = 0;

		next = TAILQ_NEXT(made, link);
		if (is_of_resctrl(made))
			r = remove_one(removal, made);
		removal->groups_r = removal->groups_r ? removal->groups_r : r;
	}
	removal->leaves_groups = true;
}

/* ---- what comes before, where nobody asked for it ---- */

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	go_on(userdata);
}

/* 1: the stage is called again when others were heard. */
static int next_turn(struct removal *removal)
{
	if (!removal->turn)
		removal->turn = event_new(removal->applier->base, -1, 0, on_turn, removal);
	if (!removal->turn || event_add(removal->turn, &(struct timeval){0}) < 0)
		return -ENOMEM;
	return 1;
}

/* Those of a process that has ended go; of one that lives it is taken out. */
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
		      : fail(removal, MADE_RDT_GROUP, -EBUSY, holding->rdt_group,
			     "its process cannot be moved out");
}

/* Who is in it is looked at, and maybe moved out, only where it is hookd's. */
static void on_asked(int r, const char *reason, void *userdata)
{
	struct removal *removal = userdata;
	struct holding *holding = removal->holding;

	removal->job = NULL;
	holding->is_unit_ours = r == 0;
	if (r == -ENOENT)
		r = holdings_forget_unit(removal->applier->holdings, holding);
	else if (r < 0)
		r = fail(removal, MADE_UNIT, r, holding->unit, reason);
	removal->stage++;
	if (r < 0)
		removal_end(removal, r);
	else
		go_on(removal);
}

/* 1: systemd was asked. */
static int ask_whose_unit(struct removal *removal)
{
	struct holding *holding = removal->holding;
	int r;

	if (holding->is_unit_ours || !holding_has_made(holding, MADE_UNIT))
		return 0;
	r = scopes_ask(removal->applier->scopes, holding->unit, holding->mark, on_asked, removal,
		       &removal->job);
	return r < 0 ? fail(removal, MADE_UNIT, r, holding->unit, strerror(-r)) : 1;
}

/* 1: there are more. */
static int empty_cgroup(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = 1;

	/* Of a few all are moved at once, and looked for once more. */
	for (int i = 0; r > 0 && i < 2; i++)
		r = cgroup_path_empty(removal->applier->mount_fd, holding->cgroup_path,
				      holding->former_path, PROCESSES_AT_ONCE);
	if (removal->moving_until_ns == 0)
		removal->moving_until_ns = now_ns + MOVING_OUT_NS;
	return r > 0 && now_ns > removal->moving_until_ns ? -EBUSY : r;
}

/* Those of a cgroup that was made for the process go with it; in one of others it goes alone. */
static int move_out(struct removal *removal)
{
	const struct holding *holding = removal->holding;
	int mount_fd = removal->applier->mount_fd, r;

	if (!removal->moves_out || mount_fd < 0 || !holding->former_path || !holding->cgroup_path)
		return 0;
	if (made_its_cgroup(holding))
		r = empty_cgroup(removal);
	else
		r = cgroup_path_put_back(mount_fd, holding->pid, holding->start_time,
					 holding->cgroup_path, holding->former_path);
	if (r < 0)
		return fail(removal, MADE_CGROUP, r, holding->cgroup_path, strerror(-r));
	return r > 0 ? next_turn(removal) : 0;
}

/* Each until it says 0; 1: it is called again, or the next is when it has been answered. */
static int (*const stages[])(struct removal *removal) = {
    leave_groups, ask_whose_unit, move_out, look, remove_rest,
};
/* Of one that is asked for, which has looked. */
#define REMOVE_REST (ELEMENTS(stages) - 1)

static void go_on(struct removal *removal)
{
	int r = 0;

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

	holding->is_to_go = moves_out;
	if (holding->state == HOLDING_MAKING)
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
	done(hp_err_no_memory(&err), &err, userdata);
}

/*
 * A Release that is refused writes nothing: a hookd that was killed in the middle of one would
 * leave a removal that has to go on.
 */
void removal_begin(struct applier *applier, struct holding *holding, bool moves_out,
		   apply_removed_fn removed, removal_done_fn done, void *userdata)
{
	struct removal *removal = removal_new(applier, holding, moves_out);
	bool is_asked = !moves_out && !holding->has_ended;
	int r;

	if (!removal) {
		fail_without_memory(applier, holding, moves_out, done, userdata);
		return;
	}
	removal->removed = removed;
	removal->done = done;
	removal->userdata = userdata;
	removal->stage = is_asked ? REMOVE_REST : 0;
	r = is_asked ? look(removal) : 0;
	if (r == 0)
		r = holdings_enter(applier->holdings, holding, HOLDING_REMOVING);
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
	/* One that is to go anyway may be asked for. */
	r = holding->state == HOLDING_HELD ? 0 : holding_refuse_busy(holding, &err);
	if (r < 0)
		done(r, &err, userdata);
	else
		removal_begin(applier, holding, holding->is_to_go, removed, done, userdata);
}
