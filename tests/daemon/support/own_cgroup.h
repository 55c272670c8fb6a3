/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Makes a cgroup2 directory for one test program. False where cgroup2 is not writable. */
bool own_cgroup_make(char *ret_path, size_t size);
/* Kills the processes in it, and removes it with everything below. */
void own_cgroup_remove(const char *path);
