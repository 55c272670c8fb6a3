/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller of List, Watch or Summary asks for: its parameters, and which runs match them. No
 * other state.
 */
#include "daemon/status/query.h"

#include <string.h>

#include "daemon/history/history_query.h"
#include "daemon/policy/policy.h"
#include "proto/base/limits.h"

static const char *const names[QUERY_PARAMETER_COUNT] = {
    [QUERY_RUN] = "run",
    [QUERY_RUN_PREFIX] = "runPrefix",
    [QUERY_CONTAINER] = "container",
    [QUERY_CONTAINER_PREFIX] = "containerPrefix",
    [QUERY_STAGE] = "stage",
    [QUERY_STATE] = "state",
    [QUERY_OUTCOME] = "outcome",
    [QUERY_FAILED] = "failed",
    [QUERY_PATH] = "path",
    [QUERY_SINCE] = "sinceUSec",
    [QUERY_UNTIL] = "untilUSec",
    [QUERY_LIMIT] = "limit",
    [QUERY_BEFORE] = "before",
    [QUERY_OUTPUT] = "output",
};

/* ---- reading ---- */

/* The first error ends reading, so r is checked once, after all parameters. */
struct reader {
	struct hp_json_value values[QUERY_PARAMETER_COUNT];
	struct hp_arena *arena;
	struct hp_err *err;
	int r;
};

static bool skips(const struct reader *reader, enum query_parameter i)
{
	return reader->r < 0 || hp_json_is_absent(reader->values[i]);
}

static void finish(struct reader *reader, enum query_parameter i, int r)
{
	reader->r = hp_err_prefix(reader->err, r, names[i]);
}

static void read_text(struct reader *reader, enum query_parameter i, char **ret)
{
	if (!skips(reader, i))
		finish(reader, i,
		       hp_json_get_name(reader->values[i], reader->arena, HP_PATH_BYTES_MAX, ret,
					reader->err));
}

static void read_word(struct reader *reader, enum query_parameter i, const char *const words[],
		      size_t count, int *ret)
{
	if (!skips(reader, i))
		finish(reader, i,
		       hp_json_get_enum(reader->values[i], words, count, ret, reader->err));
}

static void read_number(struct reader *reader, enum query_parameter i, int64_t *ret)
{
	if (!skips(reader, i))
		finish(reader, i,
		       hp_json_get_int64(reader->values[i], 0, INT64_MAX, ret, reader->err));
}

static void read_bool(struct reader *reader, enum query_parameter i, bool *ret)
{
	if (!skips(reader, i))
		finish(reader, i, hp_json_get_bool(reader->values[i], ret, reader->err));
}

/* A run's outcome, or one of those of its failed hook. */
static void read_outcome(struct reader *reader, struct query *query)
{
	static const enum hp_hook_outcome of_hook[] = {HP_HOOK_TIMED_OUT, HP_HOOK_SPAWN_FAILED};
	const char *words[HP_RUN_OUTCOME_COUNT + ELEMENTS(of_hook)];
	int word = -1;

	memcpy(words, hp_run_outcome_names, sizeof(hp_run_outcome_names));
	for (size_t i = 0; i < ELEMENTS(of_hook); i++)
		words[HP_RUN_OUTCOME_COUNT + i] = hp_hook_outcome_names[of_hook[i]];
	read_word(reader, QUERY_OUTCOME, words, ELEMENTS(words), &word);
	if (word >= HP_RUN_OUTCOME_COUNT)
		query->hook_outcome = (int)of_hook[word - HP_RUN_OUTCOME_COUNT];
	else
		query->outcome = word;
}

static void read_all(struct reader *reader, struct query *query)
{
	read_text(reader, QUERY_RUN, &query->run);
	read_text(reader, QUERY_RUN_PREFIX, &query->run_prefix);
	read_text(reader, QUERY_CONTAINER, &query->container);
	read_text(reader, QUERY_CONTAINER_PREFIX, &query->container_prefix);
	read_word(reader, QUERY_STAGE, hp_stage_names, HP_STAGE_COUNT, &query->stage);
	read_word(reader, QUERY_STATE, run_state_names, RUN_STATE_COUNT, &query->state);
	read_outcome(reader, query);
	read_bool(reader, QUERY_FAILED, &query->failed);
	read_text(reader, QUERY_PATH, &query->path);
	read_number(reader, QUERY_SINCE, &query->since_us);
	read_number(reader, QUERY_UNTIL, &query->until_us);
	read_number(reader, QUERY_LIMIT, &query->limit);
	read_text(reader, QUERY_BEFORE, &query->before);
	read_bool(reader, QUERY_OUTPUT, &query->output);
}

