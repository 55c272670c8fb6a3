/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/spawn.h"
#include "proto/settings/settings.h"

/*
 * The helper: hookd-run, a static program that hookd executes in the place of a hook that enters
 * namespaces, has settings or gets another oom_score_adj than hookd. It does that and executes the
 * hook. The program is part of hookd's own file and is executed from a sealed memfd.
 */
struct helper_image {
	int program;	       /* the memfd */
	bool resets_oom_score; /* hookd's oom_score_adj is not 0, and hooks get 0 */
};

/* -errno. */
int helper_image_init(struct helper_image *image) must_check;
void helper_image_clear(struct helper_image *image);

/*
 * A process whose namespaces the hook enters. The pidfd makes sure that it is still that process.
 */
struct target_process {
	pid_t pid; /* in hookd's pid namespace; 0: none */
	int pidfd; /* -1: none */
};

/*
 * In which namespaces a hook runs:
 *	neither process      hookd's
 *	caller               the caller's, if they are not hookd's
 *	container            those of the container's process
 *	container and caller the same; paths of the request are looked up in the caller's mount
 *	                     namespace
 */
struct hook_target {
	struct target_process caller, container;
	/* The hook's path is looked up in the container, whose rights the hook gets. */
	bool is_image_program;
};
#define HOOK_TARGET_NONE ((struct hook_target){.caller.pidfd = -1, .container.pidfd = -1})

/*
 * Whether the hook executes or loads files of the container's image. Then all restrictions of the
 * container apply to the hook, too. Compares the root directories of the container's process and of
 * the caller: they differ once the runtime has called pivot_root(2).
 */
bool hook_target_runs_image(const struct hook_target *target);

/* Closes both pidfds and sets HOOK_TARGET_NONE. */
void hook_target_clear(struct hook_target *target);

#define HELPER_CALL_FDS 7

/* Settings for hookd-run to apply. Everything is borrowed. All zeroes: nothing to apply. */
struct helper_settings {
	const struct hp_settings *settings; /* NULL: none, and all other members are ignored */
	const struct sock_filter *filter;   /* of settings->seccomp, compiled */
	size_t filter_count;
	uint32_t filter_flags; /* for seccomp(2) */
	bool needs_listener;
	uint64_t timeout_ns; /* the hook's; 0: none */
	const char *state;   /* the container's state, for the agent of a seccomp listener */
	size_t state_length;
	int rdt_tasks, rdt_mon_tasks;	 /* if settings->intel_rdt: files to write to, or -1 */
	struct cgroup *container_cgroup; /* to move to; NULL: none */
	bool is_held; /* hookd-run waits for helper_call_release(), if one is started */
};

/* One call of hookd-run: the descriptors that it gets, and the socket on which it reports. */
struct helper_call {
	int control; /* -1: this hook needs no hookd-run */
	int message; /* if the hook has a filter, the message: it may hold a report; else -1 */
	int child_fds[HELPER_CALL_FDS]; /* from HELPER_FD_CONTROL on; closed after the spawn */
};
#define HELPER_CALL_NONE                                                                           \
	((struct helper_call){                                                                     \
	    .control = -1, .message = -1, .child_fds = {-1, -1, -1, -1, -1, -1, -1}})

/*
 * Rewrites `spec` so that it starts hookd-run, if the target, the settings or the image require
 * that; else spec is unchanged. spec->fds[0..2] are set before. -errno with *ret_step: there is
 * nothing to clear.
 */
int helper_call_prepare(const struct helper_image *image, const struct hook_target *target,
			const struct helper_settings *settings, struct spawn_spec *spec,
			struct helper_call *ret_call, enum spawn_step *ret_step) must_check;
/* Call after the spawn, also if it failed: closes the descriptors that only the child needs. */
void helper_call_started(struct helper_call *call);

/*
 * Lets the process go on that was started, or that continues after it: it has waited, to end if the
 * caller's process ends before. No effect if it does not wait.
 */
void helper_call_release(const struct helper_call *call);
/*
 * Call after the process has exited. Reads the report of hookd-run, if there is one: either fills
 * child->failed_step and the like (0), or replaces child's pid and pidfd by those of the process
 * that continues as the hook (1), which is to be waited for. 0: no report, the process was the
 * hook.
 */
int helper_call_finish(struct helper_call *call, struct spawn_child *child);
/*
 * False while hookd-run's second process, which sends a filter's listener to its agent, exists. It
 * has the other end of the control socket open until it ends, and after the exec of the hook no
 * other process has.
 */
bool helper_call_has_sent_listener(const struct helper_call *call);
void helper_call_clear(struct helper_call *call);
