/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "daemon/runner/channel.h"
#include "daemon/runner/runners.h"

/* One runner, on hookd's side. */
struct link {
	struct runners *runners;
	unsigned int number; /* of its socket, runner-NUMBER.sock */
	struct channel *channel;
	uint64_t id;	 /* of its HELLO; 0: none was received yet */
	pid_t pid;	 /* 0: not known yet */
	pid_t child;	 /* the same if it is a child of this process, not reaped yet; else 0 */
	int pidfd;	 /* -1: not known */
	int cgroup_fd;	 /* parent directory of its cgroups; -1: not known, or it has none */
	int offer_fd;	 /* connection for which the service manager starts it; -1: none, or done */
	bool is_unit;	 /* of the service manager */
	bool has_hello;	 /* HELLO was received on this connection */
	bool is_synced;	 /* SYNCED was received on this connection: all its lists are known */
	bool was_synced; /* the same on any of its connections */
	unsigned int invalid_count; /* connections that an invalid message has ended */
	bool is_retiring; /* gets no new lists: it is of another version, or one too many */
	size_t load;	  /* number of its lists */
	TAILQ_HEAD(, remote) lists;
	TAILQ_HEAD(, remote) ended; /* not acknowledged yet */
	TAILQ_ENTRY(link) siblings;
};

/*
 * Connects to the socket of that number in the directory. -ECONNREFUSED: no process listens on it
 * any more.
 */
int link_connect(struct runners *runners, int directory, unsigned int number,
		 const struct channel_events *events, struct event_base *base,
		 struct link **ret_link) must_check;
/* Connects again, after the connection was lost. */
int link_reconnect(struct link *link, int directory, const struct channel_events *events,
		   struct event_base *base) must_check;
/*
 * Starts a runner as a child, on a new socket of that number, and connects to it. `directory` is
 * options->state, open.
 */
int link_spawn(struct runners *runners, int directory, const struct runners_options *options,
	       unsigned int number, const struct channel_events *events, struct event_base *base,
	       struct link **ret_link) must_check;
/*
 * The same, but asks the service manager through options->socket to start it as a unit.
 * link->offer_fd is open until its HELLO is received.
 */
int link_start_unit(struct runners *runners, int directory, const struct runners_options *options,
		    unsigned int number, const struct channel_events *events,
		    struct event_base *base, struct link **ret_link) must_check;
/* Stores what its HELLO says, and may take over the message's descriptor. */
void link_take_hello(struct link *link, struct message *hello);
/* False: it keeps running when hookd ends. */
bool link_ends_with_hookd(const struct link *link, const struct runners_options *options);
/* After its connection was closed: whether its process has ended. Waits up to 0.1 s. */
bool link_has_ended(const struct link *link);
/* After STOP was sent: waits some seconds for its process to end. False: it has not ended. */
bool link_await_end(const struct link *link);
/*
 * Kills the runner if it is alive, with `kills` also the hooks that it ran, and removes its
 * cgroups. Processes that hooks have left behind stay alive, except in a unit: there the service
 * manager kills them and removes the cgroups.
 */
void link_clean_up(struct link *link, bool kills);
/* The last step, when the end of its lists is recorded: the next hookd does not find it. */
void link_unlink_socket(struct link *link, int directory);
struct link *link_free(struct link *link);
