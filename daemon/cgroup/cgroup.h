/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cgroup: cgroup v2. The cgroups that runs are spawned into, containers' cgroups by path or
 * as systemd's scopes, their limits and device programs. Knows no JSON and no hook.
 *
 * May use: daemon/base, proto/base, proto/settings; libevent, libsystemd.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * The cgroups that hooks are spawned into: one for each run at a time, below a directory that is
 * hookd's to write (kernel: Documentation/admin-guide/cgroup-v2.rst; systemd: CGROUP_DELEGATION).
 *
 *	delegated unit/           has controllers, no processes
 *		daemon/           hookd itself
 *		runs/17/          a hook and all its descendants
 *
 * Cgroups are made beforehand and removed later, both while no hook waits for it. One is used
 * again only where no controller is on, so that nothing can be charged to it, and where nobody has
 * opened one of its files: it reads as new then.
 */
struct cgroup_tree;
struct cgroup;

/*
 * Sets the tree up below `root`, or below hookd's own cgroup where root is NULL: that is done only
 * when systemd has delegated it, or when no systemd runs here. Blocks for a few file writes.
 * -ENOTSUP and the like where there is no cgroup2 to write to; *ret_reason then says why.
 */
int cgroup_tree_new(struct event_base *base, const char *root, struct cgroup_tree **ret_tree,
		    const char **ret_reason) must_check;
/*
 * -EPERM for a path of a caller's, below the mount of cgroup2 that `mount_fd` is, that is the
 * tree's directory, lies below it or has it in it: hooks run there, and a timeout kills all that is
 * in the cgroup of its run. -errno where that cannot be told. A tree of NULL has nothing to refuse.
 */
int cgroup_tree_refuse(const struct cgroup_tree *tree, int mount_fd, const char *path,
		       struct hp_err *err) must_check;
/*
 * A directory of that name beside the cgroups of runs, for a process of hookd's that makes cgroups
 * of its own in there. The caller's descriptor; -errno.
 */
int cgroup_tree_make_part(struct cgroup_tree *tree, const char *name) must_check;
/* Sets a tree up in such a directory, of which it keeps a descriptor of its own. */
int cgroup_tree_new_part(struct event_base *base, int directory, struct cgroup_tree **ret_tree,
			 const char **ret_reason) must_check;
/*
 * Kills what is in the directory of that name, after its process has ended, and removes it. Blocks
 * until the kernel has ended what was killed, up to 1 s.
 */
void cgroup_part_remove(int directory, const char *name);
/* The tree's descriptor that keeps other hookds from taking the directory over; -1: it has none. */
int cgroup_tree_lock(const struct cgroup_tree *tree);
/* Removes what is empty. */
struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree);

/*
 * Limits of every cgroup that is made from now on, with no strings among them. They are written
 * beforehand, so a run does not wait for them. Those that cannot be kept here are left out, and
 * `left_out` hears of each with its path; the first error is returned: -EOPNOTSUPP and the like.
 * Cgroups that are in use keep what they have.
 */
typedef void cgroup_left_out(const struct hp_err *err, void *userdata);
int cgroup_tree_set_defaults(struct cgroup_tree *tree, const struct hp_resources *defaults,
			     cgroup_left_out *left_out, void *userdata);

/* An empty cgroup for one run; give it back with cgroup_release(). */
int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/*
 * Takes it back, for the next run or to be removed, by the event loop; one that still has processes
 * is left alone until they are gone. NULL is fine.
 */
void cgroup_release(struct cgroup *cgroup);

/*
 * No process could be started in it. True where that is so because somebody has removed it, or has
 * changed it or the directory that it is in so that the kernel takes no process: it was given back,
 * and new ones are made where that works again, if need be in a new directory. False: it is in
 * order, as far as can be told, and still the caller's.
 */
bool cgroup_release_lost(struct cgroup *cgroup) must_check;

#define CGROUP_NOTICE_SIZE 128
/* What an operator should know of the tree, once. False: nothing. A tree of NULL has nothing. */
bool cgroup_tree_take_notice(struct cgroup_tree *tree, char ret_text[static CGROUP_NOTICE_SIZE]);

/*
 * One for the hooks of a container, below the cgroup of its process: what limits the container, and
 * which devices it may open, holds for them too, and they can still be killed alone. Given back as
 * others are. Nobody is cloned into it who shares hookd's memory, for the container's limit of
 * memory could be its end: hookd-run moves into it by cgroup_open_procs(). -errno.
 */
int cgroup_make_below(struct cgroup_tree *tree, pid_t pid, struct cgroup **ret_cgroup) must_check;
bool cgroup_is_of_container(const struct cgroup *cgroup);
/* Its file cgroup.procs, for writing; the caller's to close. -errno. */
int cgroup_open_procs(struct cgroup *cgroup) must_check;

/*
 * Whether what is in it may be out of memory while hookd is not: it is under a limit, whoever has
 * written that, which hookd itself is not under. What is cloned into it must not share hookd's
 * memory then: the kernel kills all who share the memory of the one that it chooses. True where it
 * cannot be told.
 */
bool cgroup_has_own_memory_limit(struct cgroup *cgroup);

/* A descriptor for CLONE_INTO_CGROUP, valid until the next call with the same cgroup; or -errno. */
int cgroup_fd(struct cgroup *cgroup) must_check;
/* Closes its descriptors, which are opened again when they are needed. */
void cgroup_rest(struct cgroup *cgroup);

/*
 * Puts the cgroup under `resources`, over the tree's defaults; before anything runs in it. It is
 * not used again by others then, but removed. Controllers that are needed for it are enabled in the
 * tree. Errors are those of limits_apply() and devices_apply(), with a path relative to resources;
 * libcontainer's freezer must not be FROZEN, in which no hook would ever run: -EINVAL.
 */
int cgroup_limit(struct cgroup *cgroup, const struct hp_resources *resources,
		 struct hp_err *err) must_check;

/*
 * SIGKILL to every process in it, at once and without races (cgroup.kill, Linux 5.14). Its quota of
 * the CPU is lifted, for the kernel would let them die no faster than that.
 */
int cgroup_kill(struct cgroup *cgroup);
/* True when a process other than `dead`, whose exit was seen, is in it. */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead);
/*
 * Whether the kernel killed for memory since this was asked last, for the cgroup's own limit or
 * another: 1, 0, or -1 where it is not known.
 */
int cgroup_was_oom_killed(struct cgroup *cgroup);
