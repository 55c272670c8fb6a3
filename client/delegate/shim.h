/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The shim, hookd-oci-hook, that was installed with this program, also after a move; else where it
 * was configured to be. The caller frees it. NULL: no memory.
 */
char *shim_find(void);

/* 0 if the path can be executed on this machine, else -errno. */
int shim_check(const char *path);

#define SHIM_NAME "hookd-oci-hook"
/* True for a path of a file of that name; one without a "/" is none. */
bool shim_has_name(const char *path);

/* True for an absolute path of a file that may stand in a config. */
bool shim_is_path(const char *text);
/* True for "unix:/PATH" that may stand in a config. */
bool shim_is_address(const char *text);
