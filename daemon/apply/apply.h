/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/apply: settings of processes that callers own: Apply, Update, Release, and the holdings
 * that remember what was made for whom. cgroup/ and resctrl/ write; this folder decides what and in
 * which order, and puts it back.
 *
 * May use: daemon/base, daemon/cgroup, daemon/resctrl, proto/base, proto/messages, proto/settings;
 * libevent, sqlite.
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
 * Puts processes of callers under settings, all or nothing, and takes away what was made for it.
 *
 * Every change is entered into the file of holdings or the undo list before it is made. What a
 * request that fails has changed is put back before its done() is called; what could not be put
 * back is in the error's reason, and what could not be removed is held on and tried again.
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
 * `holdings` and `mount_fd`, of cgroup_path_open_mount(), are taken over; `rdt` (NULL: no resctrl),
 * `scopes` and `cgroups` (NULL: hooks have none of their own), where no caller's process may go,
 * are borrowed. Looks at what is held since before: what is left over of containers whose process
 * has ended is released, what is gone is dropped; `report` is told of each, for the log. -EMFILE
 * and the like where a process cannot be looked at: it may live, so nothing is done.
 */
int applier_new(struct event_base *base, struct holdings *holdings, struct rdt *rdt,
		struct scopes *scopes, const struct cgroup_tree *cgroups, int mount_fd,
		void (*report)(const char *container, const char *what, void *userdata),
		void *userdata, struct applier **ret_applier) must_check;
struct applier *applier_free(struct applier *applier);

struct apply_request {
	const char *container;
	pid_t pid;
	int pidfd; /* borrowed: of the process that was found under this number */
	uid_t uid; /* the caller's */
	const struct hp_settings *settings;
	enum cgroup_driver driver;
};

/* r: 0 with the holding as it is now, or -errno with *err; its path is relative to the settings. */
typedef void (*apply_done_fn)(int r, struct holding *holding, const struct hp_err *err,
			      void *userdata);

/*
 * Ends in one call of done(), within this call or later from the event loop. The request and what
 * it points at must stay until then.
 *
 * Errors: -ESRCH (err->code HP_ERR_NO_SUCH_PROCESS): the process is not there, or has exited in
 * between. -EACCES (HP_ERR_SETTINGS_REFUSED): it is one of target_refuse()'s. -EEXIST: something is
 * held for the container already, or systemd has a unit of the scope's name. -EBUSY
 * (HP_ERR_CONTAINER_BUSY): something is done for the container just now; or
 * (HP_ERR_SETTING_FAILED) the process was moved out of its scope. Else HP_ERR_SETTING_FAILED,
 * HP_ERR_NOT_SUPPORTED, HP_ERR_EXHAUSTED or HP_ERR_INVALID with the path of the field.
 */
void applier_apply(struct applier *applier, const struct apply_request *request, apply_done_fn done,
		   void *userdata);

/* New limits for what Apply made. -ENOENT (HP_ERR_NO_SUCH_CONTAINER), -EBUSY as below. */
void applier_update(struct applier *applier, const char *container,
		    const struct hp_settings *settings, apply_done_fn done, void *userdata);

/*
 * Removes what was made for the container, told by `removed` one by one, and forgets it. Ends in
 * one call of done(), within this call or later from the event loop: 0; -ENOENT; -EBUSY
 * (HP_ERR_CONTAINER_BUSY) while something else is done for the container, or
 * (HP_ERR_SETTING_FAILED) while processes are in a cgroup of it, or processes of others in a
 * resctrl group: then nothing is touched. Where something could not be removed after all it is held
 * on, without what was.
 */
typedef void (*apply_removed_fn)(const char *name, void *userdata);
typedef void (*release_done_fn)(int r, const struct hp_err *err, void *userdata);
void applier_release(struct applier *applier, const char *container, apply_removed_fn removed,
		     release_done_fn done, void *userdata);

struct holdings *applier_holdings(struct applier *applier);
