/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/proc: the process of a hook, from clone3(2) to its last output: spawn, timeout, captured
 * output, kill. It does not know lists of hooks, requests or callers.
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
	struct proc_list young;	    /* pipes are not watched yet; ordered by start */
	struct proc_list unwatched; /* exit or pipes could not be watched, for lack of memory */
	struct proc_list abandoned; /* done, but the killed process has not exited yet */
	size_t young_count;
	struct event *young_tick; /* set while `young` is not empty */
	struct event *retry_tick; /* set while anything is to be watched or reaped later */
};

/* -errno. */
int procs_init(struct procs *procs, struct event_base *base) must_check;
void procs_clear(struct procs *procs);

/* A hook process to start. Strings and vectors are borrowed until the proc is done. */
struct proc_spec {
	const char *path;
	char *const *argv;
	char *const *envp;
	const char *dir; /* see struct spawn_spec */
	const char *soft_dir;
	const char *state; /* for stdin */
	size_t state_length;
	uint64_t timeout_ns;   /* 0: none */
	bool is_own_program;   /* a program of hookd, not a hook: never started by hookd-run */
	bool any_owner;	       /* see struct spawn_spec */
	struct cgroup *cgroup; /* empty, borrowed; NULL: this machine has none */
	struct hook_target target;
	struct helper_settings settings;
	bool is_held; /* hookd-run waits for proc_release(), if it is started */
};

/* Called once, from the event loop and never from proc_start(). May free the proc. */
typedef void (*proc_done_fn)(struct proc *proc, void *userdata);
typedef void (*proc_output_fn)(struct proc *proc, const struct hook_output *output, void *userdata);

/*
 * Starts the process and its timer; does not block. On success the caller owns *ret_proc. -errno:
 * no process was started, and *ret_failure says which step failed.
 */
int proc_start(struct procs *procs, const struct proc_spec *spec, proc_done_fn done, void *userdata,
	       struct proc **ret_proc, struct spawn_failure *ret_failure) must_check;

/* Sets outcome, step, errno and detail of a hook that could not be started. */
void proc_describe_failure(const struct spawn_failure *failure, struct hp_hook_result *ret_result);

/*
 * The caller has made sure that the process is killed if this one dies: lets it go on. Call it
 * after proc_start(), and after on_moved(). No effect if it is not held.
 */
void proc_release(struct proc *proc);

/* Calls on_moved() when hookd-run has ended and another process is the hook: see proc_pid(). */
void proc_on_moved(struct proc *proc, void (*on_moved)(struct proc *proc, void *userdata));

/* Calls on_output() for all output that is read from now on, until the proc is done. */
void proc_listen(struct proc *proc, proc_output_fn on_output);
/*
 * Calls on_output() for what is kept of the output so far, from within: for each stream its parts,
 * and then once without bytes, with the offset at which the stream continues.
 */
void proc_recall_output(struct proc *proc, proc_output_fn on_output);
/* While paused, no output is read, and the hook blocks when a pipe is full. */
void proc_pause_output(struct proc *proc, bool is_paused);

/* Kills the hook and its descendants; done() will be called. */
void proc_cancel(struct proc *proc);

pid_t proc_pid(const struct proc *proc);
int64_t proc_started_us(const struct proc *proc);

/* For done(): moves outcome, times and output to *ret_result. Does not set path and error. */
void proc_take_result(struct proc *proc, struct hp_hook_result *ret_result);

/* At any time. A process that still runs is killed, and reaped in the background. */
struct proc *proc_free(struct proc *proc);
