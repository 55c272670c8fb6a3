/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list in another process. On a new connection its runner sends all messages from the beginning;
 * those that were received before are skipped, by `next`. Invalid, and not reported to the
 * listener: a gap in the results, a hook that the list does not have, an end while a hook runs or
 * before all have run without a failure.
 */
#include "daemon/runner/remote.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "daemon/base/pidfd.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/session.h"

/* So long a runner that has refused a list gets none if another can take it. */
#define FULL_FOR_NS NS_PER_S

/* ---- struct list_operations ---- */

static struct remote *remote_of(struct list *list)
{
	return container_of(list, struct remote, list);
}

/* Without a connection: remote_resend() sends it on the next one. */
static void send_message(struct remote *remote, enum message_type type, const void *body,
			 size_t length)
{
	struct message message = message_make(type, remote->run, 0, body, length, NULL, 0);

	if (remote->link->channel)
		channel_send_or_break(remote->link->channel, &message);
}

static void send_pause(struct remote *remote)
{
	struct pause_body body = {.is_paused = remote->is_paused};

	send_message(remote, MESSAGE_PAUSE, &body, sizeof(body));
}

static void remote_cancel(struct list *list)
{
	struct remote *remote = remote_of(list);

	remote->is_cancelled = true;
	send_message(remote, MESSAGE_CANCEL, NULL, 0);
}

static void remote_listen(struct list *list)
{
	struct remote *remote = remote_of(list);

	remote->is_listened_to = true;
	send_message(remote, MESSAGE_LISTEN, NULL, 0);
}

/* Without a connection nothing is recalled. */
static void remote_recall(struct list *list)
{
	send_message(remote_of(list), MESSAGE_RECALL, NULL, 0);
}

static void remote_pause(struct list *list, bool is_paused)
{
	struct remote *remote = remote_of(list);

	remote->is_paused = is_paused;
	send_pause(remote);
}

static pid_t remote_pid(const struct list *list)
{
	return remote_of((struct list *)list)->pid;
}

static void remote_abandon(struct list *list)
{
	struct remote *remote = remote_of(list);

	send_message(remote, MESSAGE_CANCEL, NULL, 0);
	remote_free(remote);
}

static const struct list_operations operations = {
    .cancel = remote_cancel,
    .listen = remote_listen,
    .recall = remote_recall,
    .pause = remote_pause,
    .pid = remote_pid,
    .free = remote_abandon,
};

void remote_resend(struct remote *remote)
{
	if (remote->is_listened_to)
		send_message(remote, MESSAGE_LISTEN, NULL, 0);
	if (remote->is_paused)
		send_pause(remote);
	if (remote->is_cancelled)
		send_message(remote, MESSAGE_CANCEL, NULL, 0);
}

/* ---- life ---- */

static void join(struct remote *remote, struct link *link)
{
	remote->link = link;
	remote->is_seen = true; /* it will be, by START */
	TAILQ_INSERT_TAIL(&link->lists, remote, link_entry);
	link->load++;
}

static void leave(struct remote *remote)
{
	TAILQ_REMOVE(&remote->link->lists, remote, link_entry);
	assert(remote->link->load > 0);
	remote->link->load--;
}

int remote_new(struct link *link, const char *run, size_t first, struct remote **ret_remote)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	struct remote **all = runners_lists(link->runners);

	if (!remote)
		return -ENOMEM;
	snprintf(remote->run, sizeof(remote->run), "%s", run);
	HASH_ADD_KEYPTR(by_run, *all, remote->run, strlen(remote->run), remote);
	if (!remote->by_run.tbl) {
		free(remote);
		return -ENOMEM;
	}
	remote->list.operations = &operations;
	remote->pidfd = -1;
	remote->first = remote->next = first;
	join(remote, link);
	*ret_remote = remote;
	return 0;
}

struct remote *remote_find(struct runners *runners, const char *run)
{
	struct remote *remote;

	HASH_FIND(by_run, *runners_lists(runners), run, strlen(run), remote);
	return remote;
}

void remote_free(struct remote *remote)
{
	struct remote **all = runners_lists(remote->link->runners);

	HASH_DELETE(by_run, *all, remote);
	if (remote->has_ended)
		TAILQ_REMOVE(&remote->link->ended, remote, link_entry);
	else
		leave(remote);
	close_fd(&remote->pidfd);
	free(remote);
}

/* ---- START ---- */

