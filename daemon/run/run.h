/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/run: runs. A run executes the list of hooks of one stage of one container. The folder owns
 * the order of runs, the resources of a run, its result, and the store that keeps results for some
 * time. No JSON, no sockets.
 *
 * May use: daemon/base, daemon/list, daemon/policy, daemon/proc, daemon/resctrl, daemon/seccomp,
 * proto/base, proto/messages, proto/settings; libevent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* On failure the table is unchanged, and tbl in the handle of the element is NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/base/base.h"
#include "daemon/base/config.h"
#include "daemon/list/list.h"
#include "daemon/policy/account.h"
#include "daemon/proc/deadline.h"
#include "daemon/run/run_resources.h"
#include "proto/messages/request.h"
#include "proto/messages/result.h"

struct run;

/*
 * Ids are random lower-case hex digits, so that a few of them are enough to name one of the runs
 * that are kept. Recorded runs of earlier versions have longer ids.
 */
#define RUN_ID_DIGITS 12
#define RUN_ID_SIZE   (RUN_ID_DIGITS + 1)

enum run_state { RUN_QUEUED, RUN_RUNNING, RUN_DONE, RUN_STATE_COUNT };
extern const char *const run_state_names[RUN_STATE_COUNT];

enum run_event_type {
	RUN_EVENT_STARTED,
	RUN_EVENT_OUTPUT,
	RUN_EVENT_FINISHED,
	RUN_EVENT_DONE,
	RUN_EVENT_TURNED_AWAY, /* instead of DONE: nothing was run, and nothing is kept */
	RUN_EVENT_SUBMITTED,   /* not for waiters */
};

struct run_event {
	enum run_event_type type;
	size_t index;
	const struct hp_hook_result *hook; /* STARTED: path and pid are known; FINISHED: all */
	const struct hook_output *output;  /* OUTPUT */
	const char *reason;		   /* TURNED_AWAY; NULL: out of memory */
};

/*
 * Receives the events of a run. Embedded in its owner, which calls run_remove_waiter() before it is
 * freed.
 */
struct run_waiter {
	void (*notify)(struct run_waiter *waiter, const struct run_event *event);
	bool wants_output;
	bool is_spectator;	      /* of an operator: the run goes on as if it was not there */
	bool is_behind;		      /* run_set_behind() */
	TAILQ_ENTRY(run_waiter) link; /* run::waiters */
};

/* What all runs use. Outlives them. */
struct run_context {
	const struct config *config;
	struct list_starter *lists;
	struct deadlines *deadlines;
	struct filter_cache *filters;
	struct rdt *rdt;
	/*
	 * Called once each: before the first hook is started (-errno: it cannot be recorded, and is
	 * not started); when the result is known, before the waiters are notified; and after that.
	 * From the event loop, or from run_start(), run_cancel() or run_turn_away().
	 */
	int (*starting)(struct run *run, void *userdata);
	void (*ending)(struct run *run, void *userdata);
	void (*done)(struct run *run, void *userdata);
	/* Called for every event but OUTPUT, before the waiters are notified. NULL: not wanted. */
	void (*happened)(struct run *run, const struct run_event *event, void *userdata);
	void *userdata;
};

/* What a run has until it is done. Runs are kept long after that, and this is a good part of one.
 */
struct run_active {
	struct run_resources resources;
	struct list_order order;
	struct list *list;	/* NULL: not begun, ended, or not found yet */
	bool is_waiting;	/* its filter is being compiled */
	struct deadline wait;	/* of the hook whose turn it is meanwhile */
	int64_t waits_since_ns; /* CLOCK_BOOTTIME, as a hook's timeout */
};

struct run {
	const struct run_context *context;
	enum run_state state;
	char id[48];
	uid_t uid;
	struct hp_request request;   /* owned; without a text if only its ids are known: records */
	struct hook_target target;   /* its pidfds are owned */
	struct hp_run_result result; /* owned; grows hook by hook, whole in RUN_DONE */
	struct run_active *active;   /* owned; NULL in RUN_DONE */
	size_t current;		     /* index of the hook that runs now, or ran last */
	bool is_cancelled;
	bool has_failed; /* a hook has */
	bool is_lost;	 /* RUN_DONE: nobody knows what its hooks did */
	bool is_open;	 /* of an earlier hookd, unless a runner still has it lost: records.h */
	bool is_adopted; /* by run_adopt() */
	bool
	    is_kept_by_runner; /* RUN_DONE: until it is recorded, the next hookd can get it there */
	bool is_output_logged; /* daemon/journal has logged what its hooks wrote, as it came */
	bool is_turned_away;   /* RUN_DONE: nothing was run, and it is not to be kept */
	int64_t submitted_us;  /* CLOCK_REALTIME */
	int64_t submitted_ns, started_ns; /* CLOCK_BOOTTIME */
	int64_t finished_ns;
	struct charge charge; /* a place in its uid's queue, until it is done */
	TAILQ_HEAD(, run_waiter) waiters;
	void *lane;		    /* sched.c: the queue of its container, until it is done */
	bool is_started;	    /* sched.c: it holds one of the places */
	TAILQ_ENTRY(run) lane_link; /* lane::runs */
	TAILQ_ENTRY(run) link;	    /* store::runs */
	TAILQ_ENTRY(run) done_link; /* store::done, where is_kept */
	bool is_kept;
	size_t kept_bytes;	   /* what it counts there */
	size_t recorded_bytes;	   /* of its entries in the file of runs: store_recorded() */
	UT_hash_handle by_id;	   /* store::by_id */
	UT_hash_handle by_request; /* store::by_request, where request_key is not NULL */
	char *request_key;
};

