/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/proc/exit.h"
#include "daemon/proc/proc.h"

/* What the two files of a proc share: proc.c, its life, and proc_watch.c, how hookd hears of it. */

enum proc_state { PROC_RUNNING, PROC_KILLED, PROC_ABANDONED, PROC_DONE };

struct proc {
	struct procs *procs;
	enum proc_state state;
	enum hp_hook_outcome kill_cause; /* in KILLED: timed_out or cancelled */
	struct spawn_child child;
	struct known_child known; /* child.pid */
	struct helper_call helper;
	struct cgroup *cgroup;	      /* borrowed */
	struct exit_watch exit_watch; /* on child.pidfd */
	struct deadline deadline;     /* the hook's, then that of its death */
	struct capture out[2];
	struct proc_list *list; /* of procs, that it is on; NULL: none */
	TAILQ_ENTRY(proc) link;
	struct process_exit exit;
	int64_t started_us, started_ns, duration_ns;
	int64_t exited_ns;	/* CLOCK_MONOTONIC; 0: not yet */
	bool has_listener;	/* hookd-run hands it over: helper_call_has_sent_listener() */
	int64_t handed_over_ns; /* when that was seen after the exit; 0: not yet */
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

/* Of a proc that has just begun: its exit, and a little later its pipes. */
void proc_watch(struct proc *proc);
/* The exit of the process that has taken the place of the first one. */
void proc_watch_successor(struct proc *proc);
/* Its pipes, from now on. */
void proc_watch_output(struct proc *proc);
/* Its watch is lost: it is looked at, and watched when that is possible again. */
void proc_watch_later(struct proc *proc);
/* One that nobody wants to hear of any more, until its exit. */
void proc_keep_watching(struct proc *proc);
/* It has left the lists; event and pipes are stopped by their owners. */
void proc_unwatch(struct proc *proc);

/* ---- proc.c ---- */

/* False: it has not exited, as far as is known. Else proc has moved on, and may be gone. */
bool proc_take_exit(struct proc *proc);
