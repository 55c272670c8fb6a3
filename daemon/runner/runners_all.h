/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/link.h"
#include "daemon/runner/remote.h"

/* Shared by the files runners*.c. */

#define RUNNERS_NUMBERS_MAX 1000 /* numbers of sockets are below this */

TAILQ_HEAD(links, link);

struct runners {
	struct list_starter starter;
	struct event_base *base;
	struct runners_options options;
	const struct channel_events *events;
	int directory;
	struct links links;
	struct remote *lists;
	struct configure_body configuration;
	struct event *respawn, *later, *watch;
	int64_t started_ns;	    /* time of the last round of starts; 0: none after the first */
	struct event *unit_timeout; /* pending while the service manager starts one */
	int64_t unit_after_ns;	    /* do not ask the service manager before this time */
	bool cannot_start;	    /* the last round of starts has failed */
	bool is_waited_for;	    /* in runners_new(): leave the loop when all are synced */
	bool is_late;		    /* the same, but wait only for units that are being started */
	bool has_unknown;	    /* there may be runners that cannot be connected to */
	bool is_awaiting;	    /* all_known() is to be called */
	bool is_settled;	    /* runners_new() has returned: changes are reported */
	bool is_ending;
};

/* ---- runners.c ---- */

/* In runners_new(): leaves the loop if nothing more is waited for. */
void runners_leave_if_synced(struct runners *runners);
/* Its connection is lost: connects again, or removes it if that is not possible. */
void runners_connect_again(struct link *link);
/* Kills it if it has not ended, ends its lists as lost, replaces it and frees `link`. */
void runners_remove(struct link *link);
/* Calls options->changed(). */
void runners_report_change(const struct runners *runners);

/* Retires those that are more than options->count. */
void runners_retire_surplus(struct runners *runners);
/* If no runner of an earlier hookd is silent any more: kills orphans, and calls all_known(). */
void runners_check_known(struct runners *runners);

/* ---- runners_watch.c ---- */

/* Starts to watch. -ENOMEM. */
int runners_watch_init(struct runners *runners) must_check;
/* A period has passed: the timer calls it. */
void runners_watch_tick(struct runners *runners);
/* It has sent HELLO or PONG. */
void runners_have_answer(struct link *link);
/* Gives those that were found and have not sent their lists in time no new ones. */
void runners_mark_silent(struct runners *runners);

/* ---- runners_start.c ---- */

/* Creates the events respawn and unit_timeout. -ENOMEM. */
int runners_start_init(struct runners *runners) must_check;
size_t runners_count_ready(const struct runners *runners);
/* Starts runners up to options->count. -errno. */
int runners_start_missing(struct runners *runners) must_check;
/*
 * The same, and tries again until it succeeds. The first try is at once, so that no list is
 * refused, unless the last one was less than a second ago; `has_worked`: at once in any case, since
 * the runner to replace has worked.
 */
void runners_replace(struct runners *runners, bool has_worked);
/* The same a little later, from the event loop. */
void runners_replace_soon(struct runners *runners);
/* The service manager has not started a runner: it is not asked again for a while. */
void runners_unit_has_failed(struct runners *runners, const char *reason);
/* The same, with the runner that it has not started; `link` is freed. */
void runners_unit_did_not_start(struct link *link, const char *reason);

/* ---- runners_find.c ---- */

/* Connects to all runners with a socket in the state directory. -errno. */
int runners_find_all(struct runners *runners) must_check;
/*
 * Kills hooks of runners that have ended while no hookd was running. Their cgroups are siblings of
 * those of live runners, or in hookd's own.
 */
void runners_kill_orphans(struct runners *runners);
