/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/proc: one hook's process from clone3(2) to its last output: spawning, timer, capture,
 * kill. Knows nothing of lists of hooks, of requests or of callers.
 *
 * May use: daemon/raw, daemon/base, daemon/cgroup, proto/base, proto/json, proto/messages,
 * proto/settings; libevent.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/capture.h"
#include "daemon/proc/deadline.h"
#include "daemon/proc/helper.h"
#include "daemon/proc/spawn.h"
#include "daemon/proc/strays.h"
#include "proto/messages/result.h"

struct proc;
TAILQ_HEAD(proc_list, proc);

/* What all hook processes share. Owned by main; outlives every proc. */
struct procs {
	struct event_base *base;
	struct spawner *spawner;
	struct helper_image helper_image;
	struct leftovers leftovers;
	struct strays strays;
	struct deadlines deadlines;
	struct proc_list young;	    /* their pipes are not watched yet, oldest first */
	struct proc_list unwatched; /* their exit or pipes could not be watched */
	struct proc_list abandoned; /* killed, but the kernel has not let go of them */
	struct event *young_tick;   /* set while `young` is not empty */
	struct event *retry_tick;   /* set while there is something to try again */
};

int procs_init(struct procs *procs, struct event_base *base) must_check;
void procs_clear(struct procs *procs);

/* One hook process to be. Strings and vectors must stay until the proc is done. */
struct proc_spec {
	const char *path;
	char *const *argv;
	char *const *envp;
	const char *dir; /* see struct spawn_spec */
	const char *soft_dir;
	const char *state; /* for stdin */
	size_t state_length;
	uint64_t timeout_ns;   /* 0: none */
	bool is_own_program;   /* hookd's: it is started as it is, by no hookd-run */
	bool any_owner;	       /* see struct spawn_spec */
	struct cgroup *cgroup; /* empty, borrowed; NULL: this machine has none */
	struct hook_target target;
	struct helper_settings settings;
};

/* Told once, from the event loop, never from proc_start(). The callee may free the proc. */
typedef void (*proc_done_fn)(struct proc *proc, void *userdata);
typedef void (*proc_output_fn)(struct proc *proc, int stream, const char *bytes, size_t length,
			       void *userdata);

/*
 * Starts the process and its timer. On failure there is no process and *ret_failure says at what;
 * else *ret_proc is running. Does not block.
 */
int proc_start(struct procs *procs, const struct proc_spec *spec, proc_done_fn done, void *userdata,
	       struct proc **ret_proc, struct spawn_failure *ret_failure) must_check;

/* Fills outcome, step, errno and detail of a hook that was never started. */
void proc_describe_failure(const struct spawn_failure *failure, struct hp_hook_result *ret_result);

/* Told when hookd-run has ended and another process goes on as the hook: proc_pid() has changed. */
void proc_on_moved(struct proc *proc, void (*on_moved)(struct proc *proc, void *userdata));

/* Reports output as it comes, from now on. Listeners cannot be taken back. */
void proc_listen(struct proc *proc, proc_output_fn on_output);
/* While it pauses nothing is read of one that is listened to, and it waits where a pipe is full. */
void proc_pause_output(struct proc *proc, bool is_paused);

/* Kills the hook and what it started; done() follows. */
void proc_cancel(struct proc *proc);

pid_t proc_pid(const struct proc *proc);
int64_t proc_started_us(const struct proc *proc);

/* In done(): moves outcome, times and output into *ret_result; path and error are the caller's. */
void proc_take_result(struct proc *proc, struct hp_hook_result *ret_result);

/* Any time; a process that still runs is killed and waited for in the background. */
struct proc *proc_free(struct proc *proc);
