/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply's part in resctrl: the group is made or found, then the process's threads are moved into
 * it, some in each turn of the loop. The schemata are there before the threads.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"

/* A look and a write for each. */
#define THREADS_AT_ONCE 256

/* The groups that were joined. */
struct rdt_change {
	struct holding *holding;
	struct rdt_member *member; /* NULL: not joined, or the holding's by now */
	unsigned int announced;	   /* 1u << enum made_kind, of what was not there */
	struct thread_walk walk;   /* over those that are being moved */
	int64_t until_ns;	   /* of both, CLOCK_MONOTONIC; 0: not begun */
	bool is_monitored;	   /* they are in the group, and go to its monitoring group */
	bool is_done;
};

/* "res:c1\nmon:m1", or "res:/" for the default group: kernel, fs/resctrl, proc_resctrl_show(). */
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

/* Where threads are moved to: the group, and then its monitoring group. */
struct moving {
	const struct target *target;
	const struct thread_walk *walk;
	int tasks;
	const char *key;  /* of cpu_resctrl_groups */
	const char *name; /* what stands there of a thread that is in it */
};

static bool is_in_group(const struct moving *moving, pid_t thread)
{
	char path[64], name[NAME_MAX + 1];

	snprintf(path, sizeof(path), "task/%d/cpu_resctrl_groups", thread);
	if (read_group(moving->target->proc, path, moving->key, name, sizeof(name)))
		return strcmp(name, moving->name) == 0;
	/* A kernel that does not say: those that were made during the first passes are moved. */
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
 * First the group, then its monitoring group: the kernel takes only members of the former there. 1:
 * there are more threads.
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
 * The membership is the holding's, whose removal takes the process out as it does after a crash,
 * some threads in each turn of the loop.
 */
static int undo_rdt(void *data)
{
	struct rdt_change *change = data;

	change->holding->rdt_member = take_ptr(change->member);
	return 0;
}

void target_rdt_group(const struct target *target, char ret_group[static NAME_MAX + 1])
{
	if (!read_group(target->proc, "cpu_resctrl_groups", "res:", ret_group, NAME_MAX + 1))
		snprintf(ret_group, NAME_MAX + 1, "/");
}

/* ---- the way back ---- */

struct group_walk {
	struct target target;
	const char *group;	   /* that is left; the holding's */
	struct rdt_member *member; /* of the group that it came from */
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

/* Which one a thread is in is looked at each time: the first ones may have left already. */
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
	const struct hp_intel_rdt wanted = {.clos_id = holding->former_group};
	struct hp_err err;
	int r = target_open(holding->pid, &walk->target);

	if (r < 0)
		return r;
	if (target_start_time(&walk->target) != holding->start_time)
		return -ESRCH;
	walk->group = holding->rdt_group;
	r = rdt_join(rdt, &wanted, "", &walk->member, &err);
	return r < 0 ? r : thread_walk_begin(&walk->walk, &walk->target);
}

/* The kernel has put it into the default group where its former one is gone. */
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
	/* Of a few threads all are moved at once, and looked at once more. */
	for (int i = 0; i < 3 && (i == 0 ? r == 0 : r > 0); i++)
		r = thread_walk_go_on(&(*walk)->walk, THREADS_AT_ONCE, move_thread_back, *walk);
	return r == -ESRCH || r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

static void forget_rdt(void *data)
{
	struct rdt_change *change = data;

	thread_walk_end(&change->walk);
}

const char *application_rdt_group(const struct application *application)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;

	if (!wanted)
		return NULL;
	return wanted->clos_id && *wanted->clos_id ? wanted->clos_id
						   : application->request.container;
}

/* What is about to be made is written down first; what turns out to have been there is not ours. */
static int announce_rdt(struct application *application, struct rdt_change *change,
			enum made_kind kind, const char *name)
{
	struct applier *applier = application->applier;

	if (rdt_has_group(applier->rdt, name))
		return 0;
	change->announced |= 1u << kind;
	return holdings_making(applier->holdings, application->holding, kind, name);
}

static int announce_rdt_groups(struct application *application, struct rdt_change *change)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;
	const char *container = application->request.container;
	const char *group = application_rdt_group(application);
	bool is_default = strcmp(group, "/") == 0;
	char monitored[2 * NAME_MAX + 16];
	int r = is_default ? 0 : announce_rdt(application, change, MADE_RDT_GROUP, group);

	if (r < 0 || !wanted->enable_monitoring)
		return r;
	snprintf(monitored, sizeof(monitored), "%.255s/mon_groups/%.255s", is_default ? "." : group,
		 container);
	return announce_rdt(application, change, MADE_RDT_MON_GROUP, monitored);
}

/*
 * Somebody else was quicker: then it is not to be removed by us. One that was handed over meanwhile
 * is.
 */
static void forget_unmade(struct application *application, const struct rdt_change *change,
			  enum made_kind kind, bool is_made)
{
	struct made *made = holding_find_made(application->holding, kind);

	if (made && !is_made && (change->announced >> kind & 1))
		(void)holdings_unmade(application->applier->holdings, application->holding, made);
}

/* io.hookd.settings.Exhausted in the place of ENOSPC. */
static int tell_exhausted(struct application *application)
{
	struct hp_err *err = &application->err;
	int limit = rdt_closids(application->applier->rdt);

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
	r = announce_rdt_groups(application, change);
	if (r == 0)
		r = rdt_join(applier->rdt, application->request.settings->intel_rdt,
			     application->request.container, &change->member, &application->err);
	if (r == -ENOSPC)
		return tell_exhausted(application);
	if (r < 0)
		return r;
	forget_unmade(application, change, MADE_RDT_GROUP,
		      rdt_member_group_is_made(change->member));
	forget_unmade(application, change, MADE_RDT_MON_GROUP,
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
	if (application->rdt)
		application->holding->rdt_member = take_ptr(application->rdt->member);
}
