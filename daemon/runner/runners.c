/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All runners of this hookd: those that it has started and those that it has found.
 *
 *	CONNECTED --HELLO, SYNCED--> SYNCED --the connection ends--> CONNECTED, or where nobody is
 *	    ^                                                |       behind the socket: buried, its
 *	    `--RESPAWN_AFTER-- ALONE <--no descriptors etc.--'       lists lost, another one started
 *
 * One that says again and again what cannot be is buried as well: nothing can be had from it.
 *
 * One of another version, or one too many, is retiring: it gets nothing new and is told to stop.
 */
#include "daemon/runner/runners.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/runner/remote.h"

/* They answer in less than a millisecond, unless they hang. */
#define SYNC_WAIT_S	5
#define RESPAWN_AFTER	1
#define ORPHANS_AFTER_S 1
#define NUMBERS_MAX	1000
/* After so many connections on which it has said what cannot be. */
#define BROKEN_MAX 3

TAILQ_HEAD(links, link);

struct runners {
	struct list_starter starter;
	struct event_base *base;
	struct runners_options options;
	int directory;
	struct links links;
	struct remote *lists;
	struct configure_body configuration;
	struct event *respawn, *later;
	bool is_waited_for; /* in runners_new(): the loop is left when all are synced */
	bool has_unknown;   /* there may be more of them, which cannot be connected to */
	bool is_settled;    /* runners_new() has returned: changes are told */
	bool is_ending;
};

static int on_message(struct channel *channel, struct message *message, void *userdata);
static void on_closed(struct channel *channel, int r, void *userdata);
static void connect_again(struct link *link);

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
		count += !link->is_retiring;
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

/* ---- which they are ---- */

#define ID_LENGTH 17 /* 16 digits and a blank, or the NUL */

char *runners_ids(const struct runners *runners)
{
	const struct link *link;
	size_t count = 0;
	char *ids, *end;

	TAILQ_FOREACH (link, &runners->links, siblings) {
		if (link->id == 0)
			return NULL;
		count++;
	}
	ids = end = calloc(count + 1, ID_LENGTH);
	if (!ids)
		return NULL;
	TAILQ_FOREACH (link, &runners->links, siblings)
		end +=
		    snprintf(end, ID_LENGTH + 1, "%s%016" PRIx64, end > ids ? " " : "", link->id);
	return ids;
}

static bool has_id(const struct runners *runners, uint64_t id)
{
	const struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->id == id && link->is_synced)
			return true;
	return false;
}

bool runners_have(const struct runners *runners, const char *ids)
{
	char *end;

	while (*ids) {
		uint64_t id = strtoull(ids, &end, 16);

		if (end == ids || id == 0 || !has_id(runners, id))
			return false;
		ids = end;
	}
	return true;
}

static void tell_change(const struct runners *runners)
{
	char *ids;

	if (!runners->is_settled || runners->is_ending)
		return;
	ids = runners_ids(runners);
	runners->options.changed(ids, runners->options.userdata);
	free(ids);
}

static int spawn_one(struct runners *runners)
{
	struct link *link;
	unsigned int number = 0;
	int r;

	while (number < NUMBERS_MAX && find_number(runners, number))
		number++;
	r = link_spawn(runners, runners->directory, &runners->options, number, &channel_events,
		       runners->base, &link);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&runners->links, link, siblings);
	tell_change(runners);
	return 0;
}

static int spawn_missing(struct runners *runners)
{
	int r = 0;

	while (r == 0 && count_ready(runners) < runners->options.count)
		r = spawn_one(runners);
	return r;
}

static void try_later(struct runners *runners)
{
	(void)event_add(runners->respawn, &(struct timeval){.tv_sec = RESPAWN_AFTER});
}

/* Also connects again to those with which that was not possible. */
static void on_respawn(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;
	struct link *link, *next;
	int r;

	(void)fd, (void)what;
	for (link = TAILQ_FIRST(&runners->links); link; link = next) {
		next = TAILQ_NEXT(link, siblings);
		if (!link->channel)
			connect_again(link);
	}
	r = spawn_missing(runners);
	if (r < 0) {
		log_error("a runner cannot be started: %s", strerror(-r));
		try_later(runners);
	}
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

static int on_hello(struct link *link, const struct message *message)
{
	const struct hello_body *hello = message->body;
	bool is_new = link->id != hello->id;

	/* It may be killed by its pid. */
	if (link->is_greeted || hello->pid != message->sender)
		return -EBADMSG;
	link_greeted(link, hello);
	if (is_new)
		tell_change(link->runners);
	if (hello->version != RUNNER_VERSION) {
		log_notice("runner %d is of another version: it gets no more hooks", link->pid);
		retire(link, false);
	}
	configure(link);
	return 0;
}

static int adopt(struct link *link, const struct message *message)
{
	const struct runners_options *options = &link->runners->options;
	const char *run = message->header.run;
	struct remote *remote;

	if (remote_new(link, run, message->header.index, &remote) < 0)
		return 0;
	if (!options->adopt(run, &remote->list, &remote->listener, &remote->userdata,
			    &remote->hook_count, options->userdata)) {
		remote_free(remote);
	} else if (remote->first >= remote->hook_count) {
		remote_lost(remote);
		return -EBADMSG;
	}
	return 0;
}

/* Nobody here has started it: an earlier hookd has. */
static int on_unknown(struct link *link, const struct message *message)
{
	struct message thanks =
	    message_make(MESSAGE_ACKNOWLEDGE, message->header.run, 0, NULL, 0, NULL, 0);

	if (message->header.type == MESSAGE_ENDED)
		channel_tell(link->channel, &thanks);
	return message->header.type == MESSAGE_OWNED ? adopt(link, message) : 0;
}

static void leave_if_synced(struct runners *runners)
{
	const struct link *link;

	if (!runners->is_waited_for)
		return;
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (!link->is_synced)
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
	leave_if_synced(link->runners);
	return 0;
}

static int hear(struct link *link, const struct message *message)
{
	struct remote *remote;

	if (message->header.type == MESSAGE_HELLO)
		return on_hello(link, message);
	/* Else it is for a runner. */
	if (!link->is_greeted || message->header.type < MESSAGE_OWNED)
		return -EBADMSG;
	if (message->header.type == MESSAGE_SYNCED)
		return on_synced(link);
	remote = remote_find(link->runners, message->header.run);
	if (!remote)
		return on_unknown(link, message);
	return remote->link == link ? remote_hear(remote, message) : -EBADMSG;
}

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct link *link = userdata;
	int r = hear(link, message);

	(void)channel;
	if (r < 0)
		log_error("runner %d says what cannot be (message %u, hook %u of run '%s')",
			  link->pid, message->header.type, message->header.index,
			  message->header.run);
	return r;
}

/* ---- the end of a connection ---- */

/* At once, so that no list is refused; but one that ends at each start is given time. */
static void replace(struct runners *runners, const struct link *ended)
{
	if (runners->is_ending)
		return;
	if (!ended->was_synced || spawn_missing(runners) < 0)
		(void)event_add(runners->respawn, &(struct timeval){.tv_sec = RESPAWN_AFTER});
}

static void bury(struct link *link)
{
	struct runners *runners = link->runners;
	struct remote *remote;

	if (!TAILQ_EMPTY(&link->lists))
		log_error("runner %d has ended: what became of its %zu runs is not known",
			  link->pid, link->load);
	TAILQ_FOREACH (remote, &link->lists, link_entry)
		remote_kill(remote);
	link_bury(link, true);
	link->is_retiring = true; /* so that it does not count */
	/* First, since other lists are started when these have ended. */
	replace(runners, link);
	while ((remote = TAILQ_FIRST(&link->lists)))
		remote_lost(remote);
	link_forget(link, runners->directory);
	TAILQ_REMOVE(&runners->links, link, siblings);
	tell_change(runners);
	link_free(link);
	leave_if_synced(runners);
}

/* It is there as long as its socket is listened to. */
static void connect_again(struct link *link)
{
	struct runners *runners = link->runners;
	int r = link->broken < BROKEN_MAX
		    ? link_reconnect(link, runners->directory, &channel_events, runners->base)
		    : -EBADMSG;

	if (r == -ECONNREFUSED || r == -ENOENT || r == -EPERM || r == -EBADMSG) {
		bury(link);
	} else if (r < 0) {
		log_warning("runner %d cannot be connected to: %s", link->pid, strerror(-r));
		try_later(runners);
	}
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct link *link = userdata;
	struct remote *remote;

	if (r < 0)
		log_warning("the connection to runner %d is broken: %s", link->pid, strerror(-r));
	link->broken += r == -EBADMSG;
	link->channel = channel_free(channel);
	TAILQ_FOREACH (remote, &link->lists, link_entry)
		remote->is_seen = false;
	if (r != -EBADMSG && link_has_ended(link))
		bury(link);
	else
		connect_again(link);
}

/* ---- lists ---- */

/* One that was just started, and has no lists to tell of, finds the new ones in its socket. */
static bool can_have_lists(const struct link *link)
{
	return link->channel && !link->is_retiring &&
	       (link->is_synced || (link->child > 0 && !link->was_synced));
}

static struct link *choose(struct runners *runners)
{
	struct link *link, *chosen = NULL;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (can_have_lists(link) && (!chosen || link->load < chosen->load))
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
	if (r == -ECONNREFUSED) {
		(void)unlinkat(runners->directory, name, 0);
		return;
	}
	runners->has_unknown = true;
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
	event_base_loopbreak(runners->base);
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

static void kill_in_base(int base, const int *alive, size_t count)
{
	if (base >= 0)
		cgroup_parts_remove(base, alive, count);
}

/*
 * Runners that have ended while no hookd was there have left hooks in their cgroups: beside those
 * of the runners that are alive, or in hookd's own directory.
 */
static void kill_orphans(struct runners *runners)
{
	int alive[NUMBERS_MAX];
	size_t count = 0;
	struct link *link;

	if (runners->has_unknown)
		return;
	TAILQ_FOREACH (link, &runners->links, siblings) {
		if (!link->is_synced || count == NUMBERS_MAX ||
		    (link->has_cgroups && link->cgroup_fd < 0))
			return;
		if (link->cgroup_fd >= 0)
			alive[count++] = link->cgroup_fd;
	}
	if (runners->options.cgroups)
		kill_in_base(cgroup_tree_base(runners->options.cgroups), alive, count);
	for (size_t i = 0; i < count; i++) {
		cleanup_close int base = openat(alive[i], "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		kill_in_base(base, alive, count);
	}
}

/* Those that were dying when hookd started have ended by now. */
static void on_later(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;

	(void)fd, (void)what;
	if (runners->options.cgroups)
		cgroup_tree_remove_orphans(runners->options.cgroups);
	kill_orphans(runners);
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
	runners->later = event_new(base, -1, 0, on_later, runners);
	if (r == 0 && (!runners->respawn || !runners->later))
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
	kill_orphans(runners);
	(void)event_add(runners->later, &(struct timeval){.tv_sec = ORPHANS_AFTER_S});
	retire_surplus(runners);
	runners->is_settled = true;
	*ret_runners = runners;
	return 0;
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
		retire(link, is_at_once);
		link_bury(link, !link_await_end(link));
		link_forget(link, runners->directory);
		link_free(link);
	}
	if (runners->respawn)
		event_free(runners->respawn);
	if (runners->later)
		event_free(runners->later);
	close_fd(&runners->directory);
	free(runners);
	return NULL;
}
