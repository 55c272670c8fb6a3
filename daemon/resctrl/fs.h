/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"

/* resctrl's file system while somebody works in it. For resctrl.c alone. */
struct rdt_fs {
	int root;	      /* -1: it is not mounted */
	bool is_in_megabytes; /* mount option mba_MBps: bandwidths are not rounded */
};

/* `directory` NULL: where resctrl is mounted. -ENOENT where it is not. */
int rdt_fs_open(struct rdt_fs *fs, const char *directory) must_check;
/* -EBUSY: somebody else holds the lock, and has for 5 ms. */
int rdt_fs_lock(struct rdt_fs *fs);
/* Gives the lock back. */
void rdt_fs_close(struct rdt_fs *fs);

/* Fills *err with the errno's words and the kernel's, to be called right behind what failed. */
int rdt_fs_fail(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err);
/* The same for a group that could not be made: -ENOSPC gets the numbers of what there is. */
int rdt_fs_fail_to_make(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err);

/* How many groups there can be: each takes one of every resource, so the least counts. */
int rdt_fs_closids(const struct rdt_fs *fs);

/* A file of a group, whose path is relative to the root. */
ssize_t rdt_fs_read(const struct rdt_fs *fs, const char *group, const char *file, char *text,
		    size_t size) must_check;
int rdt_fs_write(const struct rdt_fs *fs, const char *group, const char *file,
		 const char *text) must_check;

/* Bandwidths are multiples of it. */
uint64_t rdt_fs_bandwidth_step(const struct rdt_fs *fs);
