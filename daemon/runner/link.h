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
	pid_t pid;	  /* 0: it has not said yet */
	pid_t child;	  /* the same, where it is a child of this process; else 0 */
	int pidfd;	  /* -1: not known */
	int cgroup_fd;	  /* what its cgroups are in; -1: not known */
	int offer_fd;	  /* connection to the service manager; -1: its unit runs, or it has none */
	bool is_unit;	  /* of the service manager */
	bool is_synced;	  /* it has said what it owns */
	bool is_retiring; /* gets nothing new: it is of another version, or one too many */
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
/* Starts a runner whose socket has that number. `directory` is options->state. */
int link_spawn(int directory, const struct runners_options *options, unsigned int number,
	       pid_t *ret_child) must_check;
/*
 * Has the service manager start it, through options->socket. Returns the connection, which is to be
 * kept until the runner has greeted.
 */
int link_summon(int directory, const struct runners_options *options,
		unsigned int number) must_check;
/* It has said who it is, in a HELLO. */
void link_greeted(struct link *link, struct message *message);
/* False: it goes on when hookd ends. */
bool link_ends_with_hookd(const struct link *link, const struct runners_options *options);
/* Waits up to some seconds for the end of one that was told to stop. */
void link_await_end(struct link *link);
/*
 * After it has ended, or to end it: it and what is left of its hooks is killed, and its socket and
 * its cgroups are removed.
 */
void link_bury(struct link *link, int directory);
struct link *link_free(struct link *link);
