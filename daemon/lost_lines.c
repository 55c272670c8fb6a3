/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries every RETRY_S to log how many log lines were lost, as long as there is something to tell.
 * The state is the timer, pending meanwhile.
 */
#include "daemon/lost_lines.h"

#include "daemon/base/log.h"

#define RETRY_S 1

static void on_lost(void *userdata)
{
	(void)event_add(userdata, &(struct timeval){.tv_sec = RETRY_S});
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	if (!log_tell_lost())
		on_lost(userdata);
}

int lost_lines_watch(struct event_base *base, struct event **ret_timer)
{
	struct event *timer = event_new(base, -1, 0, on_timer, event_self_cbarg());

	if (!timer)
		return -ENOMEM;
	log_on_lost(on_lost, timer);
	*ret_timer = timer;
	return 0;
}

struct event *lost_lines_free(struct event *timer)
{
	if (!timer)
		return NULL;
	log_on_lost(NULL, NULL);
	event_free(timer);
	return NULL;
}
