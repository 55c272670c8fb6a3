/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/apply/apply.h"
#include "daemon/apply/cgroup_path.h"
#include "daemon/apply/limit_list.h"
#include "daemon/apply/undo.h"

/* What apply.c, update.c and release.c share. Everybody else includes apply.h. */

/* A holding whose process lives, and is waited for. */
struct watch {
	struct applier *applier;
	char *container;
	struct target target;
	struct event *event;
	TAILQ_ENTRY(watch) link; /* applier::watches */
};

struct applier {
	struct event_base *base;
	struct holdings *holdings; /* owned */
	struct rdt *rdt;
	struct scopes *scopes;
	const struct cgroup_tree *cgroups; /* hookd's own; NULL: it has none */
	int mount_fd;			   /* of cgroup2, or -ENOTSUP */
	void (*report)(const char *container, const char *what, void *userdata);
	void *userdata;
	TAILQ_HEAD(, watch) watches;
	TAILQ_HEAD(, application) applications;
};

/* One Apply or Update that is going on. */
struct application {
	struct applier *applier;
	struct apply_request request;
	bool is_update;
	struct target target;
	struct holding *holding;
	struct scope_name scope;
	struct scope_job *job;	  /* systemd is asked */
	struct limit_list limits; /* of the settings' resources; empty where there are none */
	int cgroup_fd;
	struct rdt_change *rdt; /* in `undo`; NULL: no resctrl group was joined */
	struct undo undo;
	struct hp_err err;
	apply_done_fn done;
	void *userdata;
	TAILQ_ENTRY(application) link;
};

/* ---- apply.c ---- */

struct application *application_new(struct applier *applier, apply_done_fn done, void *userdata);
/* What was changed is put back, or stays for good; the caller hears of it, and it is freed. */
void application_end(struct application *application, int r);
/* On failure fills what of err is not filled yet, and puts the path before it. Returns r. */
int application_at_step(struct application *application, const char *step, const char *path, int r);
/* Fills application->limits: what cannot be converted is found before anybody hears of it. */
int application_convert(struct application *application);
/* The limits, the devices and the freezer of the settings, to application->cgroup_fd. */
int application_limit(struct application *application);
/* For who has no memory for an application. */
void done_without_memory(apply_done_fn done, void *userdata);

/* ---- release.c ---- */

/* Takes the target over, and releases what is held when it has ended; without memory, Release does.
 */
int watch_new(struct applier *applier, const char *container, struct target *target);
