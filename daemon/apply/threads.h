/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/target.h"

/*
 * Something that is done to every thread of a process, which makes threads meanwhile. What is set
 * of a thread its children get too, so all have it when a whole pass found nothing to change.
 */
struct thread_walk {
	const struct target *target; /* borrowed */
	DIR *directory;
	int passes; /* that were ended */
	bool has_changed;
	int64_t until_ns; /* CLOCK_MONOTONIC */
};

/* 0: the thread was as wanted; 1: it is now; or -errno, of which -ESRCH (it has ended) is 0. */
typedef int (*thread_fn)(pid_t thread, void *userdata);

/* -ESRCH when the process has exited. */
int thread_walk_begin(struct thread_walk *walk, const struct target *target) must_check;
/* The same where it is not begun; *until_ns is the time of the first of several that share it. */
int thread_walk_continue(struct thread_walk *walk, const struct target *target,
			 int64_t *until_ns) must_check;
/*
 * Goes on with at most `budget` threads. 1: there are more, call again; 0: all are as wanted; or
 * the function's error; -ESRCH when the process has exited, -EAGAIN when it makes threads faster
 * than they can be changed, which is given up on after 5 s. Does not block.
 */
int thread_walk_go_on(struct thread_walk *walk, unsigned int budget, thread_fn function,
		      void *userdata) must_check;
/* Any time, and of a zeroed one. */
void thread_walk_end(struct thread_walk *walk);

/* All of it at once. */
int each_thread(const struct target *target, thread_fn function, void *userdata) must_check;
