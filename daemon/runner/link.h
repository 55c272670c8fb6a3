/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "daemon/runner/channel.h"
#include "daemon/runner/runners.h"

/* One runner as hookd sees it. */
struct link {
	struct runners *runners;
	unsigned int number; /* of its socket, runner-NUMBER.sock */
	struct channel *channel;
	uint64_t id;	     /* hello_body; 0: it has not said yet */
	pid_t pid;	     /* 0: it has not said yet */
	pid_t child;	     /* the same, where it is a child of this process; else 0 */
	int pidfd;	     /* -1: not known */
	int cgroup_fd;	     /* what its cgroups are in; -1: not known, or it has none */
	int offer_fd;	     /* to the service manager, which starts its unit; -1: that is done */
	bool is_unit;	     /* of the service manager */
	bool is_greeted;     /* it has said who it is, on this connection */
	bool is_synced;	     /* it has said what it owns */
	bool was_synced;     /* on any of its connections */
	unsigned int broken; /* how often it has said what cannot be */
	bool is_retiring;    /* gets nothing new: it is of another version, or one too many */
	size_t load;
	TAILQ_HEAD(, remote) lists;
	TAILQ_ENTRY(link) siblings;
};

/*
 * Connects to the socket of that number in the directory. -ECONNREFUSED: nobody is behind it any
 * more.
 */
int link_connect(struct runners *runners, int directory, unsigned int number,
		 const struct channel_events *events, struct event_base *base,
		 struct link **ret_link) must_check;
/* Again, after the connection was lost. */
int link_reconnect(struct link *link, int directory, const struct channel_events *events,
		   struct event_base *base) must_check;
/*
 * Starts a runner whose socket has that number, and connects to it. `directory` is options->state.
 */
int link_spawn(struct runners *runners, int directory, const struct runners_options *options,
	       unsigned int number, const struct channel_events *events, struct event_base *base,
	       struct link **ret_link) must_check;
/*
 * Has the service manager start it, through options->socket, and connects to it. link->offer_fd is
 * open until it has greeted.
 */
int link_summon(struct runners *runners, int directory, const struct runners_options *options,
		unsigned int number, const struct channel_events *events, struct event_base *base,
		struct link **ret_link) must_check;
/* It has said who it is, in a HELLO, of which a descriptor may be taken over. */
void link_greeted(struct link *link, struct message *hello);
/* False: it goes on when hookd ends. */
bool link_ends_with_hookd(const struct link *link, const struct runners_options *options);
/* The connection was closed: whether its process has ended, too, or does within a moment. */
bool link_has_ended(const struct link *link);
/* Waits up to some seconds for the end of one that was told to stop. False: it has not ended. */
bool link_await_end(const struct link *link);
/*
 * After it has ended, or to end it: it is killed, with `kills` also the hooks that it ran, and its
 * cgroups are removed. What hooks have left behind lives on, except in a unit, where the service
 * manager kills it and removes the cgroups.
 */
void link_bury(struct link *link, bool kills);
/* The last step, when it is recorded what became of its lists: another hookd does not find it. */
void link_forget(struct link *link, int directory);
struct link *link_free(struct link *link);
