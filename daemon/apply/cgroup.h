/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/base/util.h"

/*
 * The cgroups that hooks are spawned into: one for each run at a time, below a directory that is
 * hookd's to write (kernel: Documentation/admin-guide/cgroup-v2.rst; systemd: CGROUP_DELEGATION).
 *
 *	delegated unit/           has controllers, no processes
 *		daemon/           hookd itself
 *		runs/17/          a hook and all its descendants
 *
 * Cgroups are made beforehand and used again, since mkdir and rmdir cost more than a hook does.
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
/* Removes what is empty. */
struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree);

/* An empty cgroup for one run; give it back with cgroup_release(). */
int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/* Takes it back; one that still has processes is left alone until they are gone. NULL is fine. */
void cgroup_release(struct cgroup *cgroup);

/* A descriptor for CLONE_INTO_CGROUP, valid until the next call with the same cgroup; or -errno. */
int cgroup_fd(struct cgroup *cgroup) must_check;
/* Tells that the descriptor is not needed for now; it is closed where many cgroups are in use. */
void cgroup_rest(struct cgroup *cgroup);

/* SIGKILL to every process in it, at once and without races (cgroup.kill, Linux 5.14). */
int cgroup_kill(struct cgroup *cgroup);
/* True when a process other than `dead`, whose exit was seen, is in it. */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead);
/* Whether the kernel killed for memory since this was asked last: 1, 0, or -1 where it is not
 * known. */
int cgroup_was_oom_killed(struct cgroup *cgroup);
