/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.status. No state. */
#include <string.h>

#include "daemon/ipc/dispatch.h"
#include "daemon/policy/policy.h"
#include "version.h"

#define LIST_LIMIT 1000

/* ---- one run ---- */

static void put_string(struct hp_json_writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	hp_json_key(writer, key);
	hp_json_put_string(writer, value);
}

static void put_int(struct hp_json_writer *writer, const char *key, int64_t value)
{
	hp_json_key(writer, key);
	hp_json_put_int(writer, value);
}

static void write_run(struct hp_json_writer *writer, struct run *run)
{
	bool is_done = run->state == RUN_DONE;

	hp_json_begin(writer, '{');
	put_string(writer, "run", run->id);
	put_string(writer, "requestId", run->request.request_id);
	put_string(writer, "container", run->request.container);
	put_string(writer, "stage", hp_stage_names[run->request.stage]);
	put_string(writer, "state", run_state_names[run->state]);
	if (is_done)
		put_string(writer, "outcome", hp_run_outcome_names[run->result.outcome]);
	put_string(writer, "error", run->result.error);
	put_int(writer, "uid", run->uid);
	if (run->state != RUN_QUEUED && run->result.hook_count > 0)
		put_int(writer, "hook", (int64_t)run_hook(run));
	put_int(writer, "hooks", (int64_t)run->request.hooks.count);
	put_string(writer, "path", run_path(run));
	if (run->state == RUN_RUNNING && run_pid(run) > 0)
		put_int(writer, "pid", run_pid(run));
	put_int(writer, "submittedUSec", run->submitted_us);
	put_int(writer, "durationUSec", run_duration_us(run));
	hp_json_end(writer, '}');
}

/* ---- List ---- */

struct list_filter {
	char *container, *path;
	int stage, state, outcome; /* -1: any */
	int64_t since_us, until_us, limit;
};

enum list_parameter {
	LIST_CONTAINER,
	LIST_STAGE,
	LIST_STATE,
	LIST_OUTCOME,
	LIST_PATH,
	LIST_SINCE,
	LIST_UNTIL,
	LIST_LIMIT_PARAMETER,
	LIST_PARAMETER_COUNT,
};
static const char *const list_names[LIST_PARAMETER_COUNT] = {
    "container", "stage", "state", "outcome", "path", "sinceUSec", "untilUSec", "limit",
};

static int read_string(const struct hp_json_value values[], enum list_parameter i,
		       struct hp_arena *arena, char **ret, struct hp_err *err)
{
	if (hp_json_is_absent(values[i]))
		return 0;
	return hp_err_prefix(err, hp_json_get_string(values[i], arena, ret, err), list_names[i]);
}

static int read_word(const struct hp_json_value values[], enum list_parameter i,
		     const char *const words[], size_t count, int *ret, struct hp_err *err)
{
	if (hp_json_is_absent(values[i]))
		return 0;
	return hp_err_prefix(err, hp_json_get_enum(values[i], words, count, ret, err),
			     list_names[i]);
}

static int read_number(const struct hp_json_value values[], enum list_parameter i, int64_t *ret,
		       struct hp_err *err)
{
	if (hp_json_is_absent(values[i]))
		return 0;
	return hp_err_prefix(err, hp_json_get_int64(values[i], 0, INT64_MAX, ret, err),
			     list_names[i]);
}

static int read_filter(const struct exchange *exchange, struct hp_arena *arena,
		       struct list_filter *ret_filter, struct hp_err *err)
{
	struct hp_json_value values[LIST_PARAMETER_COUNT];
	struct list_filter *filter = ret_filter;
	int r = hp_parameters_read(exchange->call.parameters, list_names, LIST_PARAMETER_COUNT, 0,
				   values, err);

	*filter = (struct list_filter){
	    .stage = -1, .state = -1, .outcome = -1, .until_us = INT64_MAX, .limit = LIST_LIMIT};
	if (r == 0)
		r = read_string(values, LIST_CONTAINER, arena, &filter->container, err);
	if (r == 0)
		r = read_string(values, LIST_PATH, arena, &filter->path, err);
	if (r == 0)
		r = read_word(values, LIST_STAGE, hp_stage_names, HP_STAGE_COUNT, &filter->stage,
			      err);
	if (r == 0)
		r = read_word(values, LIST_STATE, run_state_names, RUN_STATE_COUNT, &filter->state,
			      err);
	if (r == 0)
		r = read_word(values, LIST_OUTCOME, hp_run_outcome_names, HP_RUN_OUTCOME_COUNT,
			      &filter->outcome, err);
	if (r == 0)
		r = read_number(values, LIST_SINCE, &filter->since_us, err);
	if (r == 0)
		r = read_number(values, LIST_UNTIL, &filter->until_us, err);
	if (r == 0)
		r = read_number(values, LIST_LIMIT_PARAMETER, &filter->limit, err);
	return r;
}

static bool has_hook(const struct run *run, const char *path)
{
	for (size_t i = 0; i < run->result.hook_count; i++)
		if (strcmp(run->result.hooks[i].path, path) == 0)
			return true;
	return false;
}

