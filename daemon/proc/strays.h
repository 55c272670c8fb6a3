/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Strays are children of hookd that hookd has not started. A hook can create one with CLONE_PARENT,
 * and a hookd-run that is killed before it has reported its successor leaves one. hookd must reap
 * them: otherwise they stay zombies, and the init process of their pid namespace cannot end.
 */

/* A child that its owner reaps. Embedded in the owner. All zeroes: not in the list. */
struct known_child {
	const pid_t *pid; /* in the owner: it changes when another process continues as the hook */
	LIST_ENTRY(known_child) link; /* strays::known */
};

struct strays {
	LIST_HEAD(, known_child) known;
	struct event *tick; /* pending while hookd has children */
	bool is_ticking;
	pid_t *ended; /* sorted: children that had ended at the last tick and were not reaped */
	size_t ended_count;
};

/* -ENOMEM. */
int strays_init(struct strays *strays, struct event_base *base) must_check;
void strays_clear(struct strays *strays);

/* The caller reaps *pid, until strays_forget(). Starts the timer. */
void strays_know(struct strays *strays, struct known_child *child, const pid_t *pid);
void strays_forget(struct known_child *child);
/* Whether its caller reaps that child. */
bool strays_knows(const struct strays *strays, pid_t pid);
