/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/runner/link.h"

/* A list that a runner runs, as hookd sees it. */
struct remote {
	struct list list;
	struct link *link;
	const struct list_listener *listener;
	void *userdata;
	char run[MESSAGE_RUN_SIZE];
	pid_t pid;	   /* of the hook that runs; 0: none */
	int pidfd;	   /* the same, where its runner says so; else -1 */
	size_t hook_count; /* of the list: what is said of others is not believed */
	size_t first;	   /* hook of the list that is run */
	size_t next;	   /* the hook whose result comes next */
	bool is_told;	   /* that hook's start was told */
	bool is_seen;	   /* since the last connection was made */
	bool has_failed;   /* a hook: those behind it need not run */
	bool is_cancelled, is_listened_to, is_paused;
	TAILQ_ENTRY(remote) link_entry;
	UT_hash_handle by_run;
};

/* -ENOMEM. The listener and hook_count are set by the caller. */
int remote_new(struct link *link, const char *run, size_t first,
	       struct remote **ret_remote) must_check;
struct remote *remote_find(struct runners *runners, const char *run);
/* Sends START for it. -errno: the runner does not know of it. */
int remote_start(struct remote *remote, const struct list_order *order) must_check;
/*
 * What a message says of it, which may be its end: then it is gone. -EBADMSG: this cannot be; it is
 * as it was.
 */
int remote_hear(struct remote *remote, const struct message *message) must_check;
/* Says again what a new connection may have missed. */
void remote_tell(struct remote *remote);
/* Its runner has ended: kills the hook that runs, where it is not in the runner's own cgroups. */
void remote_kill(struct remote *remote);
void remote_lost(struct remote *remote);
void remote_free(struct remote *remote);

/* runners.c: the hash of all. */
struct remote **runners_lists(struct runners *runners);
