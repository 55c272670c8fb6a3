/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/list: runs the hooks of a list one after the other: their order, their cgroup, and what
 * became of each. Knows nothing of requests, connections, lines or records, and keeps nothing once
 * the list has ended.
 *
 * May use: daemon/base, daemon/cgroup, daemon/proc, proto/base, proto/messages, proto/settings;
 * libevent.
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

/* What is to be run. All of it is borrowed and must stay until the list has ended. */
struct list_order {
	const char *run;     /* the id of the run that it is of */
	const char *request; /* the parameters of its Run call, of which most below is a part */
	size_t request_length;
	enum hp_stage stage;
	enum hp_dialect dialect; /* what settings are called to the caller */
	const struct hp_hook_list *hooks;
	size_t first; /* the hook to begin with; those before it have ended already */
	const char *state;
	size_t state_length;
	const char *bundle, *traceparent; /* NULL: none */
	const char *default_path;	  /* PATH of hooks that have no environment */
	uint64_t default_timeout_ns;	  /* of hooks that have none; 0: none */
	int64_t waited_ns;		  /* that the first hook has lost of its timeout */
	bool any_owner;			  /* see struct spawn_spec */
	/*
	 * A lack that passes (descriptors, processes, memory) before anything was run ends the list
	 * at once: somebody can ask again. Else it is the result of the first hook.
	 */
	bool may_be_refused;
	bool is_listened_to, is_paused; /* as list_listen() and list_pause() do */
	struct hook_target target;
	struct helper_settings settings; /* .settings NULL: none */
	struct spawn_failure failure;	 /* all hooks fail with it; SPAWN_STEP_NONE: none */
};

/* The callee takes over what it points to. */
struct list_end {
	struct hp_hook_result *refusal; /* nothing was run: the first hook's failure; or NULL */
	bool is_cancelled;		/* cancel() ended it, and not a failure */
	bool is_lost; /* the process that ran it has ended: what became of its hooks is not known */
	char *ignored; /* settings that were left out; NULL: none */
};

/*
 * What a list tells, each from the event loop or from within list_start() and list_cancel().
 * `index` counts in order->hooks.
 */
struct list_listener {
	void (*started)(void *userdata, size_t index, pid_t pid, int64_t started_us);
	/* hookd-run's successor has taken its place. NULL: not wanted. */
	void (*moved)(void *userdata, size_t index, pid_t pid);
	/* Where it was asked for. */
	void (*output)(void *userdata, size_t index, int stream, const char *bytes, size_t length);
	/* Of hooks that failed to start, too. The callee takes over what *result owns. */
	void (*finished)(void *userdata, size_t index, struct hp_hook_result *result);
	/* The last call; the list is freed when it returns. */
	void (*ended)(void *userdata, struct list_end *end);
};

/* What a list can be asked for, whoever runs it. */
struct list_operations {
	/* Kills the hook that runs, and ends the list with it; ended() follows, or has followed. */
	void (*cancel)(struct list *list);
	/* Tells of output from now on. It cannot be taken back. */
	void (*listen)(struct list *list);
	/* While it pauses no output is read, and a hook waits where a pipe is full. */
	void (*pause)(struct list *list, bool is_paused);
	/* Of the hook that runs, which changes when hookd-run's successor takes its place; or 0. */
	pid_t (*pid)(const struct list *list);
	/* An end without ended(): what runs is killed and waited for in the background. */
	void (*free)(struct list *list);
};

/* The beginning of a list as whoever runs it has it. */
struct list {
	const struct list_operations *operations;
};

/*
 * Whoever runs lists. start() starts the first hook, or has it started. -errno: nothing was begun,
 * nobody is told. Else *ret_list is set before the listener hears of anything; it is valid until
 * ended() has returned. Does not block.
 */
struct list_starter {
	int (*start)(struct list_starter *starter, const struct list_order *order,
		     const struct list_listener *listener, void *userdata, struct list **ret_list);
};

/* Lists whose hooks are children of this process; outlives them all. */
struct list_context {
	struct list_starter starter; /* LIST_STARTER_HERE */
	struct procs *procs;
	struct cgroup_tree *cgroups; /* NULL: this machine has none */
};
int list_start_here(struct list_starter *starter, const struct list_order *order,
		    const struct list_listener *listener, void *userdata,
		    struct list **ret_list) must_check;
#define LIST_STARTER_HERE ((struct list_starter){.start = list_start_here})
