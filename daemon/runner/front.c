/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of a runner: the hookd process that is connected to it.
 *
 *	NONE --a connection--> SYNCING --all lists are sent--> SYNCED --it is closed--> NONE
 *
 * Messages from the front are executed in SYNCING as well. There is one front at a time.
 */
#include "daemon/runner/front.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "proto/base/limits.h"

/* Messages sent in one turn of the event loop; none while the socket is full. */
#define SYNC_MESSAGES_MAX 32

/* ---- messages from the front ---- */

/* A list that cannot be started ends as refused, as it does in hookd itself. */
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

	channel_send_or_break(runner->front, &answer);
	answer = message_make(MESSAGE_ENDED, start->run, index, &end, sizeof(end), NULL, 0);
	channel_send_or_break(runner->front, &answer);
}

static void on_start(struct runner *runner, struct message *message)
{
	int r = owned_start(runner, message);

	if (r < 0) {
		log_warning("hookd-runner: run %s cannot be started: %s", message->header.run,
			    strerror(-r));
		refuse(runner, &message->header, -r);
	}
}

/* An unknown list has ended already; hookd has been or will be sent that. */
static void on_list_message(struct runner *runner, const struct message *message)
{
	struct owned *owned = owned_find(runner, message->header.run);
	const struct pause_body *pause = message->body;

	if (!owned)
		return;
	if (message->header.type == MESSAGE_CANCEL)
		owned_cancel(owned);
	else if (message->header.type == MESSAGE_LISTEN)
		owned_listen(owned);
	else if (message->header.type == MESSAGE_RECALL)
		owned_recall(owned);
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
	case MESSAGE_RECALL:
	case MESSAGE_PAUSE:
	case MESSAGE_ACKNOWLEDGE:
		on_list_message(runner, message);
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
	log_warning("hookd-runner: run %s cannot be started: %s", header->run, strerror(error));
	refuse(runner, header, error);
	return 0;
}

/* ---- sending the lists to a new front ---- */

static void set_full(struct runner *runner, bool is_full)
{
	if (runner->is_full == is_full)
		return;
	runner->is_full = is_full;
	owned_pause_all(runner);
}

/* Continues when the socket has room, or in the next turn of the loop. */
static void sync_some(struct runner *runner)
{
	struct message synced = message_make(MESSAGE_SYNCED, NULL, 0, NULL, 0, NULL, 0);

	assert(runner->front && runner->is_syncing);
	for (int i = 0; i < SYNC_MESSAGES_MAX && channel_waiting(runner->front) == 0; i++)
		if (!owned_resend_next(runner)) {
			runner->is_syncing = false;
			channel_send_or_break(runner->front, &synced);
			return;
		}
	if (channel_waiting(runner->front) == 0)
		event_active(runner->sync_more, 0, 0);
}

static void on_sync_more(evutil_socket_t fd, short what, void *userdata)
{
	struct runner *runner = userdata;

	(void)fd, (void)what;
	if (runner->front && runner->is_syncing)
		sync_some(runner);
}

static void on_drained(struct channel *channel, void *userdata)
{
	struct runner *runner = userdata;

	(void)channel;
	set_full(runner, false);
	if (runner->is_syncing)
		sync_some(runner);
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
	int r = channel_new(event_get_base(runner->sync_more), fd, &events, runner, &front);

	message.fds = &directory;
	message.fd_count = directory >= 0;
	if (r < 0) {
		log_warning("hookd-runner: refused a connection: %s", strerror(-r));
		close(fd);
		return;
	}
	/* The last front may have reported to callers what it has sent, e.g. ACKNOWLEDGE. */
	if (runner->front)
		channel_read_all(runner->front);
	channel_free(runner->front);
	runner->front = front;
	owned_resume_all(runner);
	channel_send_or_break(runner->front, &message);
	owned_resend_all(runner);
	runner->is_syncing = true;
	sync_some(runner);
	runner->changed(runner);
}

int front_init(struct runner *runner, struct event_base *base)
{
	TAILQ_INIT(&runner->not_resent);
	runner->sync_more = event_new(base, -1, 0, on_sync_more, runner);
	return runner->sync_more ? 0 : -ENOMEM;
}

void front_clear(struct runner *runner)
{
	struct owned *owned, *next;

	HASH_ITER(by_run, runner->lists, owned, next)
	owned_free(owned);
	runner->front = channel_free(runner->front);
	if (runner->sync_more)
		event_free(runner->sync_more);
	runner->sync_more = NULL;
}
