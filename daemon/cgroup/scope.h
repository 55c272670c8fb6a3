/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/bus.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

/*
 * The systemd driver: a container's cgroup as a transient scope. Limits are set as properties of
 * the scope where systemd has one, else systemd would overwrite them when it writes the unit's
 * cgroup again. Nothing here blocks: every call ends with its done(), from the event loop.
 */
struct scopes;

/* "slice:prefix:name" of linux.cgroupsPath, parsed. */
struct scope_name {
	char unit[256]; /* "prefix-name.scope" */
	char slice[256];
};

/*
 * Parses linux.cgroupsPath. An empty slice means system.slice. -EINVAL with the reason: malformed,
 * or the unit would be a slice, which has no processes of its own.
 */
int scope_name_read(const char *cgroups_path, struct scope_name *ret_name,
		    struct hp_err *err) must_check;

/* The path of the unit's cgroup, "/a.slice/a-b.slice/UNIT". -ENAMETOOLONG. */
int scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size) must_check;

/* What a scope is started with. */
struct scope_contents {
	const struct hp_resources *resources; /* NULL: none */
	bool has_bfq;			      /* scope_io.h */
	const struct hp_systemd_property *properties;
	size_t property_count; /* checked by scope_annotation_check() */
};

/* r: 0, or -errno with a reason, which is valid during the call. The job is already freed. */
typedef void (*scope_done_fn)(int r, const char *reason, void *userdata);
struct scope_job;

/* Borrows the bus. -ENOMEM. */
int scopes_new(struct bus *bus, struct scopes **ret_scopes) must_check;
/* Frees all jobs; done() is not called for them. */
struct scopes *scopes_free(struct scopes *scopes);

/*
 * All calls below: 0, and *ret_job is valid until its done() or scope_job_forget(); or -errno, and
 * done() is not called. No parameter is borrowed.
 *
 * Starts a scope with the process in it (StartTransientUnit) and waits for systemd's job. Its
 * description contains `mark`, by which scopes_ask() and scopes_stop() recognize it. done() gets
 * -EEXIST where the unit exists: somebody else has made it.
 */
int scopes_start(struct scopes *scopes, const struct scope_name *name, const char *mark, pid_t pid,
		 const struct scope_contents *contents, scope_done_fn done, void *userdata,
		 struct scope_job **ret_job) must_check;
/* Looks for a unit of this name with the mark. done() gets 0, or -ENOENT. */
int scopes_ask(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
	       void *userdata, struct scope_job **ret_job) must_check;
/*
 * Reads the properties of the unit that are limits. done() frees `limits` by scope_limits_free();
 * it is NULL on failure.
 */
struct scope_limits;
typedef void (*scope_limits_fn)(int r, const char *reason, struct scope_limits *limits,
				void *userdata);
int scopes_read(struct scopes *scopes, const char *unit, scope_limits_fn done, void *userdata,
		struct scope_job **ret_job) must_check;
struct scope_limits *scope_limits_free(struct scope_limits *limits);
/*
 * Sets the limits that scopes_read() has read. done() gets 0 too where the unit no longer exists:
 * its limits ended with it.
 */
int scopes_put_back(struct scopes *scopes, const char *unit, struct scope_limits *limits,
		    scope_done_fn done, void *userdata, struct scope_job **ret_job) must_check;
/*
 * Sets limits (SetUnitProperties, for this boot). `former` are the present limits, of
 * scopes_read(); NULL: there are none.
 */
int scopes_set(struct scopes *scopes, const char *unit, const struct hp_resources *resources,
	       struct scope_limits *former, bool has_bfq, scope_done_fn done, void *userdata,
	       struct scope_job **ret_job) must_check;
/*
 * Stops the unit if it has the mark, which kills its processes. done() gets 0 too where it does not
 * exist, and where another unit of that name, without the mark, does: that is not stopped.
 */
int scopes_stop(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
		void *userdata, struct scope_job **ret_job) must_check;

/* Frees the job: done() is not called. NULL is fine. */
void scope_job_forget(struct scope_job *job);