static bool is_wanted(const struct list_filter *filter, const struct run *run)
{
	bool is_done = run->state == RUN_DONE;

	if (filter->container && strcmp(filter->container, run->request.container) != 0)
		return false;
	if (filter->path && !has_hook(run, filter->path))
		return false;
	if (filter->stage >= 0 && filter->stage != (int)run->request.stage)
		return false;
	if (filter->state >= 0 && filter->state != (int)run->state)
		return false;
	if (filter->outcome >= 0 && (!is_done || filter->outcome != (int)run->result.outcome))
		return false;
	return run->submitted_us >= filter->since_us && run->submitted_us <= filter->until_us;
}

/* The first run, from `run` on to older ones, that the peer may see and that matches the filter. */
static struct run *next_wanted(const struct exchange *exchange, const struct list_filter *filter,
			       struct run *run)
{
	while (run && !(policy_may_see(&exchange->conn->peer, run->uid) && is_wanted(filter, run)))
		run = store_older(run);
	return run;
}

static void reply_list(struct exchange *exchange, const struct list_filter *filter)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	struct run *run = next_wanted(exchange, filter, store_newest(exchange->hookd->store));

	hp_json_key(&writer, "runs");
	hp_json_begin(&writer, '[');
	for (int64_t i = 0; run && i < filter->limit; i++) {
		write_run(&writer, run);
		run = next_wanted(exchange, filter, store_older(run));
	}
	hp_json_end(&writer, ']');
	hp_reply_end(&writer);
}

/* Sends one run per reply. "continues" is false in the last one. */
static void reply_each(struct exchange *exchange, const struct list_filter *filter)
{
	struct hp_buf *out = conn_reply(exchange->conn);
	struct run *run = next_wanted(exchange, filter, store_newest(exchange->hookd->store));
	struct hp_json_writer writer;
	struct run *next;

	if (!run || filter->limit == 0)
		hp_reply_empty(out, NULL);
	for (int64_t i = 1; run && i <= filter->limit; i++, run = next) {
		next = next_wanted(exchange, filter, store_older(run));
		writer = hp_reply_begin(out, NULL, next && i < filter->limit);
		hp_json_key(&writer, "run");
		write_run(&writer, run);
		hp_reply_end(&writer);
	}
}

int handle_list(struct exchange *exchange, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct list_filter filter;
	int r = read_filter(exchange, &arena, &filter, err);

	if (r == 0 && exchange->call.more)
		reply_each(exchange, &filter);
	else if (r == 0)
		reply_list(exchange, &filter);
	hp_arena_free(&arena);
	return r;
}

/* ---- Get ---- */

int handle_get(struct exchange *exchange, struct hp_err *err)
{
	struct run *run = find_run_parameter(exchange, err);
	struct hp_json_writer writer;

	if (!run)
		return -ENOENT;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_key(&writer, "run");
	write_run(&writer, run);
	if (run->state == RUN_DONE) {
		hp_json_key(&writer, "result");
		hp_run_result_write(&writer, &run->result);
	}
	if (run->request.text) {
		hp_json_key(&writer, "request");
		hp_json_put_raw(&writer, run->request.text, run->request.text_length);
	}
	hp_reply_end(&writer);
	return 0;
}

/* ---- GetStatus ---- */

static void write_features(struct hp_json_writer *writer, const struct hookd *hookd)
{
	hp_json_key(writer, "features");
	hp_json_begin(writer, '[');
	/* What a timeout kills: all processes of the hook, or those that can be found. */
	hp_json_put_string(writer, hookd->cgroups ? "kill-cgroup" : "kill-session");
	hp_json_end(writer, ']');
	hp_json_key(writer, "kernelFeatures");
	hp_json_begin(writer, '{');
	hp_json_key(writer, "cgroup");
	hp_json_put_bool(writer, hookd->cgroups != NULL);
	for (size_t i = 0; i < hookd->kernel.count; i++) {
		hp_json_key(writer, hookd->kernel.parts[i].name);
		hp_json_put_bool(writer, hookd->kernel.parts[i].error == 0);
	}
	hp_json_end(writer, '}');
}

int handle_get_status(struct exchange *exchange, struct hp_err *err)
{
	const struct hookd *hookd = exchange->hookd;
	struct hp_json_writer writer;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	put_string(&writer, "version", HOOKD_VERSION);
	put_int(&writer, "pid", getpid());
	put_int(&writer, "uptimeUSec", (clock_ns(CLOCK_BOOTTIME) - hookd->started_ns) / 1000);
	put_string(&writer, "state", hookd->is_draining ? "draining" : "running");
	put_int(&writer, "running", (int64_t)sched_running(hookd->sched));
	put_int(&writer, "queued", (int64_t)sched_queued(hookd->sched));
	put_int(&writer, "connections", (int64_t)hookd->conn_count);
	put_int(&writer, "stored", (int64_t)store_kept(hookd->store));
	write_features(&writer, hookd);
	hp_reply_end(&writer);
	return 0;
}
