/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * The mount point of a kernel file system: the first mount of `type` whose root is "/", so no bind
 * mount of a part. `ret_options` gets its super options (proc_pid_mountinfo(5)), truncated; it may
 * be NULL. -ENOENT: not mounted; -ENAMETOOLONG; or another -errno. Reads /proc/self/mountinfo.
 */
int mount_find(const char *type, char *ret_path, size_t path_size, char *ret_options,
	       size_t options_size) must_check;
