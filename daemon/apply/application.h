/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <limits.h>

#include "daemon/apply/apply.h"
#include "daemon/apply/process.h"
#include "daemon/apply/unit_files.h"
#include "daemon/base/undo.h"
#include "daemon/cgroup/limits.h"
#include "daemon/cgroup/path.h"

/* Shared by the files of this folder. Other folders include apply.h. */

struct applier {
	struct event_base *base;
	struct holdings *holdings; /* owned */
	struct rdt *rdt;
	struct scopes *scopes;
	const struct cgroup_tree *cgroups; /* of hooks; NULL: none */
	int mount_fd;			   /* of cgroup2, or -ENOTSUP */
	void (*report)(const char *container, const char *what, void *userdata);
	void *userdata;
	struct unit_watcher *unit_watcher;
	struct event *check_ended; /* of applier_check_ended(); NULL: the applier is being freed */
	TAILQ_HEAD(, application) applications;
	TAILQ_HEAD(, removal) removals;
};

/* An Apply or Update in progress. Owns its holding, which is MAKING or CHANGING. */
struct application {
	struct applier *applier;
	struct apply_request request;
	bool is_update;
	struct target target;
	struct holding *holding;
	struct scope_name scope;
	struct scope_job *job;	     /* a call to systemd in progress; NULL: none */
	struct scope_limits *former; /* systemd's properties before the Update; NULL: not read */
	bool is_systemd_told;	     /* systemd was sent the new limits */
	/* Values of files that systemd writes with each change of the unit, and has no property
	 * for. */
	struct limits_journal without_property;
	char *unit_files; /* holding::unit_files after the Update, if has_unit_files */
	bool has_unit_files;
	struct limits_journal cpusets; /* before the Update; see remember_files() */
	char *names;		       /* uncertain.h: the settings that the Update changes */
	char *uncertain_before;	       /* holding::uncertain before the Update */
	bool leaves_uncertain;	       /* the Update could not be undone */
	struct limit_list limits;      /* of the settings' resources */
	int cgroup_fd;
	struct rdt_change *rdt; /* in the undo list; NULL: no resctrl group was joined */
	struct process_change process;
	struct event *turn; /* calls go_on(); NULL: not used yet */
	void (*go_on)(struct application *application);
	struct undo undo;
	int r; /* the result, once application_end() was called */
	struct hp_err err;
	apply_done_fn done;
	void *userdata;
	TAILQ_ENTRY(application) link;
};

/* ---- application.c ---- */

struct application *application_new(struct applier *applier, apply_done_fn done, void *userdata);
/* Keeps the changes (r = 0) or undoes them (r < 0), then calls done() and frees the application. */
void application_end(struct application *application, int r);
/*
 * Ends it because hookd is exiting. One that has failed already and is waiting for its removal ends
 * with that, by removals_end().
 */
void application_cancel(struct application *application);
/*
 * On failure completes application->err: sets the step, prefixes the path, and sets code and reason
 * if there are none. Returns r.
 */
/* The error that the process has exited. -ESRCH. */
int application_fail_no_process(struct application *application, pid_t pid);
int application_at_step(struct application *application, const char *step, const char *path, int r);
/* Calls done() with -ENOMEM, where application_new() has failed. */
void done_without_memory(apply_done_fn done, void *userdata);
/*
 * Calls go_on() in the next iteration of the event loop, after other ready events. Returns 1, or
 * -ENOMEM.
 */
int application_next_turn(struct application *application,
			  void (*go_on)(struct application *application)) must_check;
/* -EBUSY with *err where the holding has an owner or is a leftover; else 0. */
int holding_refuse_busy(const struct holding *holding, struct hp_err *err);

/* ---- apply.c ---- */

/*
 * Converts the resources to application->limits: called before anything is changed, so that a value
 * that cannot be converted changes nothing. `is_scope`: for the cgroup of a scope of systemd.
 */
int application_convert(struct application *application, bool is_scope);
/* Writes limits, device rules and freezer state to application->cgroup_fd. */
int application_limit(struct application *application);

/* ---- apply_rdt.c ---- */

/* Moves the process to the group of the settings, if any. 1: call it again, threads are left. */
int application_join_rdt(struct application *application) must_check;
/* The group that the settings request; NULL: none. */
const char *application_rdt_group(const struct application *application);
/* By a closID, which may be the container's id. */
bool application_has_closid(const struct application *application);
/* The group of the process; "/" for the default group, and where the kernel does not report it. */
void target_rdt_group(const struct target *target, char ret_group[static NAME_MAX + 1]);
/*
 * Moves the threads of the holding's process from its group back to its former group, some in each
 * call. *walk is NULL before the first call. 1: call it again; 0: done, or the process or a group
 * no longer exists. The caller frees *walk by group_walk_end().
 */
struct group_walk;
int group_walk_leave(struct rdt *rdt, const struct holding *holding,
		     struct group_walk **walk) must_check;
void group_walk_end(struct group_walk *walk);
/* Apply has succeeded: moves the membership to the holding. */
void application_keep_rdt(struct application *application);

/* ---- applier.c ---- */

/*
 * Waits until the holding's process exits, then removes what was created for it. Takes ownership of
 * the target. Out of memory: reports that only Release removes it.
 */
void watch_process(struct applier *applier, struct holding *holding, struct target *target);
/* Removes the holding later; the delay is doubled each time. */
void watch_retry(struct applier *applier, struct holding *holding);
void watch_free(struct holding *holding);
/*
 * To be called when a holding is HELD again: its process may have exited while it had an owner.
 * Checks all holdings for that in a later event, since the done() of the owner is called first and
 * may start another call for the container.
 */
void applier_check_ended(struct applier *applier);

/* ---- release.c ---- */

/*
 * Removes everything that was created for the holding, which is HELD or MAKING. `moves_out`:
 * processes in its cgroup are moved back to the former cgroup; else they make it fail with -EBUSY.
 * `removed` may be NULL. Calls done() once, within the call or later: with 0, and the holding is
 * freed; or with -errno and *err, and it is HELD.
 */
typedef void (*removal_done_fn)(int r, const struct hp_err *err, void *userdata);
void removal_begin(struct applier *applier, struct holding *holding, bool moves_out,
		   apply_removed_fn removed, removal_done_fn done, void *userdata);
/* Ends all removals with -ECANCELED. */
void removals_end(struct applier *applier);
