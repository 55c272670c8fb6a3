/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <sys/resource.h>

#include "daemon/base/config.h"
#include "daemon/list/list.h"

/*
 * hookd's side of its runners: starts them or finds those that an earlier hookd has left, hands
 * lists to the one that has the least to do, and tells listeners what comes of them.
 */
struct runners;

/*
 * A list that a runner has and that nobody here has handed to it: whether somebody wants it.
 * True: *ret_listener and *ret_userdata hear of it from its first hook on; it has *ret_hook_count
 * hooks. False: it is forgotten once it has ended.
 */
typedef bool (*runners_adopt_fn)(const char *run, struct list *list,
				 const struct list_listener **ret_listener, void **ret_userdata,
				 size_t *ret_hook_count, void *userdata);

struct runners_options {
	size_t count;	    /* how many there are to be */
	const char *state;  /* the directory of their sockets */
	const char *socket; /* where the service manager starts one for each connection; or NULL */
	struct cgroup_tree *cgroups; /* theirs are made in it; NULL: none */
	struct rlimit nofile;	     /* RLIMIT_NOFILE of hooks */
	runners_adopt_fn adopt;
	/* Before a list can be handed to another set of runners: `ids` as of runners_ids(). */
	void (*changed)(const char *ids, void *userdata);
	void *userdata;
};

/*
 * Connects to the runners whose sockets are in the state directory, and starts those that are
 * missing. Waits up to some seconds until all of them have said what they own. -errno.
 */
int runners_new(struct event_base *base, const struct runners_options *options,
		struct runners **ret_runners) must_check;
/*
 * Whether those that run something go on when this hookd has ended: they are units of the service
 * manager.
 */
bool runners_outlive_hookd(const struct runners *runners);
/* Closes the connections to those that go on, which are told nothing any more. NULL is fine. */
void runners_hand_over(struct runners *runners);
/* Tells the others to end: at once, or when nothing is left. */
struct runners *runners_free(struct runners *runners, bool is_at_once);

struct list_starter *runners_starter(struct runners *runners);
/* What holds for lists that start from now on. */
void runners_configure(struct runners *runners, const struct config *config, int nice);

/* The ids of all, separated by blanks, to be freed. NULL: one has not told it yet; out of memory.
 */
char *runners_ids(const struct runners *runners);
/* True: every runner of runners_ids() of an earlier hookd is connected and has said what it owns.
 */
bool runners_have(const struct runners *runners, const char *ids);
