/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sched.h>
#include <sys/types.h>

/* A child on each CPU that the caller may use; it stays there, and so does what it starts. */
struct cpu_children {
	pid_t pids[CPU_SETSIZE];
	int count;
};

/* CPUs that the caller may use, or a negative errno. */
int cpus_count(void);

/*
 * Each child runs the function and exits with 0 where that returns 0; it dies with the caller.
 * 0, or a negative errno: those that are in `children` have been started even so.
 */
int cpus_fork(struct cpu_children *children, int (*function)(void *userdata), void *userdata);
