/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cgroup: cgroup v2. The cgroups that hooks are spawned into; containers' cgroups, by path
 * or as systemd scopes; their limits and device programs. Knows no JSON and no hook.
 *
 * May use: daemon/base, proto/base, proto/settings; libevent, libsystemd.
 */
#pragma once

#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * The tree of the cgroups that hooks are spawned into, one for each run, below a directory that is
 * delegated to hookd (kernel: Documentation/admin-guide/cgroup-v2.rst; systemd: CGROUP_DELEGATION).
 *
 *	delegated unit/           has controllers, no processes
 *		daemon/           hookd itself
 *		runs/17/          a hook and all its descendants
 *
 * Cgroups are made ahead and removed later, so that no hook waits for either. A cgroup is reused
 * only where it is the same as a new one: no controller is enabled, so that nothing was charged to
 * it, and no process has opened one of its files.
 */
struct cgroup_tree;
struct cgroup;

/*
 * Sets the tree up below the directory `root`. NULL: below hookd's own cgroup, which works only
 * where systemd has delegated that, or does not run. Blocks for some file writes, and up to 0.5 s
 * for the lock of `root`. -EBUSY: another hookd uses `root`; -ENOTSUP or another -errno where there
 * is no cgroup2 that hookd may write to; *ret_reason says why.
 */
int cgroup_tree_new(struct event_base *base, const char *root, struct cgroup_tree **ret_tree,
		    const char **ret_reason) must_check;
/*
 * Refuses (-EPERM) a path for a container's cgroup that is the tree's directory, is below it, or
 * contains it: a timeout kills all processes in the cgroup of a run. `path` is relative to the
 * mount of cgroup2 `mount_fd`. Another -errno where it cannot be checked. 0 where `tree` is NULL.
 */
int cgroup_tree_refuse(const struct cgroup_tree *tree, int mount_fd, const char *path,
		       struct hp_err *err) must_check;
/*
 * Makes a directory of that name beside the cgroups of runs, for another process of hookd's that
 * makes its cgroups in there. If there is one, its process has ended: the hooks in it are killed.
 * Blocks up to 1 s for that. Returns a descriptor of the caller's, which that process has to hold
 * open, or -errno. -EBUSY: such a process of another hookd is alive; -ESTALE: the tree's directory
 * was removed and cannot be made again.
 */
int cgroup_tree_make_part(struct cgroup_tree *tree, const char *name) must_check;
/* Makes a tree in such a directory. It keeps a duplicate of the descriptor. */
int cgroup_tree_new_part(struct event_base *base, int directory, struct cgroup_tree **ret_tree,
			 const char **ret_reason) must_check;
/*
 * Removes such a directory, `directory`, of that name, whose process has ended. `kills`: hooks that
 * were running are killed first; what hooks have left behind lives on in any case. Blocks up to 1 s
 * until the kernel has ended them.
 */
void cgroup_part_remove(int directory, const char *name, bool kills);
/*
 * The same, with `kills`, for all directories of parts in `base` but those that `alive` are
 * descriptors of, and those that a process of another hookd holds.
 */
void cgroup_parts_remove(int base, const int *alive, size_t alive_count);
/*
 * Kills all processes in the directory of a tree whose process has ended, also what hooks have left
 * behind. Blocks up to 1 s until the kernel has ended them.
 */
void cgroup_part_kill(int directory);
/*
 * Removes directories of hookds that were killed, beside the tree's own, with cgroup_parts_remove()
 * in each. Those in which a process of that hookd lives, or a hook, stay.
 */
void cgroup_tree_remove_orphans(const struct cgroup_tree *tree);
/* A descriptor of the tree's directory, of the tree; for cgroup_parts_remove(). */
int cgroup_tree_base(const struct cgroup_tree *tree);
/* Whether processes are left in the cgroups of runs. True where it cannot be read. */
bool cgroup_tree_is_populated(const struct cgroup_tree *tree);
/*
 * Kills the processes in the cgroup of `pid`, if the process `maker` has made that by
 * cgroup_make_below(), and removes it. Blocks up to 1 s. False: it is another one.
 */
bool cgroup_kill_made_below(pid_t pid, pid_t maker);
/* The tree's flock(2) descriptor, by which other hookds see that it is in use; -1: none. */
int cgroup_tree_lock(const struct cgroup_tree *tree);
/* Removes the cgroups that are empty; waits up to 2 s for killed processes. NULL is fine. */
struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree);

/*
 * Sets the limits of every cgroup that is made from now on; `defaults` must have no strings. They
 * are written when the cgroup is made, so no run waits for it. Limits that cannot be set on this
 * machine are left out: left_out() is called for each with its path, and the first error is
 * returned, -EOPNOTSUPP for example. Cgroups that are in use keep their limits.
 */
