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

/* Counted before anything is done for it: see counter.h. */
static void count_start(struct runner *runner)
{
	if (runner->counter.read)
		atomic_fetch_add(runner->counter.read, 1);
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

/* The file is kept open: when no path leads to it any more, no front can connect. */
static void take_socket(struct runner *runner, struct message *message)
{
	close_fd(&runner->socket_fd);
	runner->socket_fd = take_fd(&message->fds[0]);
}

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	const struct message pong = message_make(MESSAGE_PONG, NULL, 0, NULL, 0, NULL, 0);
	struct runner *runner = userdata;
	const struct stop_body *stop = message->body;

	switch (message->header.type) {
	case MESSAGE_HELLO:
		return 0;
	case MESSAGE_CONFIGURE:
		runner->configure(runner, message->body);
		return 0;
	case MESSAGE_START:
		count_start(runner);
		on_start(runner, message);
		return 0;
	case MESSAGE_PING:
		channel_send_or_break(channel, &pong);
		return 0;
	case MESSAGE_SOCKET:
		take_socket(runner, message);
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
	if (header->type == MESSAGE_SOCKET)
		return 0; /* it is not noticed then if the socket is deleted */
	if (header->type != MESSAGE_START || header->run[0] == '\0')
		return -error;
	log_warning("hookd-runner: run %s cannot be started: %s", header->run, strerror(error));
	count_start(runner);
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

/*
 * The first messages. Without them nothing of the front is read: it knows then that no list of it
 * was begun.
 */
static int introduce(struct runner *runner, const struct hello_body *hello, int directory)
{
	struct message message =
	    message_make(MESSAGE_HELLO, NULL, 0, hello, sizeof(*hello), NULL, 0);
	int r;

	message.fds = &directory;
	message.fd_count = directory >= 0;
	r = channel_send(runner->front, &message);
	if (r < 0 || !runner->counter.read)
		return r;
	atomic_store(runner->counter.read, 0);
	message = message_make(MESSAGE_COUNTER, NULL, 0, NULL, 0, NULL, 0);
	message.fds = &runner->counter.fd;
	message.fd_count = 1;
	return channel_send(runner->front, &message);
}

void front_connected(struct runner *runner, int fd, const struct hello_body *hello, int directory)
{
	static const struct channel_events events = {
	    .message = on_message,
	    .missed = on_missed,
	    .drained = on_drained,
	    .closed = on_closed,
	};
	struct channel *front;
	int r = channel_new(event_get_base(runner->sync_more), fd, &events, runner, &front);

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
	if (introduce(runner, hello, directory) < 0) {
		runner->front = channel_free(runner->front);
		runner->changed(runner);
		return;
	}
	owned_resend_all(runner);
	runner->is_syncing = true;
	sync_some(runner);
	runner->changed(runner);
}

void front_send_directory(struct runner *runner, int directory)
{
	struct message message = message_make(MESSAGE_DIRECTORY, NULL, 0, NULL, 0, NULL, 0);

	message.fds = &directory;
	message.fd_count = 1;
	if (runner->front)
		channel_send_or_break(runner->front, &message);
}

int front_init(struct runner *runner, struct event_base *base)
{
	TAILQ_INIT(&runner->not_resent);
	runner->socket_fd = -1;
	if (counter_make(&runner->counter) < 0)
		runner->counter = COUNTER_NONE;
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
	counter_clear(&runner->counter);
	close_fd(&runner->socket_fd);
}
