/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/apply: the calls Apply, Update and Release, which change settings of the callers' own
 * processes, and the holdings, which record what was created for each container. This folder
 * decides what is changed, in which order, and how it is undone; daemon/cgroup and daemon/resctrl
 * write the files.
 *
 * May use: daemon/base, daemon/cgroup, daemon/database, daemon/resctrl, proto/base, proto/messages,
 * proto/settings; libevent.
 */
#pragma once

#include "daemon/apply/holdings.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/cgroup/scope.h"
#include "daemon/resctrl/resctrl.h"
#include "proto/base/err.h"
#include "proto/messages/hooks.h"
#include "proto/settings/settings.h"

/*
 * Applies settings to processes, all or nothing, and removes what was created for that.
 *
 * Every change is recorded in the file of holdings or in the undo list before it is made. A request
 * that fails is undone before its done() is called. The error's reason names what could not be
 * restored or removed; what could not be removed stays recorded, and the applier tries again.
 */
struct applier;

enum cgroup_driver {
	CGROUP_DRIVER_AUTO, /* systemd for "slice:prefix:name", else cgroupfs */
	CGROUP_DRIVER_CGROUPFS,
	CGROUP_DRIVER_SYSTEMD,
	CGROUP_DRIVER_COUNT,
};
extern const char *const cgroup_driver_names[CGROUP_DRIVER_COUNT]; /* as cgroupManager; [0] "" */

/*
 * Takes ownership of `holdings` and of `mount_fd`, a result of cgroup_path_open_mount(). Borrows
 * `rdt` (NULL: no resctrl), `scopes`, and `cgroups`, the cgroups of hooks, to which no caller's
 * process is moved (NULL: there are none).
 *
 * Checks the holdings of an earlier hookd: those whose process has exited are released; objects
 * that no longer exist are dropped. `report` is called for each, for the log. -EMFILE and the like:
 * a process cannot be examined, and it may be alive, so nothing of it is removed.
 */
int applier_new(struct event_base *base, struct holdings *holdings, struct rdt *rdt,
		struct scopes *scopes, const struct cgroup_tree *cgroups, int mount_fd,
		void (*report)(const char *container, const char *what, void *userdata),
		void *userdata, struct applier **ret_applier) must_check;
struct applier *applier_free(struct applier *applier);

struct apply_request {
	const char *container;
	pid_t pid;
	int pidfd; /* borrowed; of the process that had this pid when the caller was checked */
	uid_t uid; /* the caller's */
	const struct hp_settings *settings;
	enum cgroup_driver driver;
};

/* The path of an error that is about the container's id. */
#define APPLY_PATH_CONTAINER "container"

/*
 * r: 0 and the holding, or -errno and *err, whose path is relative to the settings, or
 * APPLY_PATH_CONTAINER.
 */
typedef void (*apply_done_fn)(int r, struct holding *holding, const struct hp_err *err,
			      void *userdata);

/*
 * Calls done() once, within this call or later from the event loop. The request and what it points
 * to must stay valid until then.
 *
 * Errors (with err->code):
 *	-ESRCH	HP_ERR_NO_SUCH_PROCESS: no such process, or it has exited meanwhile
 *	-EACCES	HP_ERR_SETTINGS_REFUSED: target_refuse() refuses the process
 *	-EEXIST	the container has a holding, or systemd has a unit of the scope's name
 *	-EBUSY	HP_ERR_CONTAINER_BUSY: another call for the container is in progress
 *	-EBUSY	HP_ERR_SETTING_FAILED: another program moved the process out of its scope
 *	other	HP_ERR_SETTING_FAILED, HP_ERR_NOT_SUPPORTED, HP_ERR_EXHAUSTED or HP_ERR_INVALID,
 *		with the path of the field
 */
void applier_apply(struct applier *applier, const struct apply_request *request, apply_done_fn done,
		   void *userdata);

/*
 * Changes the limits of a container that has a holding; moves no process. As applier_apply();
 * -ENOENT (HP_ERR_NO_SUCH_CONTAINER): there is no holding.
 */
void applier_update(struct applier *applier, const char *container,
		    const struct hp_settings *settings, apply_done_fn done, void *userdata);

/*
 * Removes what was created for the container, and its holding. `removed` is called with the name of
 * each object. Calls done() once, within this call or later from the event loop, with 0 or:
 *
 *	-ENOENT	HP_ERR_NO_SUCH_CONTAINER
 *	-EBUSY	HP_ERR_CONTAINER_BUSY: another call for the container is in progress
 *	-EBUSY	HP_ERR_SETTING_FAILED: its cgroup has processes, or a resctrl group has processes of
 *		others; nothing was removed
 *	other	HP_ERR_SETTING_FAILED: the holding stays, with the objects that were not removed
 */
typedef void (*apply_removed_fn)(const char *name, void *userdata);
typedef void (*release_done_fn)(int r, const struct hp_err *err, void *userdata);
void applier_release(struct applier *applier, const char *container, apply_removed_fn removed,
		     release_done_fn done, void *userdata);

struct holdings *applier_holdings(struct applier *applier);
