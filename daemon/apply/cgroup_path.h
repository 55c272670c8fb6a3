/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/apply/target.h"
#include "daemon/apply/undo.h"
#include "proto/err.h"

/*
 * A container's cgroup by its path below the mount of cgroup2: runtime-spec's linux.cgroupsPath
 * for the driver that writes to the file system itself (config-linux.md "Cgroups Path").
 *
 * Paths are walked from the mount's descriptor without links (openat2(2), RESOLVE_BENEATH), so none
 * leads elsewhere. Directories that systemd manages and has not delegated are left to it, and so
 * are those of a unit's name that are not there yet.
 */
#define CGROUP_PATH_SIZE 1024

/*
 * "/a/b" or "a/b", which means the same, to "/a/b". -EINVAL: an empty component, one that is "." or
 * "..", that begins like a file of the kernel's ("cgroup.", "memory."), or has other characters
 * than units' names.
 */
int cgroup_path_read(const char *cgroups_path, char ret_path[static CGROUP_PATH_SIZE],
		     struct hp_err *err) must_check;

/* True where systemd is the manager here; and where it has handed the directory over. */
bool cgroup_systemd_runs_here(void);
bool cgroup_is_delegated(const char *directory);

/*
 * The path of cgroup2's line in the text of a /proc/PID/cgroup, not terminated; NULL where it has
 * none.
 */
const char *cgroup_path_find(const char *text, size_t *ret_length);

/* The mount, O_PATH; -ENOTSUP where there is no whole cgroup2 (v1, hybrid). */
int cgroup_path_open_mount(void) must_check;
/* The directory, O_PATH, or -errno. */
int cgroup_path_open(int mount_fd, const char *path) must_check;

/*
 * True where that is what the kernel says of a file in a cgroup that was removed while its
 * directory was open: its files cannot be found any more, and those that are open have no cgroup.
 */
static inline bool cgroup_is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

/* Told before a directory is made; < 0: it is not made, and the call fails with that. */
typedef int (*cgroup_path_making_fn)(const char *path, void *userdata);

/*
 * Makes what is missing of the path and enables every controller along it. On failure what was
 * made and enabled is in `undo`, as on success. *ret_fd is O_PATH. -EBUSY where an ancestor has
 * processes of its own (cgroup-v2.rst "No Internal Process Constraint"). -EPERM: the
 * path, or a part of it, is systemd's, or hookd or the init process is in it.
 */
int cgroup_path_make(int mount_fd, const char *path, cgroup_path_making_fn making, void *userdata,
		     struct undo *undo, int *ret_fd, struct hp_err *err) must_check;

/* For who moves it by other means: it is put back where it is now, and no children of its. */
int cgroup_path_remember(int mount_fd, const struct target *target, struct undo *undo) must_check;

/*
 * Moves the process, with all its threads, and remembers where it was. -ESRCH when it has exited.
 */
int cgroup_path_move(int mount_fd, int cgroup_fd, const struct target *target, struct undo *undo,
		     struct hp_err *err) must_check;

/*
 * Moves the one process, where it is in `from`. 0 too where it is not, has ended, or was not
 * started at that time: then the number is another one's by now.
 */
int cgroup_path_put_back(int mount_fd, pid_t pid, uint64_t start_time, const char *from,
			 const char *to) must_check;

/*
 * Moves processes of the one cgroup to the other, at most `budget`. 1: some were there, and there
 * may be more, or be forked meanwhile: call again. 0: nobody is in it, or it is not there. Those in
 * cgroups below stay.
 */
int cgroup_path_empty(int mount_fd, const char *from, const char *to,
		      unsigned int budget) must_check;

/* 0 too where it is not there; -EBUSY where processes or cgroups of others are in it. */
int cgroup_path_remove(int mount_fd, const char *path) must_check;

/* Where the process is, "/a/b". */
int cgroup_path_of(const struct target *target, char ret_path[static CGROUP_PATH_SIZE]) must_check;

/* cgroup.freeze and the wait until it says so; -ETIMEDOUT: the kernel has not done it in 0.2 s. */
int cgroup_path_freeze(int cgroup_fd, bool freezes, struct undo *undo) must_check;