static char *make_payload(const struct list_order *order, struct start_body *body,
			  size_t *ret_length)
{
	size_t filter_size = order->settings.filter_count * sizeof(struct sock_filter);
	size_t path_length = strlen(order->default_path) + 1;
	char *payload = malloc(order->request_length + path_length + filter_size), *end = payload;

	if (!payload)
		return NULL;
	end = mempcpy(end, order->request, order->request_length);
	end = mempcpy(end, order->default_path, path_length);
	if (filter_size > 0)
		end = mempcpy(end, order->settings.filter, filter_size);
	body->request_length = (uint32_t)order->request_length;
	body->path_length = (uint32_t)path_length;
	body->filter_count = (uint32_t)order->settings.filter_count;
	*ret_length = (size_t)(end - payload);
	return payload;
}

/* In the order of start_body. */
static size_t list_fds(const struct list_order *order, int fds[static MESSAGE_FDS_MAX])
{
	size_t count = 0;

	if (order->target.caller.pid > 0)
		fds[count++] = order->target.caller.pidfd;
	if (order->target.container.pid > 0)
		fds[count++] = order->target.container.pidfd;
	if (order->settings.rdt_tasks >= 0)
		fds[count++] = order->settings.rdt_tasks;
	if (order->settings.rdt_mon_tasks >= 0)
		fds[count++] = order->settings.rdt_mon_tasks;
	return count;
}

static int send_start(struct remote *remote)
{
	const struct list_order *order = remote->order;
	struct start_body body = {
	    .first = (uint32_t)order->first,
	    .default_timeout_ns = order->default_timeout_ns,
	    .waited_ns = order->waited_ns,
	    .filter_flags = order->settings.filter_flags,
	    .caller = order->target.caller.pid,
	    .container = order->target.container.pid,
	    .failed_step = (int32_t)order->failure.step,
	    .failed_errno = order->failure.error,
	    .any_owner = order->any_owner,
	    .may_be_refused = order->may_be_refused,
	    .is_listened_to = remote->is_listened_to,
	    .is_paused = remote->is_paused,
	    .is_image_program = order->target.is_image_program,
	    .needs_listener = order->settings.needs_listener,
	    .has_rdt = order->settings.rdt_tasks >= 0,
	    .has_rdt_mon = order->settings.rdt_mon_tasks >= 0,
	};
	int fds[MESSAGE_FDS_MAX];
	struct message message;
	size_t length;
	char *payload = make_payload(order, &body, &length);
	int r;

	assert(remote->link->channel);
	if (!payload)
		return -ENOMEM;
	memcpy(body.failed_detail, order->failure.detail, sizeof(body.failed_detail));
	message = message_make(MESSAGE_START, remote->run, order->first, &body, sizeof(body),
			       payload, length);
	message.fds = fds;
	message.fd_count = list_fds(order, fds);
	r = channel_send(remote->link->channel, &message);
	free(payload);
	if (r == 0)
		remote->start_number = ++remote->link->starts_sent;
	return r;
}

int remote_start(struct remote *remote, const struct list_order *order)
{
	remote->order = order;
	remote->is_listened_to = order->is_listened_to;
	remote->is_paused = order->is_paused;
	return send_start(remote);
}

bool remote_is_unread(const struct remote *remote)
{
	const struct link *link = remote->link;
	uint64_t read = 0;

	/* A runner says HELLO before it reads anything. */
	if (link->has_hello)
		read = link->counter.read ? atomic_load(link->counter.read) : UINT64_MAX;
	return remote->order && remote->start_number > link->starts_before &&
	       remote->start_number - link->starts_before > read;
}

int remote_move(struct remote *remote, struct link *link)
{
	int r;

	assert(remote_is_unread(remote));
	leave(remote);
	join(remote, link);
	r = send_start(remote);
	if (r == 0 && remote->is_cancelled)
		send_message(remote, MESSAGE_CANCEL, NULL, 0);
	return r;
}

/* ---- messages from the runner ---- */

void runners_acknowledge(struct runners *runners, const char *run)
{
	struct message message = message_make(MESSAGE_ACKNOWLEDGE, run, 0, NULL, 0, NULL, 0);
	struct remote *remote = remote_find(runners, run);

	if (!remote || !remote->has_ended)
		return;
	if (remote->link->channel)
		channel_post(remote->link->channel, &message);
	remote_free(remote);
}

/* 1: it is about the hook `next`; 0: about an earlier one, so it was received before. -EBADMSG. */
static int is_about_next(const struct remote *remote, const struct message *message)
{
	size_t index = message->header.index;

	if (index >= remote->hook_count || index > remote->next)
		return -EBADMSG;
	return index == remote->next;
}