typedef void cgroup_left_out(const struct hp_err *err, void *userdata);
int cgroup_tree_set_defaults(struct cgroup_tree *tree, const struct hp_resources *defaults,
			     cgroup_left_out *left_out, void *userdata);

/*
 * Whether a run could get these limits: sets them for a cgroup that no run is in. Errors are
 * those of cgroup_limit().
 */
int cgroup_tree_try_limits(struct cgroup_tree *tree, const struct hp_resources *resources,
			   struct hp_err *err) must_check;

/*
 * An empty cgroup for one run; the caller returns it by cgroup_release(). -ESTALE: another program
 * has removed the tree's directory, and it cannot be made again; or another -errno.
 */
int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/*
 * Returns it, to be reused or to be removed by the event loop. One that still has processes is
 * removed once they have exited. NULL is fine.
 */
void cgroup_release(struct cgroup *cgroup);

/*
 * Call it where no process could be started in the cgroup, with the errno of clone3(2), or 0 for
 * another reason. True: another program has removed the cgroup, whatever has its name now, or has
 * changed it or its parent directory so that the kernel takes no process; it was released, and new
 * ones are made in a new directory if needed. False: no fault was found, and the cgroup is still
 * the caller's.
 */
bool cgroup_release_lost(struct cgroup *cgroup, int clone_errno) must_check;

/* Whether limits of this controller can be set below the tree. False: not, or `tree` is NULL. */
bool cgroup_tree_has_controller(const struct cgroup_tree *tree, const char *controller);

/*
 * Makes the directories of the tree again that another program has removed: an idle one has no
 * process in it, so rmdir(2) works. cgroup_acquire() and cgroup_tree_make_part() do the same when
 * they need them. 0 too where none is missing. -errno.
 */
int cgroup_tree_repair(struct cgroup_tree *tree) must_check;
/* Called when a directory was made again: cgroup_tree_base() may be another then. */
void cgroup_tree_on_renewed(struct cgroup_tree *tree, void (*renewed)(void *userdata),
			    void *userdata);
/* The path of the tree's directory, for messages; "" where it is not known. */
const char *cgroup_tree_path(const struct cgroup_tree *tree);

#define CGROUP_NOTICE_SIZE (PATH_MAX + 128)
/* Moves a message about the tree for the operator to `ret_text`. False: none, or `tree` is NULL. */
bool cgroup_tree_take_notice(struct cgroup_tree *tree, char ret_text[static CGROUP_NOTICE_SIZE]);

/*
 * A cgroup for the hooks of a container, below the cgroup of its process `pid`: the container's
 * limits and device rules apply to the hooks, and the hooks can still be killed alone. The caller
 * returns it by cgroup_release(). -errno.
 *
 * No child that shares hookd's memory may be cloned into it: where the container is out of memory
 * the kernel kills all processes that share the memory of the one it chooses, so hookd too.
 * hookd-run moves itself into it by cgroup_open_procs().
 */
int cgroup_make_below(struct cgroup_tree *tree, pid_t pid, struct cgroup **ret_cgroup) must_check;
/* True for a cgroup of cgroup_make_below(). */
bool cgroup_is_of_container(const struct cgroup *cgroup);
/* Opens its file cgroup.procs for writing; the caller closes it. -errno. */
int cgroup_open_procs(struct cgroup *cgroup) must_check;

/*
 * True where the cgroup is under a memory limit, set by whichever program, that hookd is not under;
 * also where that cannot be read. Then no child that shares hookd's memory may be cloned into it,
 * for the same reason.
 */
bool cgroup_has_own_memory_limit(struct cgroup *cgroup);

/* A descriptor for CLONE_INTO_CGROUP, the cgroup's; valid until the next call for it. -errno. */
int cgroup_fd(struct cgroup *cgroup) must_check;
/* Closes its descriptors; they are opened again when needed. */
void cgroup_rest(struct cgroup *cgroup);

/*
 * Writes the limits of `resources`, which override the tree's defaults. Call it before a process is
 * in the cgroup, which is then not reused for another run. Enables the controllers that are needed
 * in the tree. Errors are those of limits_apply() and devices_apply(), with a path relative to
 * resources; -EINVAL for libcontainer's freezer FROZEN, in which no hook would run.
 */
int cgroup_limit(struct cgroup *cgroup, const struct hp_resources *resources,
		 struct hp_err *err) must_check;

/*
 * Sends SIGKILL to every process in it and below, also those that fork meanwhile (cgroup.kill,
 * Linux 5.14). Removes its CPU quota, which would delay their exits. 0, or -errno.
 */
int cgroup_kill(struct cgroup *cgroup);
/*
 * True where it, or one in it, has a process other than `dead`, whose exit was seen; also where
 * that cannot be read.
 */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead);
/*
 * 1: since the last call the OOM killer has killed a process in it, for this cgroup's limit or
 * another one; 0: it has not; -1: not known.
 */
int cgroup_was_oom_killed(struct cgroup *cgroup);
