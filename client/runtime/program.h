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

/*
 * Counts, in a variable of the environment, how many times hookd-runtime was started by what it
 * executes. -ELOOP after PROGRAM_DEPTH_MAX: the runtime is a copy of hookd-runtime, say, or a
 * script that starts it again. -ENOMEM.
 *
 * A process identifier would not do: such a script can start it as a child.
 */
int program_count_start(void);
#define PROGRAM_DEPTH_VARIABLE "HOOKD_RUNTIME_DEPTH"
/* More than containers that are started by hooks of containers, which count as well. */
#define PROGRAM_DEPTH_MAX 10
