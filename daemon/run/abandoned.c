/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancels runs whose callers have not connected again after a restart of hookd. Owns one timer,
 * which fires once.
 */
#include "daemon/run/abandoned.h"

static bool is_abandoned(const struct run *run)
{
	return run->is_adopted && run->state == RUN_RUNNING && !run_is_awaited(run) &&
	       run->request.on_disconnect == HP_ON_DISCONNECT_CANCEL;
}

static void on_time_over(evutil_socket_t fd, short what, void *userdata)
{
	struct run *run = store_newest(userdata), *older;

	(void)fd, (void)what;
	for (; run; run = older) {
		older = store_older(run);
		if (is_abandoned(run))
			run_cancel(run);
	}
}

int abandoned_watch(struct event_base *base, struct store *store, const struct timeval *after)
{
	return event_base_once(base, -1, EV_TIMEOUT, on_time_over, store, after) < 0 ? -ENOMEM : 0;
}
