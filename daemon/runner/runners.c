/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All runners of this hookd: those that it has started and those that it has found.
 *
 *	CONNECTED --HELLO, SYNCED--> SYNCED --the connection ends--> CONNECTED, or REMOVED if its
 *	    ^                                               |        process has ended: its lists
 *	    `-----1 s---- UNCONNECTED <--no descriptors-----'        are lost, another is started
 *
 * A runner that keeps sending invalid messages is killed and removed as well.
 *
 * A runner of another version, or a surplus one, is retiring: it gets no new lists, but a STOP.
 */
#include "daemon/runner/runners.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/runner/runners_all.h"

/* A runner answers in less than a millisecond, unless it hangs. */
#define SYNC_WAIT_S	5
#define CONNECT_AFTER_S 1
#define ORPHANS_AFTER_S 1
/* After so many connections with an invalid message the runner is removed. */
#define BROKEN_MAX 3

struct remote **runners_lists(struct runners *runners)
{
	return &runners->lists;
}

void runners_report_change(const struct runners *runners)
{
	char *ids;

	if (!runners->is_settled || runners->is_ending)
		return;
	ids = runners_ids(runners);
	runners->options.changed(ids, runners->options.userdata);
	free(ids);
}

static void retire(struct link *link, bool is_at_once)
{
	struct stop_body body = {.is_at_once = is_at_once};
	struct message message = message_make(MESSAGE_STOP, NULL, 0, &body, sizeof(body), NULL, 0);

	link->is_retiring = true;
	if (link->channel)
		channel_send_or_break(link->channel, &message);
}

/* ---- messages ---- */

static void configure(struct link *link)
{
	struct message message =
	    message_make(MESSAGE_CONFIGURE, NULL, 0, &link->runners->configuration,
			 sizeof(link->runners->configuration), NULL, 0);

	if (link->channel && !link->is_retiring)
		channel_send_or_break(link->channel, &message);
}

/* Without it the runner does not notice that its socket was deleted. */
static void send_socket(struct link *link)
{
	struct message message = message_make(MESSAGE_SOCKET, NULL, 0, NULL, 0, NULL, 0);
	cleanup_close int fd = link_open_socket(link);

	message.fds = &fd;
	message.fd_count = 1;
	if (fd >= 0 && link->channel)
		channel_send_or_break(link->channel, &message);
}

static int on_hello(struct link *link, struct message *message)
{
	const struct hello_body *hello = message->body;
	bool is_new = link->id != hello->id, is_new_unit = link->offer_fd >= 0;

	/* hookd may kill the process with this pid, so it has to be the sender's. */
	if (link->has_hello || hello->pid != message->sender)
		return -EBADMSG;
	link_take_hello(link, message);
	link->can_answer = hello->version == RUNNER_VERSION;
	runners_have_answer(link);
	if (is_new)
		runners_report_change(link->runners);
	if (link->can_answer) {
		configure(link);
		send_socket(link);
		return 0;
	}
	log_notice("runner %d is of another version: it gets no new hooks", link->pid);
	if (is_new_unit)
		runners_unit_has_failed(link->runners, "it starts runners of another version");
	retire(link, false);
	runners_replace_soon(link->runners);
	return 0;
}

static int adopt(struct link *link, const struct message *message)
{
	const struct runners_options *options = &link->runners->options;
	const char *run = message->header.run;
	struct remote *remote;

	if (remote_new(link, run, message->header.index, &remote) < 0)
		return 0;
	if (!options->adopt(run, remote->first, &remote->list, &remote->listener, &remote->userdata,
			    &remote->hook_count, options->userdata)) {
		remote_free(remote);
	} else if (remote->first >= remote->hook_count) {
		remote_lost(remote);
		return -EBADMSG;
	}
	return 0;
}

/* A list that this hookd has not started: an earlier one has. */
static int on_unknown(struct link *link, const struct message *message)
{
	struct message acknowledge =
	    message_make(MESSAGE_ACKNOWLEDGE, message->header.run, 0, NULL, 0, NULL, 0);

	if (message->header.type == MESSAGE_ENDED)
		channel_send_or_break(link->channel, &acknowledge);
	return message->header.type == MESSAGE_OWNED ? adopt(link, message) : 0;
}

void runners_leave_if_synced(struct runners *runners)
{
	const struct link *link;
	bool starts_more =
	    !runners->cannot_start && runners_count_ready(runners) < runners->options.count;

	if (!runners->is_waited_for || starts_more)
		return;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link->is_synced && (!runners->is_late || link->offer_fd >= 0))
			return;
	event_base_loopbreak(runners->base);
}

static int on_synced(struct link *link)
{
	struct remote *remote, *next;

	if (link->is_synced)
		return -EBADMSG;
	link->is_synced = link->was_synced = true;
	for (remote = TAILQ_FIRST(&link->lists); remote; remote = next) {
		next = TAILQ_NEXT(remote, link_entry);
		if (!remote->is_seen)
			remote_lost(remote);
	}
	runners_leave_if_synced(link->runners);
	runners_check_known(link->runners);
	return 0;
}

/* hookd's own directory, which that of the runner is in, was removed too. */
static void on_directory(struct link *link, struct message *message)
{
	const struct runners_options *options = &link->runners->options;
	int r;

	close_fd(&link->cgroup_fd);
	link->cgroup_fd = take_fd(&message->fds[0]);
	r = options->cgroups ? cgroup_tree_repair(options->cgroups) : 0;
	if (r < 0)
		log_warning("%s cannot be made again: %s", cgroup_tree_path(options->cgroups),
			    strerror(-r));
}

static int dispatch(struct link *link, struct message *message)
{
	struct remote *remote;

	if (message->header.type == MESSAGE_HELLO)
		return on_hello(link, message);
	/* Types below OWNED are those that only hookd sends. */
	if (!link->has_hello || message->header.type < MESSAGE_OWNED)
		return -EBADMSG;
	if (message->header.type == MESSAGE_SYNCED)
		return on_synced(link);
	if (message->header.type == MESSAGE_DIRECTORY) {
		on_directory(link, message);
		return 0;
	}
	if (message->header.type == MESSAGE_PONG)
		runners_have_answer(link);
	if (message->header.type == MESSAGE_COUNTER) {
		counter_clear(&link->counter);
		return counter_map(message->fds[0], &link->counter);
	}
	remote = remote_find(link->runners, message->header.run);
	if (!remote)
		return on_unknown(link, message);
	return remote->link == link ? remote_receive(remote, message) : -EBADMSG;
}

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct link *link = userdata;
	int r = dispatch(link, message);

	(void)channel;
	if (r < 0)
		log_error("runner %d has sent an invalid message (type %u, hook %u of run '%s')",
			  link->pid, message->header.type, message->header.index,
			  message->header.run);
	return r;
}

/* ---- choosing a runner ---- */

/*
 * A child that was just started has no lists to send first, and reads START from its socket when it
 * is ready. A unit may never start, and its lists would be lost.
 */
static bool can_take_lists(const struct link *link)
{
	return link->channel && !link->is_retiring && !link->is_silent &&
	       (link->is_synced || (link->child > 0 && !link->was_synced));
}

/* Processes that hooks have left behind use descriptors of a runner and are no load. */
static bool is_better(const struct link *link, const struct link *other, int64_t now_ns)
{
	bool is_full = link->full_until_ns > now_ns, is_other_full = other->full_until_ns > now_ns;

	return is_full == is_other_full ? link->load < other->load : is_other_full;
}

static struct link *choose(struct runners *runners)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct link *link, *chosen = NULL;

	if (runners->is_ending)
		return NULL;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (can_take_lists(link) && (!chosen || is_better(link, chosen, now_ns)))
			chosen = link;
	return chosen;
}

/* ---- the end of a connection ---- */

/* Hands a list to another runner, if the one that has ended has certainly not read it. */
static void end_or_move(struct remote *remote)
{
	struct link *other = NULL;

	if (!remote_is_unread(remote)) {
		remote_lost(remote);
		return;
	}
	other = choose(remote->link->runners);
	if (!other || remote_move(remote, other) < 0)
		remote_refuse(remote, EAGAIN);
}

void runners_remove(struct link *link)
{
	struct runners *runners = link->runners;
	struct remote *remote;
	size_t lost = 0;

	TAILQ_FOREACH (remote, &link->lists, link_entry) {
		lost += !remote_is_unread(remote);
		remote_kill(remote);
	}
	if (lost > 0)
		log_error("runner %d has ended: the results of its %zu runs are lost", link->pid,
			  lost);
	link_clean_up(link, true);
	link->is_retiring = true; /* so that it does not count */
	/* Before remote_lost(), whose listeners may start other lists. */
	runners_replace(runners, link->was_synced);
	while ((remote = TAILQ_FIRST(&link->lists)))
		end_or_move(remote);
	link_unlink_socket(link);
	TAILQ_REMOVE(&runners->links, link, siblings);
	runners_report_change(runners);
	link_free(link);
	runners_leave_if_synced(runners);
	runners_check_known(runners);
}

void runners_connect_again(struct link *link)
{
	struct runners *runners = link->runners;
	int r = link->invalid_count < BROKEN_MAX ? link_connect(link) : -EBADMSG;

	if (r == -ECONNREFUSED || r == -ENOENT || r == -EPERM || r == -EBADMSG) {
		runners_remove(link);
	} else if (r < 0) {
		log_warning("cannot connect to runner %d: %s", link->pid, strerror(-r));
		timer_set(runners->respawn, &(struct timeval){.tv_sec = CONNECT_AFTER_S});
	}
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct link *link = userdata;
	struct remote *remote;

	if (r < 0)
		log_warning("the connection to runner %d is broken: %s", link->pid, strerror(-r));
	link->invalid_count += r == -EBADMSG;
	link->channel = channel_free(channel);
	TAILQ_FOREACH (remote, &link->lists, link_entry)
		remote->is_seen = false;
	if (link->offer_fd >= 0)
		runners_unit_did_not_start(link, "the runner has exited before it was ready");
	else if (r != -EBADMSG && link_has_ended(link))
		runners_remove(link);
	else
		runners_connect_again(link);
}

/* Without COUNTER it is not known which lists the runner has not read. */
static int on_missed(struct channel *channel, const struct message_header *header, int error,
		     void *userdata)
{
	(void)channel, (void)userdata;
	return header->type == MESSAGE_COUNTER ? 0 : -error;
}

static const struct channel_events channel_events = {
    .message = on_message,
    .missed = on_missed,
    .closed = on_closed,
};

/* ---- lists ---- */

static int start_list(struct list_starter *starter, const struct list_order *order,
		      const struct list_listener *listener, void *userdata, struct list **ret_list)
{
	struct runners *runners = container_of(starter, struct runners, starter);
	struct link *link = choose(runners);
	struct remote *remote;
	int r = link ? remote_new(link, order->run, order->first, &remote) : -EAGAIN;

	if (r < 0)
		return r;
	remote->hook_count = order->hooks->count;
	remote->listener = listener;
	remote->userdata = userdata;
	r = remote_start(remote, order);
	if (r < 0)
		remote_free(remote);
	else
		*ret_list = &remote->list;
	return r;
}

struct list_starter *runners_starter(struct runners *runners)
{
	return &runners->starter;
}

void runners_configure(struct runners *runners, const struct config *config, int nice)
{
	struct link *link;

	runners->configuration = (struct configure_body){
	    .umask = config->default_umask.is_set ? (int32_t)config->default_umask.value : -1,
	    .nice = nice,
	    .log_target = (int32_t)config->log_target,
	    .log_level = (int32_t)config->log_level,
	    .pids_max = config->pids_max.value,
	    .memory_max = config->memory_max.value,
	    .cpu_quota_us = config->cpu_quota_us.value,
	    .has_pids_max = config->pids_max.is_set,
	    .has_memory_max = config->memory_max.is_set,
	    .has_cpu_quota = config->cpu_quota_us.is_set,
	};
	TAILQ_FOREACH (link, &runners->links, siblings)
		configure(link);
}

/* ---- life ---- */

static void on_sync_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;

	(void)fd, (void)what;
	runners->is_late = true;
	runners_mark_silent(runners);
	runners_leave_if_synced(runners);
}

/* Waits until all runners have sent their lists. */
static int wait_for_all(struct runners *runners)
{
	const struct timeval wait = {.tv_sec = SYNC_WAIT_S};
	struct event *timer = event_new(runners->base, -1, 0, on_sync_timer, runners);

	if (!timer || event_add(timer, &wait) < 0) {
		if (timer)
			event_free(timer);
		return -ENOMEM;
	}
	runners->is_waited_for = true;
	if (!TAILQ_EMPTY(&runners->links))
		(void)event_base_dispatch(runners->base);
	runners->is_waited_for = false;
	event_free(timer);
	return 0;
}

/* Runners that were dying when hookd started have ended by now. */
static void on_later(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;

	(void)fd, (void)what;
	if (runners->options.cgroups)
		cgroup_tree_remove_orphans(runners->options.cgroups);
	runners_kill_orphans(runners);
}

void runners_check_known(struct runners *runners)
{
	if (!runners->is_awaiting || runners->is_ending || !runners_are_all_known(runners))
		return;
	runners->is_awaiting = false;
	on_later(-1, 0, runners);
	runners->options.all_known(runners->options.userdata);
}

void runners_retire_surplus(struct runners *runners)
{
	struct link *link;
	size_t count = runners_count_ready(runners);

	TAILQ_FOREACH_REVERSE(link, &runners->links, links, siblings)
	{
		if (count <= runners->options.count)
			return;
		if (!link->is_retiring && !link->is_silent) {
			retire(link, false);
			count--;
		}
	}
}

/* Without processes or memory for a while hookd has those that it has found, and tries again. */
static int start_first(struct runners *runners)
{
	int r = runners_start_missing(runners);

	if (!error_is_transient(-r))
		return r;
	log_error("cannot start a runner: %s", strerror(-r));
	runners_replace_soon(runners);
	return 0;
}

int runners_new(struct event_base *base, const struct runners_options *options,
		struct runners **ret_runners)
{
	struct runners *runners = calloc(1, sizeof(*runners));
	int r;

	if (!runners)
		return -ENOMEM;
	runners->starter.start = start_list;
	runners->base = base;
	runners->options = *options;
	runners->events = &channel_events;
	TAILQ_INIT(&runners->links);
	*ret_runners = runners;
	runners->directory = open(options->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = runners->directory < 0 ? -errno : 0;
	runners->later = event_new(base, -1, 0, on_later, runners);
	if (r == 0 && !runners->later)
		r = -ENOMEM;
	if (r == 0)
		r = runners_start_init(runners);
	if (r == 0)
		r = runners_watch_init(runners);
	if (r == 0)
		r = runners_find_all(runners);
	if (r == 0)
		r = start_first(runners);
	if (r == 0)
		r = wait_for_all(runners);
	if (r < 0) {
		*ret_runners = runners_free(runners, true);
		return r;
	}
	runners_kill_orphans(runners);
	timer_set(runners->later, &(struct timeval){.tv_sec = ORPHANS_AFTER_S});
	runners_retire_surplus(runners);
	runners->is_settled = true;
	runners->is_awaiting = !runners_are_all_known(runners);
	return 0;
}

bool runners_are_none(const struct runners *runners)
{
	return TAILQ_EMPTY(&runners->links);
}

bool runners_outlive_hookd(const struct runners *runners)
{
	const struct link *link;

	if (!runners->options.socket || runners->options.count == 0)
		return false;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link_ends_with_hookd(link) && !TAILQ_EMPTY(&link->lists))
			return false;
	return true;
}

size_t runners_count(const struct runners *runners)
{
	const struct link *link;
	size_t count = 0;

	if (!runners)
		return 0;
	TAILQ_FOREACH (link, &runners->links, siblings)
		count += link->channel && link->is_synced && !link->is_retiring;
	return count;
}

void runners_hand_over(struct runners *runners)
{
	struct link *link;

	if (!runners)
		return;
	runners->is_ending = true;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link_ends_with_hookd(link))
			link->channel = channel_free(link->channel);
}

void runners_leave(struct runners *runners)
{
	struct link *link;

	if (!runners)
		return;
	runners->is_ending = true;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!TAILQ_EMPTY(&link->ended)) {
			link->is_left = true;
			link->channel = channel_free(link->channel);
		}
}

struct runners *runners_free(struct runners *runners, bool is_at_once)
{
	struct event *events[4];
	struct link *link;

	if (!runners)
		return NULL;
	runners->is_ending = true;
	while ((link = TAILQ_FIRST(&runners->links))) {
		TAILQ_REMOVE(&runners->links, link, siblings);
		if (link_ends_with_hookd(link)) {
			retire(link, is_at_once);
			link_clean_up(link, !link_await_end(link));
			link_unlink_socket(link);
		}
		link_free(link);
	}
	events[0] = runners->respawn;
	events[1] = runners->later;
	events[2] = runners->watch;
	events[3] = runners->unit_timeout;
	for (size_t i = 0; i < ELEMENTS(events); i++)
		if (events[i])
			event_free(events[i]);
	close_fd(&runners->directory);
	free(runners);
	return NULL;
}