/* Creates a queued run. On success it owns *request and the pidfds of *target. -ENOMEM. */
int run_new(const struct run_context *context, const char *id, uid_t uid,
	    struct hp_request *request, const struct hook_target *target,
	    struct run **ret_run) must_check;

/*
 * Creates a run of an earlier hookd that had begun. It is done, with the outcome "lost" until
 * run_found() sets its result, which it takes over. On success it owns *request. -ENOMEM.
 */
int run_new_lost(const struct run_context *context, const char *id, uid_t uid,
		 struct hp_request *request, int64_t submitted_us, struct run **ret_run) must_check;
/*
 * An open run becomes RUNNING, without a list, until it is known which runner has that. -ENOMEM:
 * nothing has changed.
 */
int run_await(struct run *run) must_check;
/*
 * Such a run gets its list, which has begun with the hook `first`; the listener is told of it from
 * there on.
 */
void run_adopt(struct run *run, size_t first, struct list *list,
	       const struct list_listener **ret_listener);
/* Such a run ends as lost. */
void run_lose(struct run *run);
void run_found(struct run *run, struct hp_run_result *result, int64_t finished_ns);

struct run *run_free(struct run *run);

/* For its scheduler. */
void run_submitted(struct run *run);

void run_start(struct run *run);

/*
 * Ends a run of which no hook was run, for lack of a resource that others will release. Waiters get
 * RUN_EVENT_TURNED_AWAY; ending() has to forget the run before that. `reason` may be NULL.
 */
void run_turn_away(struct run *run, const char *reason);

/* The timeout of the hook, or the configured one; 0: none. */
uint64_t run_timeout_ns(const struct run *run, const struct hp_hook *hook);

/* Kills the running hook and skips the others. May end the run at once. No effect if it is done. */
void run_cancel(struct run *run);

/* Not for a run that is done. A waiter that wants output: see run_listen(). */
void run_add_waiter(struct run *run, struct run_waiter *waiter);
/*
 * Has the output of a run that was started sent to the waiters that want it: first what is kept of
 * the running hook's, which may be from within, then all of it.
 */
void run_listen(struct run *run);
/* Whether its hooks have begun, and it has not ended. */
bool run_has_list(const struct run *run);
/* Has what is kept of the running hook's output sent to those waiters, once. */
void run_recall(struct run *run);
void run_remove_waiter(struct run *run, struct run_waiter *waiter);
/* Whether a client waits for the result. */
bool run_is_awaited(const struct run *run);
/* While any waiter is behind, the output of hooks is not read. */
void run_set_behind(struct run *run, struct run_waiter *waiter, bool is_behind);

/* Whether its settings have a seccomp profile whose listener an agent gets (SCMP_ACT_NOTIFY). */
bool run_has_notify_profile(const struct run *run);
/*
 * The order of runs: by their submission, those of one microsecond by their ids. It is the same in
 * memory and in the history, after a restart, and whatever the clock does. < 0: a is older.
 */
int run_compare(const struct run *a, const struct run *b);

/* The pid of the running hook; 0: none. */
pid_t run_pid(const struct run *run);
/*
 * The index of the hook to show for the run: the running one, or, if the run is done, the first
 * that failed, else the last that ran. 0: none has run.
 */
size_t run_hook(const struct run *run);
/* True while that hook runs, or is being started. */
bool run_hook_is_running(const struct run *run);
/* When the running hook will be killed (CLOCK_REALTIME); 0: never, or none runs. */
int64_t run_deadline_us(const struct run *run);
/* The path of that hook; NULL: the run has no hooks. */
const char *run_path(const struct run *run);
/* The approximate size of a run that is done, in memory or in the file: the larger one. */
size_t run_size(const struct run *run);
/* From its submission to its start, or to now. */
int64_t run_queued_us(const struct run *run);
/* From its start to its end, or to now. */
int64_t run_duration_us(const struct run *run);
