/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

/* The name of the real runtime in that of this program: "crun" for /usr/bin/hookd-crun; else NULL.
 */
const char *program_of_own_name(const char *argv0);

/*
 * The path of the real runtime: `name` itself if it is a path, else the first of that name in the
 * absolute folders of `path_variable`, which may be NULL. hookd-runtime is passed over, whatever it
 * is called. -ENOENT; -ELOOP if there is nothing but hookd-runtime; -ENAMETOOLONG.
 */
int program_find(const char *name, const char *path_variable, char ret_path[static PATH_MAX]);
