/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/list: runs the hooks of a list in order, and reports the result of each. Owns their
 * processes and their cgroup while the list runs, and nothing afterwards. Does not depend on
 * queues, connections or records.
 *
 * May use: daemon/proc, daemon/cgroup, proto/base, proto/messages, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/proc/proc.h"
#include "proto/messages/hooks.h"
#include "proto/messages/result.h"

struct list;
struct list_starter;

/* The hooks to run. All of it is borrowed until the list has ended. */
struct list_order {
	const char *run;     /* id of the run */
	const char *request; /* parameters of its Run call, as JSON */
	size_t request_length;
	enum hp_stage stage;
	enum hp_dialect dialect; /* of the caller, for names of members in errors */
	const struct hp_hook_list *hooks;
	size_t first; /* index of the hook to begin with */
	const char *state;
	size_t state_length;
	const char *bundle, *traceparent; /* NULL: none */
	const char *default_path;	  /* PATH of hooks without an environment */
	uint64_t default_timeout_ns;	  /* of hooks without a timeout; 0: none */
	int64_t waited_ns;		  /* part of the first hook's timeout that has passed */
	bool any_owner;			  /* see struct spawn_spec */
	/*
	 * True: if the first hook cannot be started for lack of a resource that others will
	 * release, the list ends as refused. False: that is the first hook's failure.
	 */
	bool may_be_refused;
	bool is_listened_to, is_paused; /* as after listen() and pause() */
	struct hook_target target;
	struct helper_settings settings; /* .settings NULL: none */
	struct spawn_failure failure;	 /* every hook fails with it; SPAWN_STEP_NONE: none */
};

/* How a list has ended. The callee takes ownership of all pointers. */
struct list_end {
	struct hp_hook_result *refusal; /* the first hook's failure; nothing was run. NULL: none */
	bool is_cancelled;		/* cancel() ended it, not a failure */
	bool is_lost;  /* its runner has ended: the results of its hooks are unknown */
	char *ignored; /* limits that could not be set, which the settings allow; NULL: none */
	bool is_kept;  /* its runner keeps the results until runners_acknowledge() */
};

/*
 * Callbacks of a list, from the event loop or from within start() and cancel(). `index` is that of
 * the hook in order->hooks.
 */
struct list_listener {
	void (*started)(void *userdata, size_t index, pid_t pid, int64_t started_us);
	/* hookd-run has ended, and the hook has another pid. NULL: not wanted. */
	void (*moved)(void *userdata, size_t index, pid_t pid);
	/* Only after listen(). */
	void (*output)(void *userdata, size_t index, const struct hook_output *output);
	/* Also for a hook that failed to start. The callee takes ownership of what *result owns. */
	void (*finished)(void *userdata, size_t index, struct hp_hook_result *result);
	/* The last call; the list is freed when it returns. */
	void (*ended)(void *userdata, struct list_end *end);
};

/* Operations on a list that was started. None blocks. */
struct list_operations {
	/* Kills the running hook, and ends the list. ended() is called later, or from within. */
	void (*cancel)(struct list *list);
	/*
	 * Calls output() from now on, until the list has ended. Each call begins with the kept
	 * output of the running hook, so that a client that attaches later gets it.
	 */
	void (*listen)(struct list *list);
	/*
	 * Calls output() once for each part of the running hook's kept output, and then, for each
	 * stream, with no bytes at the end of what was kept. From within, or later; never if no
	 * hook is running, or the connection to its runner is lost.
	 */
	void (*recall)(struct list *list);
	/* While paused, no output is read, and the hook blocks when its pipe is full. */
	void (*pause)(struct list *list, bool is_paused);
	/* The pid of the running hook; 0: none. It changes when moved() is called. */
	pid_t (*pid)(const struct list *list);
	/* Ends the list without ended(). The running hook is killed, and reaped later. */
	void (*free)(struct list *list);
};

/* The base of a list, local or remote. */
struct list {
	const struct list_operations *operations;
};

/*
 * Starts lists, in this process or in another. 0: *ret_list is set before the first callback, and
 * valid until ended() has returned. -errno: nothing was started, and no callback is called. Does
 * not block.
 */
struct list_starter {
	int (*start)(struct list_starter *starter, const struct list_order *order,
		     const struct list_listener *listener, void *userdata, struct list **ret_list);
};

/* Starts lists whose hooks are children of this process. Outlives them. */
struct list_context {
	struct list_starter starter; /* LIST_STARTER_HERE */
	struct procs *procs;
	struct cgroup_tree *cgroups; /* NULL: hookd has no writable cgroup */
};
int list_start_here(struct list_starter *starter, const struct list_order *order,
		    const struct list_listener *listener, void *userdata,
		    struct list **ret_list) must_check;
#define LIST_STARTER_HERE ((struct list_starter){.start = list_start_here})
