/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "daemon/base/base.h"

/*
 * Timers for moments on a clock that goes on while the machine is suspended.
 *
 * The event loop waits on CLOCK_MONOTONIC, which stands still then. So a hook with a timeout of a
 * minute would have a minute more for each suspend that it lived through. All timers are set anew
 * when the machine wakes up; that costs nothing for each of them before.
 */
struct deadlines {
	struct event_base *base;
	struct event *woken; /* on a timerfd */
	LIST_HEAD(, deadline) all;
};

struct deadline {
	struct event *timer;
	clockid_t clock;
	int64_t at_ns; /* on that clock; 0: none */
	LIST_ENTRY(deadline) link;
};

/* -ENOMEM, or what timerfd_create(2) says. */
int deadlines_init(struct deadlines *deadlines, struct event_base *base) must_check;
void deadlines_clear(struct deadlines *deadlines);
/* Sets the timers anew, as when the machine wakes up. */
void deadlines_look_again(struct deadlines *deadlines);

/*
 * `callback` is called when the deadline may have come, and looks at deadline_left_ns(): libevent's
 * clock is coarse and can call up to a tick early. Not set yet. -ENOMEM.
 */
int deadline_init(struct deadline *deadline, struct deadlines *deadlines,
		  event_callback_fn callback, void *userdata) must_check;
/* Any time, also where deadline_init() was not called on the zeroed struct. */
void deadline_clear(struct deadline *deadline);

/* In the place of what was set before: CLOCK_BOOTTIME, or CLOCK_MONOTONIC. -ENOMEM. */
int deadline_set(struct deadline *deadline, clockid_t clock, int64_t after_ns);
/* Waits on for the same moment. */
int deadline_wait_on(struct deadline *deadline);
void deadline_stop(struct deadline *deadline);
/* INT64_MAX where none was set. */
int64_t deadline_left_ns(const struct deadline *deadline);
