/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <sys/resource.h>

#include "daemon/base/config.h"
#include "daemon/list/list.h"

/*
 * hookd's side of its runners: starts them or finds those of an earlier hookd, hands each list to
 * the runner with the fewest, and reports events and results to listeners.
 */
struct runners;

/*
 * Called for a list that a runner has from an earlier hookd. True: the list is adopted; the
 * listener gets its events from the hook `first` on, which the list began with, and the list has
 * *ret_hook_count hooks. False:
 * the list is not adopted, and freed in the runner once it has ended.
 */
typedef bool (*runners_adopt_fn)(const char *run, size_t first, struct list *list,
				 const struct list_listener **ret_listener, void **ret_userdata,
				 size_t *ret_hook_count, void *userdata);

struct runners_options {
	size_t count;	    /* wanted number of runners */
	const char *state;  /* the directory of their sockets */
	const char *socket; /* at which the service manager starts one per connection; NULL: none */
	struct cgroup_tree *cgroups; /* in which theirs are created; NULL: none */
	struct rlimit nofile;	     /* RLIMIT_NOFILE of hooks */
	runners_adopt_fn adopt;
	/* The set of runners has changed; called before a new one gets a list. `ids` as of
	 * runners_ids(). */
	void (*changed)(const char *ids, void *userdata);
	/* runners_are_all_known() has become true. Called only if it was false at first. */
	void (*all_known)(void *userdata);
	void *userdata;
};

/*
 * Connects to the runners whose sockets are in the state directory, and starts those that are
 * missing. Blocks, up to some seconds, until all of them have sent their lists; *ret_runners is set
 * before that, for the callbacks. -errno: it is NULL.
 *
 * From then on all are watched: one whose event loop hangs gets no new lists, and another is
 * started in its place. After 30 s it is killed, and its lists are lost, as those of any that dies;
 * but a list that a runner has certainly not read goes to another.
 */
int runners_new(struct event_base *base, const struct runners_options *options,
		struct runners **ret_runners) must_check;
/* False: a runner of an earlier hookd is alive, and has not sent all its lists yet. */
bool runners_are_all_known(const struct runners *runners);
/* Whether there are none: with a count of 0, unless an earlier hookd has left some. */
bool runners_are_none(const struct runners *runners);
/*
 * Whether all runners that have lists keep running when this hookd has ended: they are units of the
 * service manager. False with a count of 0: hookd runs lists itself.
 */
bool runners_outlive_hookd(const struct runners *runners);
/* Closes the connections to the runners that keep running. NULL is fine. */
void runners_hand_over(struct runners *runners);
/*
 * Leaves those that keep results which were not acknowledged as if hookd was killed: the next hookd
 * gets them. NULL is fine.
 */
void runners_leave(struct runners *runners);
/* Ends the others, at once or when their lists have ended, and frees all. NULL is fine. */
struct runners *runners_free(struct runners *runners, bool is_at_once);

/*
 * The results of the list, which has ended with list_end.is_kept, are recorded: its runner forgets
 * them. No effect if the runner has ended.
 */
void runners_acknowledge(struct runners *runners, const char *run);

struct list_starter *runners_starter(struct runners *runners);
/* Sets the configuration of lists that start from now on. */
void runners_configure(struct runners *runners, const struct config *config, int nice);

/* How many can be given lists. NULL has none. */
size_t runners_count(const struct runners *runners);
/* The ids of all, separated by blanks; free it. NULL: one is not known yet, or out of memory. */
char *runners_ids(const struct runners *runners);
/* Whether all runners with these ids (of an earlier runners_ids()) are connected and synced. */
bool runners_have(const struct runners *runners, const char *ids);
