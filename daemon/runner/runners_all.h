/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/link.h"
#include "daemon/runner/remote.h"

/* What the files runners*.c share. */

#define RUNNERS_NUMBERS_MAX 1000 /* of sockets */

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
	struct event *respawn, *later;
	int64_t started_ns;	 /* the last round of starts; 0: only the first ones were */
	struct event *late_unit; /* pending while the service manager starts one */
	int64_t unit_after_ns;	 /* the service manager is asked for none before */
	bool cannot_start;	 /* the last round of starts has failed */
	bool is_waited_for;	 /* in runners_new(): the loop is left when all are synced */
	bool is_late;		 /* and only those are waited for that are being started */
	bool has_unknown;	 /* there may be more of them, which cannot be connected to */
	bool is_settled;	 /* runners_new() has returned: changes are told */
	bool is_ending;
};

/* ---- runners.c ---- */

/* In runners_new(): whether it has to wait longer. */
void runners_leave_if_synced(struct runners *runners);
/* Its connection is lost: where its process lives it is connected to again. */
void runners_connect_again(struct link *link);
/* Its process has ended, or nothing can be had from it; `link` is freed. */
void runners_bury(struct link *link);
/* options->changed(). */
void runners_tell_change(const struct runners *runners);

/* ---- runners_start.c ---- */

/* The events respawn and late_unit. -ENOMEM. */
int runners_start_init(struct runners *runners) must_check;
size_t runners_count_ready(const struct runners *runners);
/* Starts those that are missing. -errno. */
int runners_start_missing(struct runners *runners) must_check;
/*
 * The same, again and again until it works. At once, so that no list is refused; but within a
 * second of the last time only where one is replaced that has worked, `has_worked`.
 */
void runners_replace(struct runners *runners, bool has_worked);
/* The same soon, from the event loop. */
void runners_replace_soon(struct runners *runners);
/* The service manager has not started what was asked for: it is asked for nothing for a while. */
void runners_unit_has_failed(struct runners *runners, const char *reason);
/* The same of this one, which is freed. */
void runners_unit_did_not_start(struct link *link, const char *reason);

/* ---- runners_find.c ---- */

/* Connects to those whose sockets are in the state directory. -errno. */
int runners_find_all(struct runners *runners) must_check;
/*
 * Runners that have ended while no hookd was there have left hooks in their cgroups: beside those
 * of the runners that are alive, or in hookd's own directory.
 */
void runners_kill_orphans(struct runners *runners);
