/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All runners of this hookd: those that it has started and those that it has found.
 *
 *	CONNECTED --HELLO, SYNCED--> SYNCED --the connection ends--> CONNECTED, or where nobody is
 *	                                                             behind the socket: buried, its
 *	                                                             lists lost, another one started
 *
 * One of another version, or one too many, is retiring: it gets nothing new and is told to stop.
 *
 * With a socket of the service manager's they are units of it, which go on when hookd's own unit
 * ends. Where the manager starts none, hookd starts them itself, for the time being.
 */
#include "daemon/runner/runners.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/runner/remote.h"

/* They answer in less than a millisecond, unless they hang. */
#define SYNC_WAIT_S 5
#define NUMBERS_MAX 1000
/* Between two rounds of starts, so that runners that end at once keep nothing busy. */
#define RESPAWN_PAUSE_NS INT64_C(1000000000)
/* For the service manager: until a runner has greeted, and after a failure. */
#define UNIT_WAIT_S   15
#define UNIT_PAUSE_NS INT64_C(10000000000)

TAILQ_HEAD(links, link);

struct runners {
	struct list_starter starter;
	struct event_base *base;
	struct runners_options options;
	int directory;
	struct links links;
	struct remote *lists;
	struct configure_body configuration;
	struct event *respawn;
	int64_t respawned_ns;	 /* the last round of starts */
	struct event *late_unit; /* pending while the service manager starts one */
	int64_t unit_after_ns;	 /* the service manager is asked for none before */
	bool is_waited_for;	 /* in runners_new(): the loop is left when all are synced */
	bool is_late;		 /* and only those are waited for that are being started */
	bool is_ending;
};

static void leave_if_synced(struct runners *runners);
static void on_message(struct channel *channel, struct message *message, void *userdata);
static void on_closed(struct channel *channel, int r, void *userdata);

static const struct channel_events channel_events = {
    .message = on_message,
    .closed = on_closed,
};

struct remote **runners_lists(struct runners *runners)
{
	return &runners->lists;
}

/* ---- how many there are ---- */

static size_t count_ready(const struct runners *runners)
{
	const struct link *link;
	size_t count = 0;

	TAILQ_FOREACH (link, &runners->links, siblings)
		count += link->channel && !link->is_retiring;
	return count;
}

static struct link *find_number(struct runners *runners, unsigned int number)
{
	struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->number == number)
			return link;
	return NULL;
}

static void unit_has_failed(struct runners *runners, const char *reason)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	/* Else the log has it from another one, which was asked for at the same time. */
	if (now_ns >= runners->unit_after_ns)
		log_warning(
		    "%s: %s: hookd starts the runner itself, and the hooks that it runs end with "
		    "hookd.service",
		    runners->options.socket, reason);
	runners->unit_after_ns = now_ns + UNIT_PAUSE_NS;
}

/* A unit of the service manager, or a child. */
static int start(struct runners *runners, unsigned int number, pid_t *ret_child, int *ret_offer)
{
	int r;

	*ret_child = 0;
	*ret_offer = -1;
	if (runners->options.socket && clock_ns(CLOCK_MONOTONIC) >= runners->unit_after_ns) {
		r = link_summon(runners->directory, &runners->options, number);
		if (r >= 0) {
			*ret_offer = r;
			return event_add(runners->late_unit,
					 &(struct timeval){.tv_sec = UNIT_WAIT_S});
		}
		unit_has_failed(runners, strerror(-r));
	}
	return link_spawn(runners->directory, &runners->options, number, ret_child);
}

static int spawn_one(struct runners *runners)
{
	struct link *link;
	unsigned int number = 0;
	pid_t child;
	int offer, r;

	while (number < NUMBERS_MAX && find_number(runners, number))
		number++;
	r = start(runners, number, &child, &offer);
	if (r == 0)
		r = link_connect(runners, runners->directory, number, &channel_events,
				 runners->base, &link);
	if (r < 0) {
		close_fd(&offer);
		return r;
	}
	link->child = child;
	link->offer_fd = offer;
	link->is_unit = offer >= 0;
	TAILQ_INSERT_TAIL(&runners->links, link, siblings);
	return 0;
}

static int spawn_missing(struct runners *runners)
{
	int r = 0;

	while (r == 0 && count_ready(runners) < runners->options.count)
		r = spawn_one(runners);
	return r;
}

static void respawn_soon(struct runners *runners)
{
	int64_t at_ns = runners->respawned_ns + RESPAWN_PAUSE_NS;
	int64_t wait_ns = at_ns - clock_ns(CLOCK_MONOTONIC);
	struct timeval wait = {.tv_usec = 1000};

	if (runners->is_ending)
		return;
	if (runners->respawned_ns > 0 && wait_ns > 0)
		wait = (struct timeval){.tv_sec = (time_t)(wait_ns / 1000000000),
					.tv_usec = (suseconds_t)(wait_ns % 1000000000 / 1000)};
	(void)event_add(runners->respawn, &wait);
}

