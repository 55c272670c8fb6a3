/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/target.h"
#include "daemon/base/undo.h"
#include "proto/base/err.h"

/*
 * The cgroupfs driver: a container's cgroup by its path below the mount of cgroup2, runtime-spec's
 * linux.cgroupsPath (config-linux.md "Cgroups Path").
 *
 * Paths are opened relative to the mount and without links (openat2(2), RESOLVE_BENEATH), so none
 * leads out of it. Refused are directories that systemd manages and has not delegated, and missing
 * ones with the name of a unit. All paths are as cgroup_path_read() returns them: "/a/b".
 */
#define CGROUP_PATH_SIZE 1024

/*
 * Converts "/a/b", or "a/b", which is the same, to "/a/b". -EINVAL: a component is empty, "." or
 * "..", begins like a file of the kernel ("cgroup.", "memory."), or has a character that is not
 * valid in names of systemd units.
 */
int cgroup_path_read(const char *cgroups_path, char ret_path[static CGROUP_PATH_SIZE],
		     struct hp_err *err) must_check;

/* True where systemd is the service manager; and where it has delegated the directory. */
bool cgroup_systemd_runs_here(void);
bool cgroup_is_delegated(const char *directory);

/*
 * Finds the path of cgroup2 in the text of a /proc/PID/cgroup. The result points into `text` and
 * has no NUL at its end. NULL: there is none.
 */
const char *cgroup_path_find(const char *text, size_t *ret_length);

/* Opens the mount of cgroup2, O_PATH. -ENOTSUP: not mounted, or in hybrid mode with cgroup v1. */
int cgroup_path_open_mount(void) must_check;
/* Opens the directory, O_PATH. -errno. */
int cgroup_path_open(int mount_fd, const char *path) must_check;

/*
 * True where `r` is an error of a cgroup that was removed while its directory was open: -ENOENT for
 * opening its files, -ENODEV for reading or writing open ones.
 */
static inline bool cgroup_is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

/* Called before a directory is made; with < 0 it is not made, and the call fails with that. */
typedef int (*cgroup_path_making_fn)(const char *path, void *userdata);

/*
 * Makes the missing directories of the path and enables every controller along it. All changes are
 * added to `undo`, also on failure. The caller closes *ret_fd, which is O_PATH. -EBUSY: an ancestor
 * has processes of its own (cgroup-v2.rst "No Internal Process Constraint"); -EPERM: a part of the
 * path belongs to systemd, or hookd or the init process is in it; or another -errno.
 */
int cgroup_path_make(int mount_fd, const char *path, cgroup_path_making_fn making, void *userdata,
		     struct undo *undo, int *ret_fd, struct hp_err *err) must_check;

/*
 * Adds an undo entry that moves the process back to its present cgroup, without its children; for a
 * caller that moves it by other means.
 */
int cgroup_path_remember(int mount_fd, const struct target *target, struct undo *undo) must_check;

/*
 * Moves the process, with all its threads, and remembers where it was. -ESRCH when it has exited.
 */
int cgroup_path_move(int mount_fd, int cgroup_fd, const struct target *target, struct undo *undo,
		     struct hp_err *err) must_check;

/*
 * Moves one process from `from` to `to`. 0 too where it is not in `from`, has exited, or has
 * another start time: then the pid was reused.
 */
int cgroup_path_put_back(int mount_fd, pid_t pid, uint64_t start_time, const char *from,
			 const char *to) must_check;

/*
 * Moves up to `budget` processes of one cgroup to another; not those in cgroups below it. 1: some
 * were moved, and there may be more, or some may be forked meanwhile: call it again. 0: there was
 * none, or `from` does not exist.
 */
int cgroup_path_empty(int mount_fd, const char *from, const char *to,
		      unsigned int budget) must_check;

/* 0 too where it does not exist; -EBUSY: it has processes or cgroups. */
int cgroup_path_remove(int mount_fd, const char *path) must_check;

/* The path of the cgroup that the process is in, "/a/b". -errno. */
int cgroup_path_of(const struct target *target, char ret_path[static CGROUP_PATH_SIZE]) must_check;

/*
 * Writes cgroup.freeze and blocks until the kernel reports the new state. -ETIMEDOUT: not within
 * 0.2 s.
 */
int cgroup_path_freeze(int cgroup_fd, bool freezes, struct undo *undo) must_check;
