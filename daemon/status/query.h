/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/history/history_query.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/run/run.h"

/* The parameters of List, Watch and Summary. */
enum query_parameter {
	QUERY_RUN,
	QUERY_RUN_PREFIX,
	QUERY_CONTAINER,
	QUERY_CONTAINER_PREFIX,
	QUERY_STAGE,
	QUERY_STATE,
	QUERY_OUTCOME,
	QUERY_FAILED,
	QUERY_PATH,
	QUERY_SINCE,
	QUERY_UNTIL,
	QUERY_LIMIT,
	QUERY_BEFORE,
	QUERY_OUTPUT,
	QUERY_PARAMETER_COUNT,
};
#define QUERY(parameter) (1u << QUERY_##parameter)

/* What a caller asks for. A text that is NULL, and a number below 0, was not given. */
struct query {
	struct hp_arena arena; /* of the texts */
	char *run, *run_prefix, *container, *container_prefix;
	char *path; /* a pattern as of glob(7); without "/" for the names of files */
	int stage, state;
	int outcome;	  /* of the run */
	int hook_outcome; /* timed_out, spawn_failed: of the hook that failed */
	bool failed;	  /* only runs that are done and did not succeed */
	bool output;
	int64_t since_us, until_us, limit;
	char *before;
};

/*
 * Reads those parameters that `accepted` has; any other is -EINVAL, as is a wrong value, with the
 * name. The caller frees the query by query_free(), also after an error.
 */
int query_read(const struct exchange *exchange, unsigned int accepted, struct query *ret_query,
	       struct hp_err *err) must_check;
void query_free(struct query *query);

/* Whether the peer may see the run, and it is one that is asked for. */
bool query_matches(const struct query *query, const struct peer *peer, const struct run *run);
/* The uid whose runs the peer may see; -1: all. */
int64_t query_uid(const struct peer *peer);
/* The same question to the history, which has runs that are done; texts are the query's. */
struct history_filter query_history(const struct query *query, const struct peer *peer);
/* Whether a path matches query->path. */
bool query_matches_path(const struct query *query, const char *path);
/* An answer of the history that is no answer: -EBUSY, -ENOMEM with *err. Without a history: 0. */
int query_check_answer(const struct history_query *answer, struct hp_err *err) must_check;
/* *err for an error of history_ask(). Returns it. */
int query_asking_failed(int r, struct hp_err *err);
/* Whether the run is done and something of it went wrong. */
bool query_is_failed(const struct run *run);
