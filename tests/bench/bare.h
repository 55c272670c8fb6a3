/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * The floor: vfork(2), execve(2) and waitpid(2) of a program, with no pipes, no state and nobody
 * to ask. What any runner of hooks adds is measured against it.
 */

/* The pid, or a negative errno. The caller is held until the child has exec'ed. */
pid_t bare_start(const char *path);
/* 0, or -ECHILD where the program did not exit with 0. */
int bare_wait(pid_t pid);
/* Both: 0, or what either gave. */
int bare_run(const char *path);
