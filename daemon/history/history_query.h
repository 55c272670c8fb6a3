/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "proto/base/arena.h"
#include "proto/base/buf.h"

struct history;

/* A question to the history, and its answer. */

/* Runs are in the order of submission, those of one microsecond in that of their ids. */
struct history_place {
	int64_t submitted_us;
	char id[48];
};

/* < 0: a is older. */
int history_place_compare(const struct history_place *a, const struct history_place *b);

/* Texts that are NULL, and numbers below 0, are not asked for. */
struct history_filter {
	const char *run, *run_prefix, *container, *container_prefix;
	const char *path; /* history_path_matches() the path of any hook */
	int stage, outcome, hook_outcome;
	bool failed;
	int64_t uid, since_us, until_us; /* of their submission */
	int64_t ended_since_us;
};
#define HISTORY_FILTER_ALL                                                                         \
	(struct history_filter)                                                                    \
	{                                                                                          \
		.stage = -1, .outcome = -1, .hook_outcome = -1, .uid = -1, .since_us = -1,         \
		.until_us = -1, .ended_since_us = -1                                               \
	}

/* Whether a path matches the pattern as of glob(7); without "/" the name of its file. */
bool history_path_matches(const char *pattern, const char *path);

/* A run of the answer. Texts are not NUL-terminated, and belong to the query. */
struct history_found {
	struct history_place place;
	int64_t uid, ended_us;
	int stage;
	size_t run, run_length;		/* in query::texts: the type Run */
	size_t request, request_length; /* the parameters of Run; 0: not known */
	size_t result, result_length;	/* the RunResult */
};

/* A hook that a summary counts. */
struct history_hook {
	int stage;
	const char *path;
	int outcome; /* enum hp_hook_outcome; -1: the first hook of a run that was lost */
	bool success;
	int64_t duration_us;
};

enum history_query_type {
	HISTORY_LIST,	 /* runs, the newest first */
	HISTORY_FORWARD, /* runs with request and result, the oldest first */
	HISTORY_COUNT,	 /* calls count_*() */
	HISTORY_MISSING, /* which of `ids` it does not have */
};

struct history_query {
	enum history_query_type type;
	struct history_filter filter; /* by history_query_filter(): texts are in `arena` */
	struct history_place from;    /* only older ones (LIST), newer ones (FORWARD); "": all */
	bool wants_details;	      /* LIST: request and result, too */
	size_t limit, bytes_max;      /* of the answer, which has one run at least */
	char (*ids)[48];	      /* of MISSING, sorted, owned; COUNT: runs that are left out */
	size_t id_count;
	/* COUNT: from the thread, one after the other. False: the query ends with -ENOMEM. */
	bool (*count_run)(void *userdata, int64_t submitted_us);
	bool (*count_hook)(void *userdata, const struct history_hook *hook);
	void (*counted)(void *userdata);       /* the last of them */
	void (*free_userdata)(void *userdata); /* by whichever thread; may be NULL */

	void (*done)(struct history_query *query);
	void *userdata;

	bool is_late; /* there was no answer within 10 s, and none of the following is valid */
	int r;	      /* 0, or -errno */
	struct history_found *found;
	size_t found_count;
	bool has_more;
	struct hp_buf texts;

	/* history.c */
	struct history *history;
	struct hp_arena arena;
	int64_t asked_ns;
	bool is_cancelled; /* read by the thread, too */
	STAILQ_ENTRY(history_query) link;
	TAILQ_ENTRY(history_query) pending;
};

/* NULL: out of memory. Free it by history_query_free(), unless history_ask() has taken it. */
struct history_query *history_query_new(enum history_query_type type);
void history_query_free(struct history_query *query);
/* Copies the filter. -ENOMEM. */
int history_query_filter(struct history_query *query,
			 const struct history_filter *filter) must_check;
/* For the thread. -ENOMEM. */
int history_query_add(struct history_query *query, const struct history_found *found) must_check;