static void receive_start(struct remote *remote, const struct message *message)
{
	const struct started_body *body = message->body;

	remote->pid = body->pid;
	close_fd(&remote->pidfd);
	if (message->fd_count > 0)
		remote->pidfd = take_fd(&message->fds[0]);
	if (remote->is_start_reported)
		return;
	remote->is_start_reported = true;
	remote->listener->started(remote->userdata, message->header.index, body->pid,
				  body->started_us);
}

static void receive_output(struct remote *remote, const struct message *message)
{
	const struct output_body *body = message->body;
	struct hook_output output = {
	    .stream = body->stream,
	    .offset = body->offset,
	    .is_kept = body->is_kept,
	    .bytes = message->payload,
	    .length = message->header.payload_length,
	};

	remote->listener->output(remote->userdata, message->header.index, &output);
}

/* From ended() on the list may be acknowledged, and so freed, at any time. */
static void end(struct remote *remote, struct list_end *end)
{
	const struct list_listener *listener = remote->listener;
	void *userdata = remote->userdata;

	if (end->is_lost) {
		remote_free(remote);
	} else {
		leave(remote);
		remote->has_ended = end->is_kept = true;
		TAILQ_INSERT_TAIL(&remote->link->ended, remote, link_entry);
	}
	listener->ended(userdata, end);
}

static int receive_result(struct remote *remote, const struct message *message)
{
	const struct finished_body *body = message->body;
	struct hp_hook_result result = {.index = message->header.index, .oom_killed = -1};

	if (body->is_refusal && (remote->next != remote->first || body->success))
		return -EBADMSG;
	/* If there is no memory for texts and output, the result has none. */
	if (message_to_result(message, &result) < 0) {
		result.outcome = (enum hp_hook_outcome)body->outcome;
		result.success = body->success;
		result.exit_status = body->exit_status;
		result.signal = body->signal;
	}
	remote->pid = 0;
	close_fd(&remote->pidfd);
	remote->is_start_reported = false;
	if (body->is_refusal) {
		remote->link->full_until_ns = clock_ns(CLOCK_MONOTONIC) + FULL_FOR_NS;
		end(remote, &(struct list_end){.refusal = &result});
		return 0;
	}
	remote->has_failed |= !result.success;
	remote->next++;
	remote->listener->finished(remote->userdata, message->header.index, &result);
	return 0;
}

static int receive_end(struct remote *remote, const struct message *message)
{
	const struct ended_body *body = message->body;
	struct list_end of_list = {.is_cancelled = body->is_cancelled};

	if (remote->is_start_reported ||
	    (remote->next < remote->hook_count && !remote->has_failed && !of_list.is_cancelled))
		return -EBADMSG;
	if (message->header.payload_length > 0)
		of_list.ignored = strndup(message->payload, message->header.payload_length);
	end(remote, &of_list);
	return 0;
}

int remote_receive(struct remote *remote, const struct message *message)
{
	int r;

	assert(remote->listener);
	if (remote->has_ended)
		return 0; /* on a new connection its runner sends all of it again */
	if (message->header.type == MESSAGE_ENDED)
		return receive_end(remote, message);
	if (message->header.type == MESSAGE_OWNED) {
		remote->is_seen = true;
		remote_resend(remote);
		return 0;
	}
	r = is_about_next(remote, message);
	if (r <= 0)
		return r;
	switch (message->header.type) {
	case MESSAGE_STARTED:
	case MESSAGE_MOVED:
		receive_start(remote, message);
		return 0;
	case MESSAGE_OUTPUT:
		receive_output(remote, message);
		return 0;
	case MESSAGE_FINISHED:
		return receive_result(remote, message);
	default:
		return -EBADMSG;
	}
}

/*
 * The pid may be used again, the pidfd not. A stopped process that is alive keeps its pid, since it
 * cannot end by itself.
 */
void remote_kill(struct remote *remote)
{
	if (remote->pidfd < 0 || pidfd_send_signal(remote->pidfd, SIGSTOP, NULL, 0) < 0)
		return;
	if (pidfd_is_alive(remote->pidfd) &&
	    !cgroup_kill_made_below(remote->pid, remote->link->pid))
		session_kill(remote->pid, NULL);
}

void remote_refuse(struct remote *remote, int error)
{
	struct hp_hook_result refusal = {
	    .index = remote->first,
	    .outcome = HP_HOOK_SPAWN_FAILED,
	    .failed_errno = error,
	    .oom_killed = -1,
	};

	end(remote, &(struct list_end){.refusal = &refusal});
}

void remote_lost(struct remote *remote)
{
	end(remote, &(struct list_end){.is_lost = true});
}
