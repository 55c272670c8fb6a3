/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/proc/exit.h"
#include "daemon/proc/proc.h"

/* struct proc, shared by proc.c (start, kill, end) and proc_watch.c (events). */

enum proc_state { PROC_RUNNING, PROC_KILLED, PROC_ABANDONED, PROC_DONE };

struct proc {
	struct procs *procs;
	enum proc_state state;
	enum hp_hook_outcome kill_cause; /* in KILLED and ABANDONED: timed_out or cancelled */
	struct spawn_child child;
	struct known_child known; /* child.pid */
	struct helper_call helper;
	struct cgroup *cgroup;	      /* borrowed */
	struct exit_watch exit_watch; /* on child.pidfd */
	struct deadline deadline;     /* the hook's timeout; after a kill, for its exit */
	struct capture out[2];
	struct proc_list *list; /* the list of procs that it is in; NULL: none */
	TAILQ_ENTRY(proc) link;
	struct process_exit exit;
	int64_t started_us, started_ns, duration_ns, drain_ns;
	int64_t exited_ns;	/* CLOCK_MONOTONIC; 0: not yet */
	bool has_listener;	/* hookd-run sends one: helper_call_has_sent_listener() */
	bool is_held;		/* see proc_release() */
	int64_t handed_over_ns; /* when hookd found that it was sent; 0: not yet */
	bool is_lingering;
	int oom_killed;
	proc_done_fn done;
	proc_output_fn on_output;
	void (*on_moved)(struct proc *proc, void *userdata);
	void *userdata;
};

/* ---- proc_watch.c ---- */

/* The lists and ticks of `procs`. -ENOMEM. */
int proc_watch_init(struct procs *procs) must_check;
void proc_watch_clear(struct procs *procs);

/* After the start of a proc: watches its exit, and its pipes if it is not done soon. */
void proc_watch(struct proc *proc);
/* Watches the exit of the process that hookd-run has reported. */
void proc_watch_successor(struct proc *proc);
/* Watches its pipes from now on. */
void proc_watch_output(struct proc *proc);
/* Something of it could not be watched: polls it, and tries again to watch it. */
void proc_watch_later(struct proc *proc);
/* Of an abandoned proc: watches it until its exit. */
void proc_keep_watching(struct proc *proc);
/* Removes it from its list. Does not stop its events. */
void proc_unwatch(struct proc *proc);

/* ---- proc.c ---- */

/* Checks for the exit. True: the process has exited, and proc may be freed. */
bool proc_take_exit(struct proc *proc);
