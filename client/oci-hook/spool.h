/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/oci-hook/run.h"

/* Where requests are left, see proto/spool. */
struct shim_spool {
	const char *path;
	int levels; /* of the path that may be created: hp_spool_open() */
};

#define SHIM_REASON_SIZE 448

/*
 * Leaves the hooks from `first` on for the next hookd. Returns 0, or -errno with the reason: then
 * *ret_first is the first of those that were not left.
 */
int shim_spool(const struct shim_spool *spool, const struct shim_run *run, size_t first,
	       size_t *ret_first, char reason[static SHIM_REASON_SIZE]);
