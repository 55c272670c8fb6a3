/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "daemon/runner/channel.h"
#include "daemon/runner/counter.h"
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
	/* See runners_watch.c. */
	bool is_found;		   /* an earlier hookd has started it */
	bool can_answer;	   /* it is of this version, and answers PING */
	bool is_pinged;		   /* PING was sent, and not answered yet */
	bool is_silent;		   /* it does not answer, and gets no new lists meanwhile */
	unsigned int silent_ticks; /* for so long it has not answered */
	/* STARTs sent on all connections, and on those before this one; those that it has read. */
	uint64_t starts_sent, starts_before;
	struct counter counter;
	size_t load; /* number of its lists */
	int64_t
	    full_until_ns; /* CLOCK_MONOTONIC: it has refused a list, and others are preferred */
	TAILQ_HEAD(, remote) lists;
	TAILQ_HEAD(, remote) ended; /* not acknowledged yet */
	bool is_left;		    /* runners_leave() */
	TAILQ_ENTRY(link) siblings;
};

/* Without a connection. NULL: out of memory. */
struct link *link_new(struct runners *runners, unsigned int number);
/*
 * Connects to its socket, also again after the connection was lost. -ECONNREFUSED: no process
 * listens on it any more.
 */
int link_connect(struct link *link) must_check;
/*
 * Starts a runner as a child, on a new socket of that number, and connects to it. -EBUSY: a runner
 * of another hookd has the cgroup of that number.
 */
int link_spawn(struct runners *runners, unsigned int number, struct link **ret_link) must_check;
/*
 * The same, but asks the service manager through options->socket to start it as a unit.
 * link->offer_fd is open until its HELLO is received.
 */
int link_start_unit(struct runners *runners, unsigned int number,
		    struct link **ret_link) must_check;
/* Stores what its HELLO says, and may take over the message's descriptor. */
void link_take_hello(struct link *link, struct message *hello);
/* False: it keeps running when hookd ends. */
bool link_ends_with_hookd(const struct link *link);
/* After its connection was closed: whether its process has ended. Waits up to 0.1 s. */
bool link_has_ended(const struct link *link);
/* Whether its process has ended, however the connection is. False too if it is not known. */
bool link_is_dead(const struct link *link);
/* The file of its socket, O_PATH, or -errno. */
int link_open_socket(const struct link *link) must_check;
/* Sends SIGKILL, if its process is known. */
void link_kill(const struct link *link);
/* After STOP was sent: waits some seconds for its process to end. False: it has not ended. */
bool link_await_end(const struct link *link);
/*
 * Kills the runner if it is alive, with `kills` also the hooks that it ran, and removes its
 * cgroups. Processes that hooks have left behind stay alive, except in a unit: there the service
 * manager kills them and removes the cgroups.
 */
void link_clean_up(struct link *link, bool kills);
/* The last step, when the end of its lists is recorded: the next hookd does not find it. */
void link_unlink_socket(struct link *link);
struct link *link_free(struct link *link);