int query_read(const struct exchange *exchange, unsigned int accepted, struct query *ret_query,
	       struct hp_err *err)
{
	struct reader reader = {.arena = &ret_query->arena, .err = err};

	*ret_query = (struct query){
	    .arena = HP_ARENA_INIT,
	    .stage = -1,
	    .state = -1,
	    .outcome = -1,
	    .hook_outcome = -1,
	    .since_us = -1,
	    .until_us = -1,
	    .limit = -1,
	};
	reader.r = hp_parameters_read(exchange->call.parameters, names, QUERY_PARAMETER_COUNT, 0,
				      reader.values, err);
	for (size_t i = 0; i < QUERY_PARAMETER_COUNT && reader.r == 0; i++)
		if (!(accepted & 1u << i) && !hp_json_is_absent(reader.values[i]))
			reader.r = hp_err_no_parameter(err, names[i]);
	read_all(&reader, ret_query);
	return reader.r;
}

void query_free(struct query *query)
{
	hp_arena_free(&query->arena);
}

/* ---- matching ---- */

static bool is_text(const char *wanted, const char *text)
{
	return !wanted || strcmp(wanted, text) == 0;
}

static bool is_prefix(const char *prefix, const char *text)
{
	return !prefix || strncmp(prefix, text, strlen(prefix)) == 0;
}

static bool is_number(int wanted, int number)
{
	return wanted < 0 || wanted == number;
}

bool query_matches_path(const struct query *query, const char *path)
{
	return !query->path || history_path_matches(query->path, path);
}

static bool has_path(const struct query *query, const struct run *run)
{
	const struct hp_hook_list *hooks = &run->request.hooks;
	bool is_found = !query->path;

	for (size_t i = 0; i < hooks->count && !is_found; i++)
		is_found = query_matches_path(query, hooks->hooks[i].path);
	return is_found;
}

bool query_is_failed(const struct run *run)
{
	return run->state == RUN_DONE && run->result.outcome != HP_RUN_SUCCEEDED;
}

static bool has_outcome(const struct query *query, const struct run *run)
{
	const struct hp_run_result *result = &run->result;

	if (query->failed && !query_is_failed(run))
		return false;
	if (query->outcome < 0 && query->hook_outcome < 0)
		return true;
	if (run->state != RUN_DONE)
		return false;
	return is_number(query->outcome, (int)result->outcome) &&
	       (query->hook_outcome < 0 ||
		(result->hook_count > 0 &&
		 query->hook_outcome == (int)result->hooks[run_hook(run)].outcome));
}

int64_t query_uid(const struct peer *peer)
{
	return policy_may_see_all(peer) ? -1 : (int64_t)peer->uid;
}

struct history_filter query_history(const struct query *query, const struct peer *peer)
{
	struct history_filter filter = HISTORY_FILTER_ALL;

	filter.run = query->run;
	filter.run_prefix = query->run_prefix;
	filter.container = query->container;
	filter.container_prefix = query->container_prefix;
	filter.path = query->path;
	filter.stage = query->stage;
	filter.outcome = query->outcome;
	filter.hook_outcome = query->hook_outcome;
	filter.failed = query->failed;
	filter.uid = query_uid(peer);
	filter.since_us = query->since_us;
	filter.until_us = query->until_us;
	return filter;
}

int query_check_answer(const struct history_query *answer, struct hp_err *err)
{
	if (answer->is_late)
		return hp_err_busy(err, "the history of runs does not answer");
	if (answer->r == 0 || answer->r == -ENODATA)
		return 0;
	if (answer->r == -ENOMEM)
		return hp_err_no_memory(err);
	return hp_err_busy(err, "the history of runs could not be read: %s",
			   answer->r == -EILSEQ ? "it was damaged" : strerror(-answer->r));
}

int query_asking_failed(int r, struct hp_err *err)
{
	if (r == -EBUSY)
		return hp_err_busy(err, "too many calls wait for the history of runs");
	return hp_err_no_memory(err);
}

bool query_matches(const struct query *query, const struct peer *peer, const struct run *run)
{
	return policy_may_see(peer, run->uid) && is_text(query->run, run->id) &&
	       is_prefix(query->run_prefix, run->id) &&
	       is_text(query->container, run->request.container) &&
	       is_prefix(query->container_prefix, run->request.container) &&
	       is_number(query->stage, (int)run->request.stage) &&
	       is_number(query->state, (int)run->state) &&
	       (query->since_us < 0 || run->submitted_us >= query->since_us) &&
	       (query->until_us < 0 || run->submitted_us <= query->until_us) &&
	       has_outcome(query, run) && has_path(query, run);
}
