/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Repeats a call when its connection is lost: the same bytes are sent on the next connection.
 *
 *	sent --lost--> pause --connected, sent--> waiting --reply--> done
 *	                 ^                           |
 *	                 `-----------lost------------'   for RECONNECT_NS, or to the deadline
 *
 * While hookd is being restarted there is no socket, or no process listens on it: also then it is
 * tried again. If the very first connection fails, the call fails at once, since nothing was sent.
 * It also fails if the socket belongs to another user when the connection is made again.
 */

#include "client/libhookd/reconnect.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "client/libhookd/client.h"
#include "client/libhookd/deadline.h"
#include "client/libhookd/events.h"

#ifndef RECONNECT_NS /* tests of programs set a shorter one */
#define RECONNECT_NS 60000000000ll
#endif
/* A connection that has lasted this long shows that hookd is not in a crash loop. */
#define HELD_NS	     10000000000ll
#define PAUSE_MS_MIN 10
#define PAUSE_MS_MAX 500

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
 * hookd restarts.
 */
int reconnect_plan(struct hookd_client *client, struct reconnect *reconnect, int64_t deadline,
		   int *ret_pause_ms)
{
	int64_t now = deadline_now();
	int left_ms;

	assert(reconnect->pause_ms >= 0 && reconnect->pause_ms <= PAUSE_MS_MAX);
	reconnect_begin(reconnect, now, deadline);
	if (now >= reconnect->give_up_ns) {
		if (deadline != DEADLINE_NONE)
			return client_lose(client, -ETIMEDOUT);
		return fault_set(&client->fault, -EPIPE,
				 "the connection to hookd was lost and could not be restored");
	}
	left_ms = deadline_left_ms(reconnect->give_up_ns);
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

/* Receives the last reply. Events before it go to client->on_event, if set. */
static int reconnect_receive(struct hookd_client *client, int64_t deadline,
			     struct hp_reply *ret_reply)
{
	int r = client_receive(client, deadline, ret_reply);

	while (r >= 0 && ret_reply->continues && client->on_event) {
		r = events_tell(client, ret_reply);
		if (r < 0)
			return client_lose(client, r == -ENOMEM ? r : -EBADMSG);
		r = client_receive(client, deadline, ret_reply);
	}
	return r;
}

/* One attempt. -EAGAIN: it has to be repeated, since hookd may have received the request. */
static int reconnect_try(struct hookd_client *client, struct reconnect *reconnect, int64_t deadline,
			 struct hp_reply *ret_reply)
{
	int64_t begin_ns = deadline_now();
	bool is_kept;
	int r = client_send(client, deadline, &is_kept);

	/* -EPERM would say that nothing was run; an earlier attempt may have been. */
	if (r == -EPERM && reconnect->is_repeat)
		return -EPIPE;
	if (r == -EPIPE || (r < 0 && r != -ETIMEDOUT && reconnect->is_repeat))
		return -EAGAIN;
	if (r < 0)
		return r;
	reconnect->sent_ns = begin_ns;
	r = reconnect_receive(client, deadline, ret_reply);
	if (r == -EPIPE)
		return -EAGAIN;
	if (reconnect_goes_on(reconnect, r)) {
		wire_close(&client->wire);
		return -EAGAIN;
	}
	return r;
}

int reconnect_exchange(struct hookd_client *client, int64_t deadline, struct hp_reply *ret_reply)
{
	struct reconnect reconnect = {0};
	int pause_ms = 0, r;

	for (;;) {
		r = reconnect_try(client, &reconnect, deadline, ret_reply);
		if (r == -EAGAIN)
			r = reconnect_plan(client, &reconnect, deadline, &pause_ms);
		else
			break;
		if (r < 0)
			break;
		if (pause_ms > 0)
			(void)poll(NULL, 0, pause_ms);
	}
	if (reconnect.is_repeat)
		client->is_unreachable = false; /* hookd may have received the call */
	return r;
}
