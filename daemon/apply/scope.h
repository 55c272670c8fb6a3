/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/bus.h"
#include "proto/err.h"
#include "proto/resources.h"

/*
 * systemd's way to a cgroup: a transient scope that takes a process in, with the limits that
 * systemd has a property for, so that it does not undo them when it writes the unit's cgroup anew.
 * Nothing here waits: every call ends in its done(), from the event loop.
 */
struct scopes;

/* "slice:prefix:name" of linux.cgroupsPath, taken apart. */
struct scope_name {
	char unit[256]; /* "prefix-name.scope" */
	char slice[256];
};

/*
 * -EINVAL with the reason where it is not that form, or names a slice to put a process into. An
 * empty slice is system.slice.
 */
int scope_name_read(const char *cgroups_path, struct scope_name *ret_name,
		    struct hp_err *err) must_check;

/* Where systemd puts the unit's cgroup: "a-b.slice" is in a.slice. -ENAMETOOLONG. */
int scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size) must_check;

/* r: 0, or -errno with a sentence of systemd's. The job is freed after it. */
typedef void (*scope_done_fn)(int r, const char *reason, void *userdata);
struct scope_job;

int scopes_new(struct bus *bus, struct scopes **ret_scopes) must_check;
struct scopes *scopes_free(struct scopes *scopes);

/*
 * StartTransientUnit with the process and the limits in it, and the wait for its job. -EEXIST in
 * done() where the unit is there already: it is another one's. `mark` stands in its description
 * from then on, by which it is known again. `resources` may be NULL; nothing is borrowed.
 */
int scopes_start(struct scopes *scopes, const struct scope_name *name, const char *mark, pid_t pid,
		 const struct hp_resources *resources, scope_done_fn done, void *userdata,
		 struct scope_job **ret_job) must_check;
/* Whether there is a unit of this name that has the mark: 0, or -ENOENT in done(). */
int scopes_ask(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
	       void *userdata, struct scope_job **ret_job) must_check;
/*
 * The limits that systemd knows of the unit now. done() gets them and frees them by
 * scope_limits_free(); NULL on failure.
 */
struct scope_limits;
typedef void (*scope_limits_fn)(int r, const char *reason, struct scope_limits *limits,
				void *userdata);
int scopes_read(struct scopes *scopes, const char *unit, scope_limits_fn done, void *userdata,
		struct scope_job **ret_job) must_check;
struct scope_limits *scope_limits_free(struct scope_limits *limits);
/* Gives the unit back those that were read. Borrowed for the call. */
int scopes_put_back(struct scopes *scopes, const char *unit, struct scope_limits *limits,
		    scope_done_fn done, void *userdata, struct scope_job **ret_job) must_check;
/* SetUnitProperties, for this boot. `former`: what was read of it before; NULL: no limits. */
int scopes_set(struct scopes *scopes, const char *unit, const struct hp_resources *resources,
	       struct scope_limits *former, scope_done_fn done, void *userdata,
	       struct scope_job **ret_job) must_check;
/*
 * StopUnit, which kills what is left in it, where the unit has the mark. One that is gone is 0,
 * also where there is another one of its name by now, which is left alone.
 */
int scopes_stop(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
		void *userdata, struct scope_job **ret_job) must_check;

/* done() is not called any more. */
void scope_job_forget(struct scope_job *job);
