/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "daemon/base/base.h"

/*
 * Timers on CLOCK_BOOTTIME, which counts while the machine is suspended.
 *
 * The event loop waits on CLOCK_MONOTONIC, which does not: the time of a suspend would be added to
 * a hook's timeout. So all timers are set again when the machine resumes.
 */
struct deadlines {
	struct event_base *base;
	struct event *woken; /* on a timerfd */
	LIST_HEAD(, deadline) all;
};

struct deadline {
	struct event *timer;
	clockid_t clock;
	int64_t at_ns; /* on that clock; 0: not set */
	LIST_ENTRY(deadline) link;
};

/* -ENOMEM, or the error of timerfd_create(2). */
int deadlines_init(struct deadlines *deadlines, struct event_base *base) must_check;
void deadlines_clear(struct deadlines *deadlines);
/* Sets all pending timers again, as after a resume. */
void deadlines_rearm(struct deadlines *deadlines);

/*
 * Initialises a deadline that is not set yet. `callback` is called when it may have expired, and
 * has to check deadline_left_ns(): libevent uses a coarse clock and can be a few milliseconds
 * early. -ENOMEM.
 */
int deadline_init(struct deadline *deadline, struct deadlines *deadlines,
		  event_callback_fn callback, void *userdata) must_check;
/* May be called at any time, also on a zeroed struct. */
void deadline_clear(struct deadline *deadline);

/* Sets the deadline, or moves it. `clock`: CLOCK_BOOTTIME or CLOCK_MONOTONIC. -ENOMEM. */
int deadline_set(struct deadline *deadline, clockid_t clock, int64_t after_ns);
/* Sets the timer again for the same point in time. -ENOMEM. */
int deadline_wait_on(struct deadline *deadline);
void deadline_stop(struct deadline *deadline);
/* INT64_MAX: it was never set. */
int64_t deadline_left_ns(const struct deadline *deadline);
