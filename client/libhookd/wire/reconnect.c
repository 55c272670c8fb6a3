/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When a call whose connection was lost is sent again, and until when: at once, then after pauses
 * that double, for RECONNECT_NS or to the deadline of the call. While hookd is being restarted
 * there is no socket, or no process listens on it: also then it is tried again. See exchange.c.
 */

#include "client/libhookd/wire/reconnect.h"

#include <assert.h>
#include <errno.h>

#include "client/libhookd/wire/deadline.h"

#ifndef RECONNECT_NS /* tests of programs set a shorter one */
#define RECONNECT_NS 60000000000ll
#endif
/* A connection that has lasted this long shows that hookd is not in a crash loop. */
#define HELD_NS	      10000000000ll
#define PAUSE_MS_MIN  10
#define PAUSE_MS_MAX  500
#define PAUSE_MS_LAST 50

/* The first loss, and one after a long-lived connection, starts the time limit anew. */
static void reconnect_begin(struct reconnect *reconnect, int64_t now, int64_t deadline)
{
	bool has_held = reconnect->sent_ns != 0 && now - reconnect->sent_ns >= HELD_NS;

	reconnect->sent_ns = 0;
	if (reconnect->is_repeat && !has_held)
		return;
	reconnect->is_repeat = true;
	reconnect->pause_ms = 0;
	reconnect->give_up_ns = deadline != DEADLINE_NONE ? deadline : now + RECONNECT_NS;
}

/*
 * No pause after the first loss, since with socket activation systemd keeps the socket open while
 * hookd restarts. Except before the last try: a hookd that is killed closes a connection a moment
 * before its listening socket, and what is sent meanwhile is lost in the queue of that socket.
 */
int reconnect_plan(struct reconnect *reconnect, int64_t deadline, bool is_last, int *ret_pause_ms)
{
	int64_t now = deadline_now();
	int left_ms;

	assert(reconnect->pause_ms >= 0 && reconnect->pause_ms <= PAUSE_MS_MAX);
	reconnect_begin(reconnect, now, deadline);
	if (now >= reconnect->give_up_ns)
		return deadline != DEADLINE_NONE ? -ETIMEDOUT : -EPIPE;
	left_ms = deadline_left_ms(reconnect->give_up_ns);
	if (is_last && reconnect->pause_ms < PAUSE_MS_LAST)
		reconnect->pause_ms = PAUSE_MS_LAST;
	*ret_pause_ms = left_ms < reconnect->pause_ms ? left_ms : reconnect->pause_ms;
	reconnect->pause_ms = reconnect->pause_ms == 0 ? PAUSE_MS_MIN : reconnect->pause_ms * 2;
	if (reconnect->pause_ms > PAUSE_MS_MAX)
		reconnect->pause_ms = PAUSE_MS_MAX;
	return 0;
}

bool reconnect_goes_on(const struct reconnect *reconnect, int r)
{
	return reconnect->is_repeat && (r == -EBUSY || r == -ESHUTDOWN);
}
