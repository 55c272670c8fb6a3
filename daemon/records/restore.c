/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded runs to runs. No state.
 *
 * A run whose request is damaged is still known by its id and its request id, so that it is not run
 * again: struct hp_request without a text.
 */
#include "daemon/records/restore.h"

#include <string.h>

#include "daemon/base/log.h"
#include "proto/json/json.h"

static int by_submission(const struct recorded_run *a, const struct recorded_run *b)
{
	return (a->submitted_us > b->submitted_us) - (a->submitted_us < b->submitted_us);
}

static int by_end(const struct recorded_run *a, const struct recorded_run *b)
{
	return (a->ended_ns > b->ended_ns) - (a->ended_ns < b->ended_ns);
}

/* ---- requests ---- */

static int read_request(const struct recorded_run *recorded, struct hp_json *json,
			struct hp_request *ret_request)
{
	struct hp_err err = {0};
	int r = hp_json_parse(json, recorded->request, recorded->request_length, &err);

	if (r == 0)
		r = hp_request_read(hp_json_root(json), ret_request, &err);
	if (r < 0 && r != -ENOMEM)
		log_error("records of runs: the request of run %s cannot be read: %s%s%s",
			  recorded->id, err.path, err.path[0] ? ": " : "", err.reason);
	return r;
}

/* Where the container is not recorded either, the result has its name. */
static int make_request_without_text(const struct recorded_run *recorded,
				     struct hp_request *ret_request)
{
	static const char unknown[] = "unknown";
	struct hp_request request = {.arena = HP_ARENA_INIT, .stage = recorded->stage};
	const char *id = recorded->request_id;

	request.container =
	    recorded->container
		? hp_arena_copy(&request.arena, recorded->container, recorded->container_length)
		: hp_arena_copy(&request.arena, unknown, strlen(unknown));
	if (id)
		request.request_id = hp_arena_copy(&request.arena, id, strlen(id));
	if (!request.container || (id && !request.request_id)) {
		hp_request_free(&request);
		return -ENOMEM;
	}
	*ret_request = request;
	return 0;
}

static int make_request(const struct recorded_run *recorded, struct hp_json *json,
			struct hp_request *ret_request)
{
	int r = recorded->request ? read_request(recorded, json, ret_request) : -ENODATA;

	return r == 0 || r == -ENOMEM ? r : make_request_without_text(recorded, ret_request);
}

/* ---- results ---- */

/* A run whose result cannot be read is as one whose end was not recorded. */
static int restore_result(struct recorded_run *recorded, struct hp_json *json, struct run *run)
{
	struct hp_run_result result;
	struct hp_err err = {0};
	int r;

	if (!recorded->result)
		return 0;
	r = hp_json_parse(json, recorded->result, recorded->result_length, &err);
	if (r == 0)
		r = hp_run_result_read(hp_json_root(json), &result, &err);
	if (r == 0) {
		run_found(run, &result, recorded->ended_ns);
		return 0;
	}
	recorded->result = NULL;
	if (r != -ENOMEM)
		log_error("records of runs: the result of run %s cannot be read: %s%s%s",
			  recorded->id, err.path, err.path[0] ? ": " : "", err.reason);
	return r == -ENOMEM ? r : 0;
}

/* ---- runs ---- */

/* An earlier run with that request id was forgotten, else there would not be this one. */
static void drop_earlier(struct store *store, const struct run *run)
{
	const char *id = run->request.request_id;
	struct run *earlier = id ? store_find_request(store, run->uid, id) : NULL;

	if (earlier)
		store_drop(store, earlier);
}

int restore_run(struct recorded_run *recorded, const struct run_context *context,
		struct hp_json *json, struct run **ret_run)
{
	struct hp_request request;
	struct run *run;
	int r = make_request(recorded, json, &request);

	if (r < 0)
		return r;
	r = run_new_lost(context, recorded->id, recorded->uid, &request, recorded->submitted_us,
			 &run);
	if (r < 0) {
		hp_request_free(&request);
		return r;
	}
	r = restore_result(recorded, json, run);
	if (r < 0)
		run_free(run);
	else
		*ret_run = run;
	return r;
}

static int add_run(struct recorded_run *recorded, const struct run_context *context,
		   struct store *store, struct hp_json *json)
{
	struct run *run;
	int r = restore_run(recorded, context, json, &run);

	if (r < 0)
		return r;
	drop_earlier(store, run);
	r = store_add(store, run);
	if (r < 0)
		run_free(run);
	else
		store_recorded(store, run, recorded->bytes);
	return r;
}

/* In the order of their ends, which is that in which they are forgotten. */
static void finish_all(struct recorded *recorded, struct store *store)
{
	struct recorded_run *from, *next;

	HASH_SRT(by_id, recorded->runs, by_end);
	HASH_ITER(by_id, recorded->runs, from, next)
	{
		struct run *run = from->result ? store_find(store, from->id) : NULL;

		if (run)
			store_finished(store, run);
	}
}

int restore_runs(struct recorded *recorded, const struct run_context *context, struct store *store)
{
	struct recorded_run *run, *next;
	struct hp_json json = {0};
	int r = 0;

	HASH_SRT(by_id, recorded->runs, by_submission);
	HASH_ITER(by_id, recorded->runs, run, next)
	{
		if (r == 0 && !run->is_forgotten)
			r = add_run(run, context, store, &json);
	}
	hp_json_free(&json);
	if (r == 0)
		finish_all(recorded, store);
	return r;
}