static void on_respawn(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;
	int r;

	(void)fd, (void)what;
	runners->respawned_ns = clock_ns(CLOCK_MONOTONIC);
	r = spawn_missing(runners);
	if (r < 0) {
		log_error("a runner cannot be started: %s", strerror(-r));
		respawn_soon(runners);
	}
	leave_if_synced(runners);
}

static void retire(struct link *link, bool is_at_once)
{
	struct stop_body body = {.is_at_once = is_at_once};
	struct message message = message_make(MESSAGE_STOP, NULL, 0, &body, sizeof(body), NULL, 0);

	link->is_retiring = true;
	if (link->channel)
		channel_tell(link->channel, &message);
}

/* ---- messages ---- */

static void configure(struct link *link)
{
	struct message message =
	    message_make(MESSAGE_CONFIGURE, NULL, 0, &link->runners->configuration,
			 sizeof(link->runners->configuration), NULL, 0);

	if (link->channel && !link->is_retiring)
		channel_tell(link->channel, &message);
}

static void on_hello(struct link *link, struct message *message)
{
	const struct hello_body *hello = message->body;
	bool is_new_unit = link->offer_fd >= 0;

	link_greeted(link, message);
	if (hello->version == RUNNER_VERSION) {
		configure(link);
		return;
	}
	log_notice("runner %d is of another version: it gets no more hooks", link->pid);
	if (is_new_unit)
		unit_has_failed(link->runners, "it starts runners of another version");
	retire(link, false);
	respawn_soon(link->runners);
}

/* Nobody here has started it: an earlier hookd has. */
static void on_unknown(struct link *link, const struct message *message)
{
	struct runners *runners = link->runners;
	const char *run = message->header.run;
	struct message thanks = message_make(MESSAGE_ACKNOWLEDGE, run, 0, NULL, 0, NULL, 0);
	struct remote *remote;

	if (message->header.type == MESSAGE_ENDED)
		channel_tell(link->channel, &thanks);
	if (message->header.type != MESSAGE_OWNED ||
	    remote_new(link, run, message->header.index, &remote) < 0)
		return;
	if (!runners->options.adopt(run, &remote->list, &remote->listener, &remote->userdata,
				    runners->options.userdata))
		remote_free(remote);
}

static void leave_if_synced(struct runners *runners)
{
	const struct link *link;

	if (!runners->is_waited_for || event_pending(runners->respawn, EV_TIMEOUT, NULL))
		return;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link->is_synced && (!runners->is_late || link->offer_fd >= 0))
			return;
	event_base_loopbreak(runners->base);
}

static void on_synced(struct link *link)
{
	struct remote *remote, *next;

	link->is_synced = true;
	for (remote = TAILQ_FIRST(&link->lists); remote; remote = next) {
		next = TAILQ_NEXT(remote, link_entry);
		if (!remote->is_seen)
			remote_lost(remote);
	}
	leave_if_synced(link->runners);
}

static void on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct link *link = userdata;
	struct remote *remote;

	(void)channel;
	if (message->header.type == MESSAGE_HELLO)
		on_hello(link, message);
	else if (message->header.type == MESSAGE_SYNCED)
		on_synced(link);
	else if ((remote = remote_find(link->runners, message->header.run)))
		(void)remote_hear(remote, message);
	else if (message->header.run[0])
		on_unknown(link, message);
}

/* ---- the end of a connection ---- */

static void bury(struct link *link)
{
	struct runners *runners = link->runners;
	struct remote *remote;

	if (!TAILQ_EMPTY(&link->lists))
		log_error("runner %d has ended: what became of its %zu runs is not known",
			  link->pid, link->load);
	link_bury(link, runners->directory);
	while ((remote = TAILQ_FIRST(&link->lists)))
		remote_lost(remote);
	TAILQ_REMOVE(&runners->links, link, siblings);
	link_free(link);
	respawn_soon(runners);
	leave_if_synced(runners);
}

/* The service manager has dropped the connection, has no more memory or does not start anything. */
static void unit_did_not_start(struct link *link, const char *reason)
{
	unit_has_failed(link->runners, reason);
	bury(link);
}

static void on_late_unit(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;
	struct link *link, *next;

	(void)fd, (void)what;
	for (link = TAILQ_FIRST(&runners->links); link; link = next) {
		next = TAILQ_NEXT(link, siblings);
		if (link->offer_fd >= 0)
			unit_did_not_start(link, "the runner was not started in time");
	}
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct link *link = userdata;
	struct runners *runners = link->runners;
	struct remote *remote;

	if (r < 0)
		log_warning("the connection to runner %d is broken: %s", link->pid, strerror(-r));
	link->channel = channel_free(channel);
	TAILQ_FOREACH (remote, &link->lists, link_entry)
		remote->is_seen = false;
	if (link->offer_fd >= 0)
		unit_did_not_start(link, "the runner has ended at once");
	else if (link_reconnect(link, runners->directory, &channel_events, runners->base) < 0)
		bury(link);
}

