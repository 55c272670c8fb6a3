/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * The lower bound: vfork(2), execve(2) and waitpid(2) of a program, without pipes, a state or a
 * request. Hook runners are compared with it.
 */

/* The pid, or -errno. Blocks until the child has exec'ed. */
pid_t bare_start(const char *path);
/* 0, or -ECHILD if the program did not exit with 0. */
int bare_wait(pid_t pid);
/* Both in sequence: 0, or the error of one. */
int bare_run(const char *path);
