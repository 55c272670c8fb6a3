/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/runner/link.h"

/* A list that a runner runs, on hookd's side. */
struct remote {
	struct list list;
	struct link *link;
	const struct list_listener *listener;
	void *userdata;
	const struct list_order *order; /* borrowed; NULL: an earlier hookd has started it */
	uint64_t start_number;		/* of its START, as link->starts_sent */
	char run[MESSAGE_RUN_SIZE];
	pid_t pid;		/* of the running hook; 0: none */
	int pidfd;		/* the same, if its runner has sent one; else -1 */
	size_t hook_count;	/* of the list: messages about other hooks are invalid */
	size_t first;		/* index of the first hook to run */
	size_t next;		/* index of the hook whose result comes next */
	bool is_start_reported; /* started() was called for that hook */
	bool is_seen;		/* on this connection: started, or OWNED was received */
	bool has_failed;	/* a hook has: the list may end early */
	bool has_ended;		/* reported; its runner keeps the results: runners_acknowledge() */
	bool is_cancelled, is_listened_to, is_paused;
	TAILQ_ENTRY(remote) link_entry; /* link::lists, or link::ended */
	UT_hash_handle by_run;
};

/* -ENOMEM. The listener and hook_count are set by the caller. */
int remote_new(struct link *link, const char *run, size_t first,
	       struct remote **ret_remote) must_check;
struct remote *remote_find(struct runners *runners, const char *run);
/* Sends START. -errno: nothing was sent. */
int remote_start(struct remote *remote, const struct list_order *order) must_check;
/* Its runner has ended: whether that has certainly not read START, so that nothing was begun. */
bool remote_is_unread(const struct remote *remote);
/* Sends START to another runner. -errno: nothing was sent. */
int remote_move(struct remote *remote, struct link *link) must_check;
/* Ends such a list as refused, and frees it. */
void remote_refuse(struct remote *remote, int error);
/*
 * Handles a message about the list. -EBADMSG: the message is invalid,
 * and nothing was changed.
 */
int remote_receive(struct remote *remote, const struct message *message) must_check;
/* Sends LISTEN, PAUSE and CANCEL again, on a new connection. */
void remote_resend(struct remote *remote);
/* Its runner has ended: kills the running hook, if it is not in the runner's own cgroups. */
void remote_kill(struct remote *remote);
/* Ends the list as lost, and frees it. */
void remote_lost(struct remote *remote);
void remote_free(struct remote *remote);

/* In runners.c: all lists, by run. */
struct remote **runners_lists(struct runners *runners);
