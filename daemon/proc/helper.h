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
 * Ways into a hook that need hookd-run: another process's namespaces, settings that the hook is put
 * under, or an oom_score_adj that must be reset. hookd-run itself is part of hookd's own file and
 * is kept in a sealed memfd.
 */
struct helper_image {
	int program;	       /* hookd-run */
	bool resets_oom_score; /* hookd's own is not 0 */
};

int helper_image_init(struct helper_image *image) must_check;
void helper_image_clear(struct helper_image *image);

/* A process whose namespaces are entered, held since the request named it. */
struct target_process {
	pid_t pid; /* as hookd's pid namespace counts; 0: none */
	int pidfd; /* -1: none */
};

/*
 * Where a hook runs. Neither process: in hookd's namespaces. The caller alone: in the caller's,
 * where these are not hookd's. The container: in that process's; the caller's mount namespace is
 * then the one in which the runtime means its paths.
 */
struct hook_target {
	struct target_process caller, container;
	/* The hook's path is one of the container's image, and its rights are the container's. */
	bool is_image_program;
};
#define HOOK_TARGET_NONE ((struct hook_target){.caller.pidfd = -1, .container.pidfd = -1})

/*
 * Whether what the hook executes, or loads, is the image's: then it is under all that its container
 * is under. Asks the kernel whether the container has its own root already (pivot_root(2)).
 */
bool hook_target_runs_image(const struct hook_target *target);

/* Closes both pidfds, and leaves HOOK_TARGET_NONE. */
void hook_target_clear(struct hook_target *target);

#define HELPER_CALL_FDS 7

/* What a hook is put under; everything is borrowed. All zeroes: nothing. */
struct helper_settings {
	const struct hp_settings *settings; /* NULL: none, and the rest does not count */
	const struct sock_filter *filter;   /* of settings->seccomp, compiled */
	size_t filter_count;
	uint32_t filter_flags; /* for seccomp(2) */
	bool needs_listener;
	uint64_t timeout_ns; /* the hook's; 0: none */
	const char *state;   /* for the listener's agent */
	size_t state_length;
	int rdt_tasks, rdt_mon_tasks;	 /* where settings->intel_rdt: files to write to, or -1 */
	struct cgroup *container_cgroup; /* to move to; NULL: none */
};

/* One hook's way in: what hookd-run is given, and the socket on which it answers. */
struct helper_call {
	int control; /* -1: this hook needs no hookd-run */
	int message; /* -1: none, or it has no filter; else what failed under that */
	int child_fds[HELPER_CALL_FDS]; /* from HELPER_FD_CONTROL on: to be closed after the spawn
					 */
};
#define HELPER_CALL_NONE                                                                           \
	((struct helper_call){                                                                     \
	    .control = -1, .message = -1, .child_fds = {-1, -1, -1, -1, -1, -1, -1}})

/*
 * Rewrites `spec` so that it starts hookd-run, where the target, the settings or the image ask
 * for it; else leaves it as it is. spec->fds[0..2] are set before. On failure *ret_step says at
 * what.
 */
int helper_call_prepare(const struct helper_image *image, const struct hook_target *target,
			const struct helper_settings *settings, struct spawn_spec *spec,
			struct helper_call *ret_call, enum spawn_step *ret_step) must_check;
/* Closes what only the child needs, once it was started or was not. */
void helper_call_started(struct helper_call *call);

/*
 * After the first process has exited, what hookd-run left to say: fills child->failed_step, or
 * replaces pid and pidfd by those of the hook (1), which then is to be waited for. Else 0.
 */
int helper_call_finish(struct helper_call *call, struct spawn_child *child);
/*
 * False while hookd-run's own process that hands a filter's listener to its agent is there: it has
 * the other end of the control socket until it ends, as nobody else has after the exec.
 */
bool helper_call_has_sent_listener(const struct helper_call *call);
void helper_call_clear(struct helper_call *call);
