/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"

/*
 * One access to resctrl: a descriptor of its mount point and, after rdt_fs_lock(), its flock(2).
 * For resctrl.c and directory.c.
 */
struct rdt_fs {
	int root;	      /* -1: not open */
	bool is_in_megabytes; /* mount option mba_MBps: the kernel does not round bandwidths */
};

/*
 * `directory` NULL: searches the mount point. -ENOENT: not mounted; or another -errno: fs->root is
 * -1 then.
 */
int rdt_fs_open(struct rdt_fs *fs, const char *directory) must_check;
/* Blocks for 5 ms at most. -EBUSY: another program holds the lock; or another -errno. */
int rdt_fs_lock(struct rdt_fs *fs);
/* Also releases the lock. */
void rdt_fs_close(struct rdt_fs *fs);

/*
 * Fills *err with the text of the errno and the kernel's info/last_cmd_status; call it right after
 * the access that has failed. Returns r.
 */
int rdt_fs_fail(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err);
/* The same for mkdir(2); with -ENOSPC the reason says how many CLOSIDs and RMIDs there are. */
int rdt_fs_fail_to_make(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err);

/* How many groups there can be: the minimum over all resources. <= 0: not known. */
int rdt_fs_closids(const struct rdt_fs *fs);

/* How many groups there are, including the default one. */
int rdt_fs_groups(const struct rdt_fs *fs);

/* Reads or writes a file of a group, whose path is relative to the mount point. */
ssize_t rdt_fs_read(const struct rdt_fs *fs, const char *group, const char *file, char *text,
		    size_t size) must_check;
int rdt_fs_write(const struct rdt_fs *fs, const char *group, const char *file,
		 const char *text) must_check;

/* The kernel rounds bandwidths to multiples of this. */
uint64_t rdt_fs_bandwidth_step(const struct rdt_fs *fs);
