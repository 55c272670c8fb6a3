/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resctrl part of Apply: makes or finds the group, with its schemata, then moves the threads of
 * the process to it, some in each iteration of the event loop; and moves them back.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"

/* Each takes a read and a write. */
#define THREADS_AT_ONCE 256

/* The groups that were joined; an entry of the undo list. */
struct rdt_change {
	struct holding *holding;
	struct rdt_member *member; /* NULL: not joined, or moved to the holding */
	unsigned int recorded;	   /* 1u << enum created_kind of the groups that did not exist */
	struct thread_walk walk;   /* first to the group, then to the monitoring group */
	int64_t until_ns;	   /* deadline of both walks, CLOCK_MONOTONIC; 0: not begun */
	bool is_monitored;	   /* all are in the group; the walk is the second one */
	bool is_done;
};

/*
 * Reads one line of cpu_resctrl_groups, "res:c1\nmon:m1", or "res:/" for the default group (kernel:
 * fs/resctrl, proc_resctrl_show()).
 */
static bool read_group(int proc, const char *path, const char *key, char *name, size_t size)
{
	char text[2 * NAME_MAX];
	const char *at = NULL;

	if (file_read_at(proc, path, text, sizeof(text)) > 0)
		at = strstr(text, key);
	if (!at)
		return false;
	at += strlen(key);
	snprintf(name, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

/* Where the threads are moved to: the group, or its monitoring group. */
struct moving {
	const struct target *target;
	const struct thread_walk *walk;
	int tasks;
	const char *key;  /* the group's line of cpu_resctrl_groups, */
	const char *name; /* and what it says for a thread in the group */
};

static bool is_in_group(const struct moving *moving, pid_t thread)
{
	char path[64], name[NAME_MAX + 1];

	snprintf(path, sizeof(path), "task/%d/cpu_resctrl_groups", thread);
	if (read_group(moving->target->proc, path, moving->key, name, sizeof(name)))
		return strcmp(name, moving->name) == 0;
	/*
	 * The kernel does not report groups. New threads are in the group of the thread that made
	 * them, so all are in it after the second pass.
	 */
	return moving->walk->passes > 1;
}

static int move_thread(pid_t thread, void *userdata)
{
	const struct moving *moving = userdata;
	char text[16];

	if (moving->walk->passes > 0 && is_in_group(moving, thread))
		return 0;
	snprintf(text, sizeof(text), "%d", thread);
	return write(moving->tasks, text, strlen(text)) < 0 ? -errno : 1;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/*
 * First to the group, then to its monitoring group: the kernel refuses threads of other groups
 * there. 1: threads are left.
 */
static int move_some(struct rdt_change *change, const struct target *target)
{
	const struct rdt_member *member = change->member;
	struct thread_walk *walk = &change->walk;
	bool *is_monitored = &change->is_monitored;
	struct moving moving = {
	    .target = target,
	    .walk = walk,
	    .tasks = *is_monitored ? rdt_member_monitored_tasks(member) : rdt_member_tasks(member),
	    .key = *is_monitored ? "mon:" : "res:",
	    .name = *is_monitored ? last_part(rdt_member_monitored_group(member))
				  : rdt_member_group(member),
	};
	int r = thread_walk_continue(walk, target, &change->until_ns);

	if (r == 0)
		r = thread_walk_go_on(walk, THREADS_AT_ONCE, move_thread, &moving);
	if (r > 0)
		return r;
	thread_walk_end(walk);
	if (r < 0 || *is_monitored || rdt_member_monitored_tasks(member) < 0)
		return r;
	*is_monitored = true;
	return 1;
}

/*
 * Moves nothing: the membership becomes the holding's, and its removal (release.c) moves the
 * threads back, some in each iteration of the event loop.
 */
static int undo_rdt(void *data)
{
	struct rdt_change *change = data;

	assert(!change->holding->rdt_member);
	change->holding->rdt_member = take_ptr(change->member);
	return 0;
}

void target_rdt_group(const struct target *target, char ret_group[static NAME_MAX + 1])
{
	if (!read_group(target->proc, "cpu_resctrl_groups", "res:", ret_group, NAME_MAX + 1))
		snprintf(ret_group, NAME_MAX + 1, "/");
}

/* ---- moving threads back ---- */

struct group_walk {
	struct target target;
	const char *group;	   /* that the threads leave; the holding's */
	struct rdt_member *member; /* of the former group */
	struct thread_walk walk;
};

void group_walk_end(struct group_walk *walk)
{
	if (!walk)
		return;
	thread_walk_end(&walk->walk);
	rdt_leave(walk->member);
	target_close(&walk->target);
	free(walk);
}

/* Only threads of the group are moved: another program may have moved some elsewhere. */
static int move_thread_back(pid_t thread, void *userdata)
{
	const struct group_walk *walk = userdata;
	char path[64], name[NAME_MAX + 1], text[16];

	snprintf(path, sizeof(path), "task/%d/cpu_resctrl_groups", thread);
	if (!read_group(walk->target.proc, path, "res:", name, sizeof(name)) ||
	    strcmp(name, walk->group) != 0)
		return 0;
	snprintf(text, sizeof(text), "%d", thread);
	return write(rdt_member_tasks(walk->member), text, strlen(text)) < 0 ? -errno : 1;
}

static int begin_leaving(struct rdt *rdt, const struct holding *holding, struct group_walk *walk)
{
	int r = target_open(holding->pid, &walk->target);

	if (r < 0)
		return r;
	if (target_start_time(&walk->target) != holding->start_time)
		return -ESRCH;
	walk->group = holding->rdt_group;
	r = rdt_join_existing(rdt, holding->former_group, &walk->member);
	return r < 0 ? r : thread_walk_begin(&walk->walk, &walk->target);
}

int group_walk_leave(struct rdt *rdt, const struct holding *holding, struct group_walk **walk)
{
	int r = 0;

	if (!holding->rdt_group || !holding->former_group ||
	    strcmp(holding->rdt_group, holding->former_group) == 0)
		return 0;
	if (!*walk) {
		*walk = calloc(1, sizeof(**walk));
		if (!*walk)
			return -ENOMEM;
		(*walk)->target = TARGET_NONE;
		r = begin_leaving(rdt, holding, *walk);
	}
	/* A process with few threads takes two passes: one that moves, one that finds none left. */
	for (int i = 0; i < 3 && (i == 0 ? r == 0 : r > 0); i++)
		r = thread_walk_go_on(&(*walk)->walk, THREADS_AT_ONCE, move_thread_back, *walk);
	/*
	 * ENOENT: the former group was removed; then threads go to the default group with this one.
	 */
	return r == -ESRCH || r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

static void forget_rdt(void *data)
{
	struct rdt_change *change = data;

	thread_walk_end(&change->walk);
}

bool application_has_closid(const struct application *application)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;

	return wanted && wanted->clos_id && *wanted->clos_id;
}

const char *application_rdt_group(const struct application *application)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;

	if (!wanted)
		return NULL;
	return application_has_closid(application) ? wanted->clos_id
						   : application->request.container;
}

/* Records a group before rdt_join() creates it. A group that exists is not hookd's. */
static int record_rdt_group(struct application *application, struct rdt_change *change,
			    enum created_kind kind, const char *name)
{
	struct applier *applier = application->applier;

	if (rdt_has_group(applier->rdt, name))
		return 0;
	change->recorded |= 1u << kind;
	return holdings_written(
	    holdings_add_created(applier->holdings, application->holding, kind, name),
	    &application->err);
}

static int record_rdt_groups(struct application *application, struct rdt_change *change)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;
	const char *container = application->request.container;
	const char *group = application_rdt_group(application);
	bool is_default = strcmp(group, "/") == 0;
	char monitored[2 * NAME_MAX + 16];
	int r = is_default ? 0 : record_rdt_group(application, change, CREATED_RDT_GROUP, group);

	if (r < 0 || !wanted->enable_monitoring)
		return r;
	snprintf(monitored, sizeof(monitored), "%.255s/mon_groups/%.255s", is_default ? "." : group,
		 container);
	return record_rdt_group(application, change, CREATED_RDT_MON_GROUP, monitored);
}

/*
 * Deletes the record where another program has created the group first: then hookd must not remove
 * it. The record of a group that existed before stays: another holding has handed it over
 * meanwhile.
 */
static void forget_not_created(struct application *application, const struct rdt_change *change,
			       enum created_kind kind, bool is_made)
{
	struct created *created = holding_find_created(application->holding, kind);

	if (created && !is_made && (change->recorded >> kind & 1))
		(void)holdings_remove_created(application->applier->holdings, application->holding,
					      created);
}

/* The error io.hookd.settings.Exhausted, instead of a bare ENOSPC. */
static int fail_exhausted(struct application *application)
{
	struct hp_err *err = &application->err;
	int in_use, limit = rdt_closids(application->applier->rdt, &in_use);

	if (limit <= 0)
		return -ENOSPC;
	*err = (struct hp_err){.code = HP_ERR_EXHAUSTED, .path = "CLOSID", .error = limit};
	return -ENOSPC;
}

static int join_group(struct application *application)
{
	struct applier *applier = application->applier;
	struct rdt_change *change =
	    undo_add(&application->undo, "resctrl group", sizeof(*change), undo_rdt, forget_rdt);
	int r;

	if (!change)
		return -ENOMEM;
	change->holding = application->holding;
	r = record_rdt_groups(application, change);
	if (r < 0)
		return r; /* -ENOSPC: of the disk */
	r = rdt_join(applier->rdt, application->request.settings->intel_rdt,
		     application->request.container, &change->member, &application->err);
	if (r == -ENOSPC)
		return fail_exhausted(application);
	if (r < 0)
		return r;
	forget_not_created(application, change, CREATED_RDT_GROUP,
			   rdt_member_group_is_made(change->member));
	forget_not_created(application, change, CREATED_RDT_MON_GROUP,
			   rdt_member_monitored_group_is_made(change->member));
	application->rdt = change;
	return 0;
}

static int join(struct application *application)
{
	int r = 0;

	if (!application->request.settings->intel_rdt)
		return 0;
	if (!rdt_is_there(application->applier->rdt))
		return hp_err_setting(&application->err, -EOPNOTSUPP, NULL,
				      "resctrl is not mounted");
	if (!application->rdt)
		r = join_group(application);
	if (r < 0 || application->rdt->is_done)
		return r;
	r = move_some(application->rdt, &application->target);
	application->rdt->is_done = r == 0;
	return r;
}

int application_join_rdt(struct application *application)
{
	return application_at_step(application, "rdt", "linux.intelRdt", join(application));
}

void application_keep_rdt(struct application *application)
{
	if (!application->rdt)
		return;
	assert(application->rdt->is_done && !application->holding->rdt_member);
	application->holding->rdt_member = take_ptr(application->rdt->member);
}
