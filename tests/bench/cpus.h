/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sched.h>
#include <sys/types.h>

/* A child on each CPU that the caller may use; it and its children stay on that CPU. */
struct cpu_children {
	pid_t pids[CPU_SETSIZE];
	int count;
};

/* The number of CPUs that the caller may use, or -errno. */
int cpus_count(void);

/*
 * Each child runs the function, and exits with 0 if that returns 0; it is killed when the caller
 * exits. 0, or -errno: then the children in `children` were started nevertheless.
 */
int cpus_fork(struct cpu_children *children, int (*function)(void *userdata), void *userdata);
