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