/* ---- lists ---- */

static struct link *choose(struct runners *runners)
{
	struct link *link, *chosen = NULL;

	if (runners->is_ending)
		return NULL;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->channel && link->is_synced && !link->is_retiring &&
		    (!chosen || link->load < chosen->load))
			chosen = link;
	return chosen;
}

static int start_list(struct list_starter *starter, const struct list_order *order,
		      const struct list_listener *listener, void *userdata, struct list **ret_list)
{
	struct runners *runners = container_of(starter, struct runners, starter);
	struct link *link = choose(runners);
	struct remote *remote;
	int r = link ? remote_new(link, order->run, order->first, &remote) : -EAGAIN;

	if (r < 0)
		return r;
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

/* "runner-7.sock" */
static bool read_number(const char *name, unsigned int *ret_number)
{
	char again[32];

	if (sscanf(name, "runner-%u.sock", ret_number) != 1 || *ret_number >= NUMBERS_MAX)
		return false;
	snprintf(again, sizeof(again), "runner-%u.sock", *ret_number);
	return strcmp(name, again) == 0;
}

static void find_one(struct runners *runners, unsigned int number)
{
	struct link *link;
	int r = link_connect(runners, runners->directory, number, &channel_events, runners->base,
			     &link);
	char name[32];

	if (r == 0) {
		TAILQ_INSERT_TAIL(&runners->links, link, siblings);
		return;
	}
	snprintf(name, sizeof(name), "runner-%u.sock", number);
	if (r == -ECONNREFUSED)
		(void)unlinkat(runners->directory, name, 0);
	else
		log_error("%s/%s cannot be used: %s", runners->options.state, name, strerror(-r));
}

static int find_all(struct runners *runners)
{
	int copy = openat(runners->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	unsigned int number;

	if (!directory) {
		close_fd(&copy);
		return -ENOMEM;
	}
	while ((entry = readdir(directory)))
		if (read_number(entry->d_name, &number))
			find_one(runners, number);
	closedir(directory);
	return 0;
}

static void on_sync_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;

	(void)fd, (void)what;
	runners->is_late = true;
	leave_if_synced(runners);
}

/* Until all that are there have said what they own. */
static int wait_for_all(struct runners *runners)
{
	const struct timeval wait = {.tv_sec = SYNC_WAIT_S};
	struct event *timer = event_new(runners->base, -1, 0, on_sync_timer, runners);
	struct link *link;

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
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link->is_synced)
			log_error("runner-%u.sock does not answer: what it runs is not known",
				  link->number);
	return 0;
}

static void retire_surplus(struct runners *runners)
{
	struct link *link;
	size_t count = count_ready(runners);

	TAILQ_FOREACH_REVERSE(link, &runners->links, links, siblings)
	{
		if (count <= runners->options.count)
			return;
		if (!link->is_retiring) {
			retire(link, false);
			count--;
		}
	}
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
	TAILQ_INIT(&runners->links);
	runners->directory = open(options->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = runners->directory < 0 ? -errno : 0;
	runners->respawn = event_new(base, -1, 0, on_respawn, runners);
	runners->late_unit = event_new(base, -1, 0, on_late_unit, runners);
	if (r == 0 && (!runners->respawn || !runners->late_unit))
		r = -ENOMEM;
	if (r == 0)
		r = find_all(runners);
	if (r == 0)
		r = spawn_missing(runners);
	if (r == 0)
		r = wait_for_all(runners);
	if (r < 0) {
		runners_free(runners, true);
		return r;
	}
	retire_surplus(runners);
	*ret_runners = runners;
	return 0;
}

bool runners_outlive_hookd(const struct runners *runners)
{
	const struct link *link;

	if (!runners->options.socket)
		return false;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link_ends_with_hookd(link, &runners->options) && !TAILQ_EMPTY(&link->lists))
			return false;
	return true;
}

void runners_hand_over(struct runners *runners)
{
	struct link *link;

	if (!runners)
		return;
	runners->is_ending = true;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link_ends_with_hookd(link, &runners->options))
			link->channel = channel_free(link->channel);
}

struct runners *runners_free(struct runners *runners, bool is_at_once)
{
	struct link *link;

	if (!runners)
		return NULL;
	assert(!runners->lists);
	runners->is_ending = true;
	while ((link = TAILQ_FIRST(&runners->links))) {
		TAILQ_REMOVE(&runners->links, link, siblings);
		if (link_ends_with_hookd(link, &runners->options)) {
			retire(link, is_at_once);
			link_await_end(link);
			link_bury(link, runners->directory);
		}
		link_free(link);
	}
	if (runners->respawn)
		event_free(runners->respawn);
	if (runners->late_unit)
		event_free(runners->late_unit);
	close_fd(&runners->directory);
	free(runners);
	return NULL;
}
