/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/* How a process ended, and the resources that it used. */
struct process_exit {
	int code;   /* waitid(2), si_code: CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: unknown */
	int status; /* waitid(2), si_status: the exit status, or the signal's number */
	int64_t user_us, system_us;
	int64_t max_rss_bytes;
};

/*
 * Reaps the child if it has exited. Does not block. False: it has not exited, or the kernel does
 * not report its exit to hookd yet. If it is not a child of hookd any more (ECHILD), the result is
 * true and ret_exit->code is 0.
 */
bool process_exit_take(int pidfd, struct process_exit *ret_exit);

/*
 * Watches for a child's exit. Embedded in its owner; all zeroes: it is off.
 *
 * A pidfd is readable once the process has exited. But if another process traces the child,
 * waitid(2) reports the exit to the tracer first (ptrace(2)), which may never reap it. Such an exit
 * is called held: waitid(2) is tried again after pauses that grow, since the readable pidfd would
 * wake the event loop all the time.
 */
struct exit_watch {
	struct event *readable; /* on the pidfd; NULL: the watch is off */
	struct event *again;	/* pending while the exit is held */
	int again_after_ms;	/* the last pause; 0: the exit was never held */
	int pidfd;		/* borrowed */
	void (*on_exit)(void *userdata);
	void *userdata;
};

/* on_exit() is called when the child may have exited; it calls exit_watch_take(). -ENOMEM. */
int exit_watch_start(struct exit_watch *watch, struct event_base *base, int pidfd,
		     void (*on_exit)(void *userdata), void *userdata) must_check;
void exit_watch_stop(struct exit_watch *watch);

/*
 * May be called at any time. 1: *ret_exit is filled, and the watch is off. 0: the child has not
 * exited, as far as is known. -ENOMEM: the same, and the watch is off.
 */
int exit_watch_take(struct exit_watch *watch, struct process_exit *ret_exit) must_check;

bool exit_watch_is_on(const struct exit_watch *watch);
/* The process has exited, and waitid(2) did not report it. */
bool exit_watch_is_held(const struct exit_watch *watch);
/* Starts again with short pauses: the tracer may have been killed together with the child. */
void exit_watch_hurry(struct exit_watch *watch);
