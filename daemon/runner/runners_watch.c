/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches that runners answer. While the event loop of one hangs, no timeout of its hooks holds.
 *
 *	ANSWERING --no answer for SILENT_TICKS--> SILENT --none for KILL_TICKS--> killed
 *	    ^                                        |
 *	    `-----------------PONG, HELLO------------'
 *
 * A silent runner gets no new lists, and another is started in its place. If it answers again there
 * is one too many. Ticks are counted, not time: a tick is late if hookd was stopped or the machine
 * suspended, and it is one tick then. So a runner is not judged by hookd's own lateness.
 *
 * A runner of another version may not know PING: only HELLO is expected of it.
 *
 * A child of a runner has its connection open until the exec. If the runner dies and the child
 * hangs there, the connection is not closed: the tick finds that the process has ended.
 */
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/runner/runners_all.h"

#define TICK_S	     2
#define SILENT_TICKS 3
#define KILL_TICKS   15 /* 30 s, as WatchdogSec= of hookd.service */

void runners_have_answer(struct link *link)
{
	link->is_pinged = false;
	link->silent_ticks = 0;
	if (!link->is_silent)
		return;
	link->is_silent = false;
	log_notice("runner %d answers again", link->pid);
	if (link->runners->is_settled)
		runners_retire_surplus(link->runners);
}

static void ping(struct link *link)
{
	struct message message = message_make(MESSAGE_PING, NULL, 0, NULL, 0, NULL, 0);

	if (!link->can_answer)
		return;
	link->is_pinged = true;
	channel_send_or_break(link->channel, &message);
}

static void mark_silent(struct link *link)
{
	link->is_silent = true;
	log_error("runner-%u.sock (process %d) does not answer: it gets no new hooks", link->number,
		  link->pid);
	runners_replace(link->runners, true);
}

/* Frees the link if the process hangs in the kernel, so that its connection is not closed. */
static void count_tick(struct link *link)
{
	link->silent_ticks++;
	if (link->silent_ticks == SILENT_TICKS && !link->is_silent) {
		mark_silent(link);
	} else if (link->silent_ticks == KILL_TICKS) {
		log_error("runner-%u.sock (process %d) has not answered for %d s: %s", link->number,
			  link->pid, KILL_TICKS * TICK_S,
			  link->pidfd < 0 ? "its process is not known" : "it is killed");
		link_kill(link);
	} else if (link->silent_ticks > KILL_TICKS && link->pidfd >= 0) {
		runners_remove(link);
	}
}

/* Units that are being started have their own time limit; see runners_start.c. */
void runners_watch_tick(struct runners *runners)
{
	struct link *link, *next;

	for (link = TAILQ_FIRST(&runners->links); link; link = next) {
		next = TAILQ_NEXT(link, siblings);
		if (!link->channel || link->offer_fd >= 0)
			continue;
		if (link_is_dead(link))
			channel_break(link->channel);
		else if (link->has_hello && !link->is_pinged)
			ping(link);
		else
			count_tick(link);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	runners_watch_tick(userdata);
}

void runners_mark_silent(struct runners *runners)
{
	struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings) {
		if (link->was_synced || !link->is_found || link->is_silent)
			continue;
		link->silent_ticks = SILENT_TICKS;
		mark_silent(link);
	}
}

int runners_watch_init(struct runners *runners)
{
	const struct timeval period = {.tv_sec = TICK_S};

	runners->watch = event_new(runners->base, -1, EV_PERSIST, on_tick, runners);
	return runners->watch && event_add(runners->watch, &period) == 0 ? 0 : -ENOMEM;
}
