/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of a runner.
 *
 *	GONE --a connection--> TELLING --all lists are told--> SYNCED --it is closed--> GONE
 *
 * What the front asks for is done in TELLING as well. There is one front at a time.
 */
#include "daemon/runner/front.h"

#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "proto/base/limits.h"

/* In one turn of the loop; and none while the socket is full. */
#define TELLS_MAX 32

/* ---- what is asked for ---- */

/* A list that cannot be begun has ended: its run is turned away, as by hookd itself. */
static void refuse(struct runner *runner, const struct message_header *start, int error)
{
	struct finished_body body = {
	    .step_length = UINT32_MAX,
	    .detail_length = UINT32_MAX,
	    .outcome = HP_HOOK_SPAWN_FAILED,
	    .oom_killed = -1,
	    .failed_errno = error,
	    .is_refusal = true,
	};
	struct ended_body end = {0};
	size_t index = start->index < HP_HOOKS_MAX ? start->index : 0;
	struct message answer =
	    message_make(MESSAGE_FINISHED, start->run, index, &body, sizeof(body), NULL, 0);

	channel_tell(runner->front, &answer);
	answer = message_make(MESSAGE_ENDED, start->run, index, &end, sizeof(end), NULL, 0);
	channel_tell(runner->front, &answer);
}

static void on_start(struct runner *runner, struct message *message)
{
	int r = owned_start(runner, message);

	if (r < 0) {
		log_warning("hookd-runner: run %s cannot be begun: %s", message->header.run,
			    strerror(-r));
		refuse(runner, &message->header, -r);
	}
}

/* About a list that is not there any more: it has ended, and hookd will hear of that. */
static void on_wish(struct runner *runner, const struct message *message)
{
	struct owned *owned = owned_find(runner, message->header.run);
	const struct pause_body *pause = message->body;

	if (!owned)
		return;
	if (message->header.type == MESSAGE_CANCEL)
		owned_cancel(owned);
	else if (message->header.type == MESSAGE_LISTEN)
		owned_listen(owned);
	else if (message->header.type == MESSAGE_PAUSE)
		owned_pause(owned, pause->is_paused);
	else if (owned->has_ended)
		owned_free(owned);
	runner->changed(runner);
}

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct runner *runner = userdata;
	const struct stop_body *stop = message->body;

	(void)channel;
	switch (message->header.type) {
	case MESSAGE_HELLO:
		return 0;
	case MESSAGE_CONFIGURE:
		runner->configure(runner, message->body);
		return 0;
	case MESSAGE_START:
		on_start(runner, message);
		return 0;
	case MESSAGE_STOP:
		runner->stop(runner, stop->is_at_once);
		return 0;
	case MESSAGE_CANCEL:
	case MESSAGE_LISTEN:
	case MESSAGE_PAUSE:
	case MESSAGE_ACKNOWLEDGE:
		on_wish(runner, message);
		return 0;
	default:
		return -EBADMSG;
	}
}

static int on_missed(struct channel *channel, const struct message_header *header, int error,
		     void *userdata)
{
	struct runner *runner = userdata;

	(void)channel;
	if (header->type != MESSAGE_START || header->run[0] == '\0')
		return -error;
	log_warning("hookd-runner: run %s cannot be begun: %s", header->run, strerror(error));
	refuse(runner, header, error);
	return 0;
}

/* ---- what is told ---- */

static void set_full(struct runner *runner, bool is_full)
{
	if (runner->is_full == is_full)
		return;
	runner->is_full = is_full;
	owned_pause_all(runner);
}

/* Goes on when the socket has room, or in the next turn of the loop. */
static void tell_some(struct runner *runner)
{
	struct message synced = message_make(MESSAGE_SYNCED, NULL, 0, NULL, 0, NULL, 0);

	for (int i = 0; i < TELLS_MAX && channel_waiting(runner->front) == 0; i++)
		if (!owned_tell_next(runner)) {
			runner->is_telling = false;
			channel_tell(runner->front, &synced);
			return;
		}
	if (channel_waiting(runner->front) == 0)
		event_active(runner->tell_more, 0, 0);
}

static void on_tell_more(evutil_socket_t fd, short what, void *userdata)
{
	struct runner *runner = userdata;

	(void)fd, (void)what;
	if (runner->front && runner->is_telling)
		tell_some(runner);
}

static void on_drained(struct channel *channel, void *userdata)
{
	struct runner *runner = userdata;

	(void)channel;
	set_full(runner, false);
	if (runner->is_telling)
		tell_some(runner);
}

/* ---- the connection ---- */

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct runner *runner = userdata;

	if (r < 0)
		log_warning("hookd-runner: the connection to hookd is broken: %s", strerror(-r));
	runner->front = channel_free(channel);
	owned_resume_all(runner);
	runner->changed(runner);
}

void front_connected(struct runner *runner, int fd, const struct hello_body *hello, int directory)
{
	static const struct channel_events events = {
	    .message = on_message,
	    .missed = on_missed,
	    .drained = on_drained,
	    .closed = on_closed,
	};
	struct message message =
	    message_make(MESSAGE_HELLO, NULL, 0, hello, sizeof(*hello), NULL, 0);
	struct channel *front;
	int r = channel_new(event_get_base(runner->tell_more), fd, &events, runner, &front);

	message.fds = &directory;
	message.fd_count = directory >= 0;
	if (r < 0) {
		log_warning("hookd-runner: a connection is refused: %s", strerror(-r));
		close(fd);
		return;
	}
	/* What the last front has sent counts: it has told its callers. */
	if (runner->front)
		channel_read_all(runner->front);
	channel_free(runner->front);
	runner->front = front;
	owned_resume_all(runner);
	channel_tell(runner->front, &message);
	owned_tell_all(runner);
	runner->is_telling = true;
	tell_some(runner);
	runner->changed(runner);
}

int front_init(struct runner *runner, struct event_base *base)
{
	TAILQ_INIT(&runner->untold);
	runner->tell_more = event_new(base, -1, 0, on_tell_more, runner);
	return runner->tell_more ? 0 : -ENOMEM;
}

void front_clear(struct runner *runner)
{
	struct owned *owned, *next;

	HASH_ITER(by_run, runner->lists, owned, next)
	owned_free(owned);
	runner->front = channel_free(runner->front);
	if (runner->tell_more)
		event_free(runner->tell_more);
	runner->tell_more = NULL;
}
