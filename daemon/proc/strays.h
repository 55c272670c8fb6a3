/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Children of hookd that hookd has not started: a hook makes one with CLONE_PARENT, and so does a
 * hookd-run that is killed before it has reported the process that was to go on as the hook. Such a
 * child must be waited for when it ends. Else it stays a zombie as long as hookd runs, and the init
 * process of its pid namespace cannot end.
 */

/* A child whose owner waits for it; embedded in the owner. All zeroes: not in the list. */
struct known_child {
	const pid_t *pid; /* the owner's: the number changes when a successor goes on as the hook */
	LIST_ENTRY(known_child) link; /* strays::known */
};

struct strays {
	LIST_HEAD(, known_child) known;
	struct event *tick; /* pending while hookd has children */
	bool is_ticking;
	pid_t *ended; /* those that had ended and were not waited for at the last tick, sorted */
	size_t ended_count;
};

int strays_init(struct strays *strays, struct event_base *base) must_check;
void strays_clear(struct strays *strays);

/* *pid is the caller's to wait for, until strays_forget(). From now on strays are looked for. */
void strays_know(struct strays *strays, struct known_child *child, const pid_t *pid);
void strays_forget(struct known_child *child);
