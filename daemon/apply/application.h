/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <limits.h>

#include "daemon/apply/apply.h"
#include "daemon/apply/process.h"
#include "daemon/base/undo.h"
#include "daemon/cgroup/limit_list.h"
#include "daemon/cgroup/path.h"

/* What applier.c, apply.c, update.c and release.c share. Everybody else includes apply.h. */

struct applier {
	struct event_base *base;
	struct holdings *holdings; /* owned */
	struct rdt *rdt;
	struct scopes *scopes;
	const struct cgroup_tree *cgroups; /* hookd's own; NULL: it has none */
	int mount_fd;			   /* of cgroup2, or -ENOTSUP */
	void (*report)(const char *container, const char *what, void *userdata);
	void *userdata;
	struct event *settling; /* applier_settle(); NULL: it is being freed */
	TAILQ_HEAD(, application) applications;
	TAILQ_HEAD(, removal) removals;
};

/*
 * One Apply or Update that is going on. From begin to end it owns its holding, which is MAKING or
 * CHANGING.
 */
struct application {
	struct applier *applier;
	struct apply_request request;
	bool is_update;
	struct target target;
	struct holding *holding;
	struct scope_name scope;
	struct scope_job *job;	     /* systemd is asked */
	struct scope_limits *former; /* what systemd is told again if this fails; NULL: nothing */
	bool is_told;		     /* systemd, of the new limits */
	char *names,
	    *mixed_before;	  /* of an Update: mixed.h; NULL: nothing is changed yet, or none */
	bool leaves_mixed;	  /* what it has changed could not be put back */
	struct limit_list limits; /* of the settings' resources; empty where there are none */
	int cgroup_fd;
	struct rdt_change *rdt; /* in `undo`; NULL: no resctrl group was joined */
	struct process_change process;
	struct event *turn; /* the next one; NULL: all was done in one */
	void (*go_on)(struct application *application);
	struct undo undo;
	int r; /* how it ended, while what it made is removed */
	struct hp_err err;
	apply_done_fn done;
	void *userdata;
	TAILQ_ENTRY(application) link;
};

/* ---- apply.c ---- */

struct application *application_new(struct applier *applier, apply_done_fn done, void *userdata);
/* What was changed is put back, or stays for good; the caller hears of it, and it is freed. */
void application_end(struct application *application, int r);
/* hookd ends. One whose end waits for a removal ends with that (removals_end()). */
void application_cancel(struct application *application);
/* On failure fills what of err is not filled yet, and puts the path before it. Returns r. */
int application_at_step(struct application *application, const char *step, const char *path, int r);
/* Fills application->limits: what cannot be converted is found before anybody hears of it. */
int application_convert(struct application *application);
/* The limits, the devices and the freezer of the settings, to application->cgroup_fd. */
int application_limit(struct application *application);
/* For who has no memory for an application. */
void done_without_memory(apply_done_fn done, void *userdata);

/* go_on() is called in the next turn of the loop, when others were heard. 1, or -ENOMEM. */
int application_next_turn(struct application *application,
			  void (*go_on)(struct application *application)) must_check;
/* 0, or -EBUSY with *err where the holding has an owner or is to go. */
int holding_refuse_busy(const struct holding *holding, struct hp_err *err);

/* ---- apply_rdt.c ---- */

/* Joins the group of the settings, if they have one. 1: there are threads left to be moved. */
int application_join_rdt(struct application *application) must_check;
/* The group that the settings name; NULL: none. */
const char *application_rdt_group(const struct application *application);
/* The group that the process is in; "/" for the default one, and where the kernel does not say. */
void target_rdt_group(const struct target *target, char ret_group[static NAME_MAX + 1]);
/*
 * Those threads of the holding's process that are in its group go back to the group that it came
 * from, some at each call. The first one begins, with *walk NULL. 1: there are more.
 */
struct group_walk;
int group_walk_leave(struct rdt *rdt, const struct holding *holding,
		     struct group_walk **walk) must_check;
void group_walk_end(struct group_walk *walk);
/* Apply has worked: the membership is the holding's from now on. */
void application_keep_rdt(struct application *application);

/* ---- applier.c ---- */

/*
 * Waits for the end of the holding's process, then removes what was made for it. Takes the target
 * over. Without memory it is told that Release has to be asked for.
 */
void watch_process(struct applier *applier, struct holding *holding, struct target *target);
/* After a pause, which is longer each time, what is left of the holding is removed. */
void watch_try_again(struct applier *applier, struct holding *holding);
void watch_free(struct holding *holding);
/*
 * A holding has no owner any more: what happened meanwhile is looked at, in a turn of its own,
 * since its owner has somebody to tell, who may ask for the next thing at once.
 */
void applier_settle(struct applier *applier);

/* ---- release.c ---- */

/*
 * Removes everything that was made for the holding, which is HELD or MAKING; `removed` may be NULL.
 * done() is told once, within the call or later: 0, and the holding is no more; or -errno with
 * *err, and it is HELD. `moves_out`: those who are in its cgroup are put back to where the process
 * came from, else they are a reason to fail.
 */
typedef void (*removal_done_fn)(int r, const struct hp_err *err, void *userdata);
void removal_begin(struct applier *applier, struct holding *holding, bool moves_out,
		   apply_removed_fn removed, removal_done_fn done, void *userdata);
/* Ends all, with -ECANCELED. */
void removals_end(struct applier *applier);
