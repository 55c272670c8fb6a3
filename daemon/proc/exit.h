/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/* How a process ended, and what it had used by then. */
struct process_exit {
	int code;   /* waitid(2), si_code: CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: not known */
	int status; /* waitid(2), si_status: the exit status, or the signal's number */
	int64_t user_us, system_us;
	int64_t max_rss_bytes;
};

/*
 * Waits for a child that has exited, and never blocks. False: it has not, or the kernel does not
 * give its exit yet. Where there is no such child, since somebody else has waited for it,
 * ret_exit->code stays 0.
 */
bool process_exit_take(int pidfd, struct process_exit *ret_exit);

/*
 * A watch over a child's exit, embedded in its owner. All zeroes: it watches nothing.
 *
 * A pidfd is readable from the exit on, but while another process traces the child, waitid(2)
 * gives the exit to the tracer alone, which may keep it for ever. Such an exit is held: it is asked
 * for again after a pause that grows, since the pidfd would wake the loop without end.
 */
struct exit_watch {
	struct event *readable; /* on the pidfd; NULL: nothing is watched */
	struct event *again;	/* pending while the exit is held */
	int again_after_ms;	/* the last pause; 0: the exit was never held */
	int pidfd;		/* borrowed */
	void (*on_exit)(void *userdata);
	void *userdata;
};

/* Calls on_exit(), which calls exit_watch_take(), as often as there may be an exit. -ENOMEM. */
int exit_watch_start(struct exit_watch *watch, struct event_base *base, int pidfd,
		     void (*on_exit)(void *userdata), void *userdata) must_check;
void exit_watch_stop(struct exit_watch *watch);

/* Any time. 1: *ret_exit is there, and the watch has stopped. 0: not yet. -ENOMEM: not yet, and
 * the watch has stopped. */
int exit_watch_take(struct exit_watch *watch, struct process_exit *ret_exit) must_check;

bool exit_watch_is_on(const struct exit_watch *watch);
/* The process has exited, and the kernel does not give its exit. */
bool exit_watch_is_held(const struct exit_watch *watch);
/* Whoever holds the exit may have been killed just now: the pauses are short again. */
void exit_watch_hurry(struct exit_watch *watch);
