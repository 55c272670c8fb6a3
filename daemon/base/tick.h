/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"

/*
 * A timer that has its place among the loop's timers all the time, so that setting it takes no
 * memory and cannot fail. At rest it is set for a day later. Freed by event_free().
 */

#define TICK_REST_S (24 * 60 * 60)

static inline void tick_rest(struct event *tick)
{
	(void)event_add(tick, &(struct timeval){.tv_sec = TICK_REST_S});
}

/* Once; the callback sets it again, or lets it rest. Less than a second. */
static inline void tick_set(struct event *tick, int after_us)
{
	(void)event_add(tick, &(struct timeval){.tv_usec = after_us});
}

static inline must_check int tick_new(struct event_base *base, event_callback_fn function,
				      void *userdata, struct event **ret_tick)
{
	struct event *tick = event_new(base, -1, EV_PERSIST, function, userdata);

	if (!tick)
		return -ENOMEM;
	if (event_add(tick, &(struct timeval){.tv_sec = TICK_REST_S}) < 0) {
		event_free(tick);
		return -ENOMEM;
	}
	*ret_tick = tick;
	return 0;
}
