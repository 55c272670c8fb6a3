/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <assert.h>
#include <event2/event.h>

#include "daemon/base/base.h"

/* A new event loop whose timers do not come early after a slow callback; NULL: out of memory. */
struct event_base *loop_new(void);

/* ---- ticks ---- */

/*
 * A timer that is always armed, so that setting it needs no memory and cannot fail. Where it is not
 * needed ("at rest") it fires once a day. The caller frees it by event_free().
 */

#define TICK_REST_S (24 * 60 * 60)

static inline void tick_rest(struct event *tick)
{
	(void)event_add(tick, &(struct timeval){.tv_sec = TICK_REST_S});
}

/* For once, in less than a second; the callback sets it again or calls tick_rest(). */
static inline void tick_set(struct event *tick, int after_us)
{
	assert(after_us >= 0 && after_us < 1000000);
	(void)event_add(tick, &(struct timeval){.tv_usec = after_us});
}

static inline must_check int tick_new(struct event_base *loop, event_callback_fn function,
				      void *userdata, struct event **ret_tick)
{
	struct event *tick = event_new(loop, -1, EV_PERSIST, function, userdata);

	if (!tick)
		return -ENOMEM;
	if (event_add(tick, &(struct timeval){.tv_sec = TICK_REST_S}) < 0) {
		event_free(tick);
		return -ENOMEM;
	}
	*ret_tick = tick;
	return 0;
}

/* ---- one-shot timers ---- */

/*
 * Arms a timer for work that must not be left undone: without memory for it, it fires at the next
 * turn of the loop. So it must not matter that it fires early.
 */
static inline void timer_set(struct event *timer, const struct timeval *after)
{
	if (event_add(timer, after) < 0)
		event_active(timer, EV_TIMEOUT, 0);
}

/* ---- trying again ---- */

/*
 * When to try something again that fails for lack of a resource: first after a short pause, since
 * others may release it soon, then after longer ones, while nothing succeeds. `tick` is at rest
 * until it is set; its callback sets it again or calls tick_rest().
 */
struct retry {
	struct event *tick; /* of tick_new(), freed by the owner */
	int pause_us;	    /* the next one; 0: the shortest */
};

#define RETRY_PAUSE_MIN_US 2000
#define RETRY_PAUSE_MAX_US 100000

static inline void retry_later(struct retry *retry)
{
	if (retry->pause_us < RETRY_PAUSE_MIN_US)
		retry->pause_us = RETRY_PAUSE_MIN_US;
	tick_set(retry->tick, retry->pause_us);
	retry->pause_us *= 2;
	if (retry->pause_us > RETRY_PAUSE_MAX_US)
		retry->pause_us = RETRY_PAUSE_MAX_US;
}

static inline void retry_succeeded(struct retry *retry)
{
	retry->pause_us = 0;
}
