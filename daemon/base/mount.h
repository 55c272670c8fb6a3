/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * Where a file system of the kernel's is mounted: the first mount of `type` that shows the whole
 * of it. `ret_options` are the options of the file system itself (proc_pid_mountinfo(5)), cut to
 * their size; NULL where nobody asks. -ENOENT: there is none. Reads /proc/self/mountinfo.
 */
int mount_find(const char *type, char *ret_path, size_t path_size, char *ret_options,
	       size_t options_size) must_check;
