/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/run: runs. A run is one stage's list of hooks of one container: what it needs besides its
 * processes, its order, its result, and for how long the result is kept. No JSON, no socket.
 *
 * May use: daemon/base, daemon/cgroup, daemon/policy, daemon/proc, daemon/resctrl, daemon/seccomp,
 * proto/base, proto/messages, proto/settings; libevent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* Without memory a table stays as it was, and the element's handle says so by tbl being NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/base/base.h"
#include "daemon/base/config.h"
#include "daemon/policy/account.h"
#include "daemon/proc/deadline.h"
#include "daemon/proc/proc.h"
#include "daemon/run/provision.h"
#include "proto/messages/request.h"
#include "proto/messages/result.h"

/* One request's hooks, run one after another. */

struct run;

enum run_state { RUN_QUEUED, RUN_RUNNING, RUN_DONE, RUN_STATE_COUNT };
extern const char *const run_state_names[RUN_STATE_COUNT];

enum run_event_type {
	RUN_EVENT_STARTED,
	RUN_EVENT_OUTPUT,
	RUN_EVENT_FINISHED,
	RUN_EVENT_DONE,
	RUN_EVENT_TURNED_AWAY, /* in the place of DONE: nothing was run, nothing is kept */
};

struct run_event {
	enum run_event_type type;
	size_t index;
	const struct hp_hook_result *hook; /* STARTED: path and pid are known; FINISHED: all */
	int stream;			   /* OUTPUT: 1 or 2 */
	const char *bytes;
	size_t length;
	const char *reason; /* TURNED_AWAY; NULL: no memory for it */
};

/* Somebody who wants to hear of a run; embedded in its owner, which unlinks it when it dies. */
struct run_waiter {
	void (*notify)(struct run_waiter *waiter, const struct run_event *event);
	bool wants_output;
	bool is_behind;		      /* run_set_behind() */
	TAILQ_ENTRY(run_waiter) link; /* run::waiters */
};

/* What runs need of the daemon; outlives them all. */
struct run_context {
	const struct config *config;
	struct procs *procs;
	struct cgroup_tree *cgroups; /* NULL: this machine has none */
	struct filter_cache *filters;
	struct rdt *rdt;
	/* Told once each: before a run's first hook is started; when its result is known, before
	 * anybody hears of it; and after they have. From the event loop, or from within
	 * run_start(), run_cancel() and run_turn_away(). */
	void (*starting)(struct run *run, void *userdata);
	void (*ending)(struct run *run, void *userdata);
	void (*done)(struct run *run, void *userdata);
	void *userdata;
};

struct run {
	const struct run_context *context;
	enum run_state state;
	char id[48];
	uid_t uid;
	struct hp_request request;   /* owned */
	struct enter_target target;  /* its pidfds are owned */
	struct hp_run_result result; /* owned; grows hook by hook, whole in RUN_DONE */
	struct proc *proc;	     /* the hook that runs now */
	struct provision *provision; /* owned; NULL in RUN_DONE */
	size_t current;		     /* index of the hook that runs now, or ran last */
	bool is_cancelled;
	bool has_failed;		  /* a hook has */
	bool is_turned_away;		  /* RUN_DONE: nothing was run, and it is not to be kept */
	bool is_waiting;		  /* RUN_RUNNING, but its filter is still being compiled */
	struct deadline wait;		  /* of the hook whose turn it is meanwhile */
	int64_t waits_since_ns;		  /* CLOCK_BOOTTIME, as a hook's timeout */
	int64_t waited_ns;		  /* that the next hook's timeout has lost */
	int64_t submitted_us;		  /* CLOCK_REALTIME */
	int64_t submitted_ns, started_ns; /* CLOCK_BOOTTIME */
	int64_t finished_ns;
	struct charge charge; /* a place in its uid's queue, until it is done */
	TAILQ_HEAD(, run_waiter) waiters;
	void *lane;		    /* sched.c: the container's line, until it is done */
	bool is_started;	    /* sched.c: it holds one of the places */
	TAILQ_ENTRY(run) lane_link; /* lane::runs */
	TAILQ_ENTRY(run) link;	    /* store::runs */
	TAILQ_ENTRY(run) done_link; /* store::done, where is_kept */
	bool is_kept;
	size_t kept_bytes;	   /* what it counts there */
	UT_hash_handle by_id;	   /* store::by_id */
	UT_hash_handle by_request; /* store::by_request, where request_key is not NULL */
	char *request_key;
};

/* Takes over *request and the pidfds of *target, on success only. The run waits for run_start(). */
int run_new(const struct run_context *context, const char *id, uid_t uid,
	    struct hp_request *request, const struct enter_target *target,
	    struct run **ret_run) must_check;

/*
 * A run of an earlier daemon that is known to have begun: done, with the outcome "lost" until
 * run_found() tells its result, which it takes over. Takes over *request on success.
 */
int run_new_lost(const struct run_context *context, const char *id, uid_t uid,
		 struct hp_request *request, int64_t submitted_us, struct run **ret_run) must_check;
void run_found(struct run *run, struct hp_run_result *result);

struct run *run_free(struct run *run);

void run_start(struct run *run);

/*
 * Ends a run of which nothing was run, because something is lacking that others give back. Waiters
 * hear that it was turned away; whoever keeps runs is to forget it in done(). `reason` may be NULL.
 */
void run_turn_away(struct run *run, const char *reason);

/* The hook's own, or the configured one; 0: none. */
uint64_t run_timeout_ns(const struct run *run, const struct hp_hook *hook);

/* Ends the run: what is running is killed, what is left is skipped. Does nothing when it is done.
 */
void run_cancel(struct run *run);

void run_add_waiter(struct run *run, struct run_waiter *waiter);
void run_remove_waiter(struct run *run, struct run_waiter *waiter);
/* While a waiter is behind with the output that it wants, no more of it is read. */
void run_set_behind(struct run *run, struct run_waiter *waiter, bool is_behind);

/* Of the hook that runs now; 0 for none. */
pid_t run_pid(const struct run *run);
/*
 * The hook that a look at the run is about: the one that runs now; of a run that is done, the first
 * that failed, or else the last that ran. 0 where none has.
 */
size_t run_hook(const struct run *run);
/* Its path; NULL where there are no hooks. */
const char *run_path(const struct run *run);
/* About what it holds in memory once it is done, in bytes. */
size_t run_size(const struct run *run);
/* Since it was started, up to now or to its end. */
int64_t run_duration_us(const struct run *run);
