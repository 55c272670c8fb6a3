/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/target.h"

/*
 * Changes all threads of a process, which may make threads meanwhile. A new thread inherits what
 * was set of the thread that made it, so all threads are changed once a whole pass over
 * /proc/PID/task found nothing to change.
 */
struct thread_walk {
	const struct target *target; /* borrowed */
	DIR *directory;		     /* NULL: not begun, or ended */
	int passes;		     /* completed ones */
	bool has_changed;	     /* a thread in this pass */
	int64_t until_ns;	     /* deadline, CLOCK_MONOTONIC */
};

/* 0: nothing to change; 1: changed; -ESRCH: the thread has exited, as 0; or another -errno. */
typedef int (*thread_fn)(pid_t thread, void *userdata);

/* -ESRCH when the process has exited. */
int thread_walk_begin(struct thread_walk *walk, const struct target *target) must_check;
/*
 * Begins the walk if it is not begun. Several walks share the deadline *until_ns; 0: there is none
 * yet, and it is set to this walk's. -ESRCH.
 */
int thread_walk_continue(struct thread_walk *walk, const struct target *target,
			 int64_t *until_ns) must_check;
/*
 * Calls `function` for up to `budget` threads. 1: call it again; 0: all threads are changed.
 * -errno: an error of the function; -ESRCH: the process has exited; -EAGAIN: after 5 s the process
 * still makes threads faster than they are changed. Does not block.
 */
int thread_walk_go_on(struct thread_walk *walk, unsigned int budget, thread_fn function,
		      void *userdata) must_check;
/* May be called at any time, also for a zeroed walk. */
void thread_walk_end(struct thread_walk *walk);

/* The whole walk in one call. */
int each_thread(const struct target *target, thread_fn function, void *userdata) must_check;
