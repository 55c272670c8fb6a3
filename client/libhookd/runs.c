/* SPDX-License-Identifier: Apache-2.0 */

/* Wait, Cancel, Get, List and Summary; the filters and the Run that Watch has, too. */

#include "client/libhookd/runs.h"

#include <stdlib.h>

#include "client/libhookd/result.h"

/* ---- filters ---- */

struct filter_text {
	enum filter_field field;
	const char *name, *text;
};

#define FILTER_TEXT_COUNT 9

static void filter_texts(const struct hookd_run_filter *filter,
			 struct filter_text texts[static FILTER_TEXT_COUNT])
{
	const struct filter_text all[FILTER_TEXT_COUNT] = {
	    {FILTER_RUN, "run", filter->run},
	    {FILTER_RUN_PREFIX, "runPrefix", filter->run_prefix},
	    {FILTER_CONTAINER, "container", filter->container},
	    {FILTER_CONTAINER_PREFIX, "containerPrefix", filter->container_prefix},
	    {FILTER_STAGE, "stage", filter->stage},
	    {FILTER_STATE, "state", filter->state},
	    {FILTER_OUTCOME, "outcome", filter->outcome},
	    {FILTER_PATH, "path", filter->path},
	    {FILTER_BEFORE, "before", filter->before},
	};

	for (size_t i = 0; i < FILTER_TEXT_COUNT; i++)
		texts[i] = all[i];
}

static int filter_check_texts(struct hookd_client *client, const struct hookd_run_filter *filter,
			      unsigned int accepted)
{
	struct filter_text texts[FILTER_TEXT_COUNT];
	int r = 0;

	filter_texts(filter, texts);
	for (size_t i = 0; i < FILTER_TEXT_COUNT && r == 0; i++) {
		if (!texts[i].text)
			continue;
		if (!(accepted & texts[i].field))
			return fault_set_parameter(&client->fault, texts[i].name,
						   "is not of this method");
		r = ask_check_text(client, texts[i].name, texts[i].text);
	}
	return r;
}

static int filter_check(struct hookd_client *client, const struct hookd_run_filter *filter,
			unsigned int accepted)
{
	const struct {
		enum filter_field field;
		const char *name;
		bool is_set;
	} others[] = {
	    {FILTER_FAILED, "failed", filter->failed},
	    {FILTER_OUTPUT, "output", filter->output},
	    {FILTER_SINCE, "sinceUSec", filter->since_us != 0},
	    {FILTER_UNTIL, "untilUSec", filter->until_us != 0},
	    {FILTER_LIMIT, "limit", filter->limit != 0},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].is_set && !(accepted & others[i].field))
			return fault_set_parameter(&client->fault, others[i].name,
						   "is not of this method");
	return filter_check_texts(client, filter, accepted);
}

int filter_read(struct hookd_client *client, const struct hookd_run_filter *filter,
		unsigned int accepted, struct hookd_run_filter *ret)
{
	int r;

	*ret = (struct hookd_run_filter){0};
	if (!filter)
		return 0;
	r = client_copy_sized(client, ret, sizeof(*ret), filter);
	return r < 0 ? r : filter_check(client, ret, accepted);
}

void filter_write(struct hp_json_writer *writer, const struct hookd_run_filter *filter)
{
	struct filter_text texts[FILTER_TEXT_COUNT];

	filter_texts(filter, texts);
	for (size_t i = 0; i < FILTER_TEXT_COUNT; i++)
		hp_json_add_string(writer, texts[i].name, texts[i].text);
	if (filter->failed)
		hp_json_add_bool(writer, "failed", true);
	if (filter->output)
		hp_json_add_bool(writer, "output", true);
	if (filter->since_us != 0)
		hp_json_add_int(writer, "sinceUSec", filter->since_us);
	if (filter->until_us != 0)
		hp_json_add_int(writer, "untilUSec", filter->until_us);
	if (filter->limit != 0) {
		hp_json_key(writer, "limit");
		hp_json_put_uint(writer, filter->limit);
	}
}

/* ---- a run ---- */

static void read_texts(struct member_reader *reader, struct hookd_run_info *info)
{
	read_text(reader, "run", &info->run);
	read_text(reader, "requestId", &info->request_id);
	read_text(reader, "container", &info->container);
	read_text(reader, "stage", &info->stage);
	read_text(reader, "state", &info->state);
	read_text(reader, "outcome", &info->outcome);
	read_text(reader, "error", &info->error);
	read_text(reader, "path", &info->path);
	read_text(reader, "hookOutcome", &info->hook_outcome);
	read_text(reader, "signal", &info->signal);
	read_text(reader, "errnoName", &info->errno_name);
}

int run_info_read(struct hp_json_value value, struct hp_arena *arena, struct hookd_run_info *ret,
		  struct hp_err *err)
{
	struct hookd_run_info info = {.uid = -1, .hook = -1, .exit_status = -1, .oom_killed = -1};
	struct member_reader reader = member_reader_new(value, arena, err);
	bool oom_killed = false;

	read_texts(&reader, &info);
	read_int64(&reader, "uid", &info.uid);
	read_int64(&reader, "hook", &info.hook);
	read_uint64(&reader, "hooks", &info.hook_count);
	read_int(&reader, "pid", &info.pid);
	read_int(&reader, "exitStatus", &info.exit_status);
	read_int64(&reader, "deadlineUSec", &info.deadline_us);
	read_int64(&reader, "submittedUSec", &info.submitted_us);
	read_int64(&reader, "queuedUSec", &info.queued_us);
	read_int64(&reader, "durationUSec", &info.duration_us);
	read_bool(&reader, "oomKilled", &oom_killed);
	if (!hp_json_is_absent(hp_json_member(value, "oomKilled")))
		info.oom_killed = oom_killed;
	if (reader.r == 0 && !info.run)
		return hp_err_invalid(err, "run", "is required");
	if (reader.r == 0)
		*ret = info;
	return reader.r;
}

/* ---- wait, cancel ---- */

static int result_read(struct hp_json_value value, struct hookd_reply *reply, struct hp_err *err)
{
	struct hp_run_result run;
	int r = hp_run_result_read(value, &run, err);

	if (r < 0)
		return hp_err_prefix(err, r, "result");
	r = result_new(&run, &reply->result);
	if (r < 0) {
		hp_run_result_clear(&run);
		return hp_err_no_memory(err);
	}
	return 0;
}

static int wait_read(struct hp_json_value parameters, struct hookd_reply *reply, struct hp_err *err)
{
	return result_read(hp_json_member(parameters, "result"), reply, err);
}

static const struct method method_wait = {"io.hookd.hooks.Wait", REPLY_RESULT, wait_read};
static const struct method method_cancel = {"io.hookd.hooks.Cancel", REPLY_EMPTY, NULL};

int hookd_wait(struct hookd_client *client, const char *run, struct hookd_reply **ret)
{
	return ask_text(client, &method_wait, "run", run, ASK_NOW(ret));
}

int hookd_wait_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		     void *userdata)
{
	return ask_text(client, &method_wait, "run", run, ASK_LATER(done, userdata));
}

int hookd_cancel(struct hookd_client *client, const char *run, struct hookd_reply **ret)
{
	return ask_text(client, &method_cancel, "run", run, ASK_NOW(ret));
}

int hookd_cancel_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		       void *userdata)
{
	return ask_text(client, &method_cancel, "run", run, ASK_LATER(done, userdata));
}

/* ---- get ---- */

static int progress_read_hooks(struct hp_json_value hooks, struct hp_run_result *run,
			       struct hp_err *err)
{
	struct hp_json_value key, value;

	if (hp_json_count(hooks) == 0)
		return 0;
	run->hooks = calloc(hp_json_count(hooks), sizeof(*run->hooks));
	if (!run->hooks)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, value, hooks) {
		struct hp_hook_result *hook = &run->hooks[run->hook_count];
		bool is_running;
		int r = hp_hook_progress_read(value, &is_running, hook, err);

		if (r < 0)
			return hp_err_prefix_index(err, r, run->hook_count);
		if (is_running)
			hook->outcome = RESULT_RUNNING;
		run->hook_count++;
	}
	return 0;
}

/* The hooks so far are kept as a result that nobody sees. */
static int progress_read(struct hp_json_value progress, struct hookd_reply *reply,
			 struct hp_err *err)
{
	struct hp_run_result run = {0};
	struct member_reader reader = member_reader_new(progress, &reply->arena, err);
	struct hp_json_value hooks = read_list(&reader, "hooks");
	int r = reader.r < 0 ? reader.r : progress_read_hooks(hooks, &run, err);

	if (r == 0 && result_new(&run, &reply->progress) < 0)
		r = hp_err_no_memory(err);
	hp_run_result_clear(&run);
	return r < 0 ? hp_err_prefix(err, r, "progress.hooks") : 0;
}

static int details_list_hooks(struct hookd_reply *reply, struct hp_err *err)
{
	struct hookd_run_details *details = &reply->of.details;
	size_t count = hookd_result_hook_count(reply->progress);
	const struct hookd_hook_result **hooks =
	    hp_arena_calloc(&reply->arena, count, sizeof(*hooks));

	if (!hooks)
		return hp_err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		hooks[i] = hookd_result_hook(reply->progress, i);
	details->hooks = hooks;
	details->hook_count = count;
	return 0;
}

static int details_read_request(struct hp_json_value request, struct hookd_reply *reply,
				struct hp_err *err)
{
	const char *text;
	size_t length;

	if (hp_json_is_absent(request))
		return 0;
	text = hp_json_text(request, &length);
	reply->of.details.request = hp_arena_copy(&reply->arena, text, length);
	return reply->of.details.request ? 0 : hp_err_no_memory(err);
}

static int get_read(struct hp_json_value parameters, struct hookd_reply *reply, struct hp_err *err)
{
	struct hp_json_value result = hp_json_member(parameters, "result");
	struct hookd_run_info *info = hp_arena_calloc(&reply->arena, 1, sizeof(*info));
	int r;

	if (!info)
		return hp_err_no_memory(err);
	r = run_info_read(hp_json_member(parameters, "run"), &reply->arena, info, err);
	if (r < 0)
		return hp_err_prefix(err, r, "run");
	reply->of.details.run = info;
	if (!hp_json_is_absent(result))
		r = result_read(result, reply, err);
	if (r == 0)
		r = progress_read(hp_json_member(parameters, "progress"), reply, err);
	if (r == 0)
		r = details_list_hooks(reply, err);
	return r < 0 ? r : details_read_request(hp_json_member(parameters, "request"), reply, err);
}

static const struct method method_get = {"io.hookd.status.Get", REPLY_DETAILS, get_read};

int hookd_get(struct hookd_client *client, const char *run, struct hookd_reply **ret)
{
	return ask_text(client, &method_get, "run", run, ASK_NOW(ret));
}

int hookd_get_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		    void *userdata)
{
	return ask_text(client, &method_get, "run", run, ASK_LATER(done, userdata));
}

/* ---- list, summary ---- */

static int list_read(struct hp_json_value parameters, struct hookd_reply *reply, struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);
	struct hp_json_value runs = read_list(&reader, "runs"), key, value;
	struct hookd_run_list *list = &reply->of.list;
	struct hookd_run_info *infos =
	    hp_arena_calloc(&reply->arena, hp_json_count(runs), sizeof(*infos));

	if (reader.r < 0)
		return reader.r;
	if (!infos)
		return hp_err_no_memory(err);
	list->runs = infos;
	HP_JSON_FOREACH (key, value, runs) {
		reader.r = run_info_read(value, &reply->arena, &infos[list->count], err);
		if (member_reader_end(&reader, "runs", list->count) < 0)
			return reader.r;
		list->count++;
	}
	read_bool(&reader, "hasMore", &list->has_more);
	return reader.r;
}

static int path_read(struct hp_json_value value, struct hp_arena *arena,
		     struct hookd_path_summary *ret, struct hp_err *err)
{
	struct member_reader reader = member_reader_new(value, arena, err);

	read_text(&reader, "path", &ret->path);
	read_text(&reader, "stage", &ret->stage);
	read_uint64(&reader, "runs", &ret->runs);
	read_uint64(&reader, "failures", &ret->failures);
	read_uint64(&reader, "timeouts", &ret->timeouts);
	read_int64(&reader, "p50USec", &ret->p50_us);
	read_int64(&reader, "p90USec", &ret->p90_us);
	read_int64(&reader, "p99USec", &ret->p99_us);
	read_int64(&reader, "maxUSec", &ret->max_us);
	return reader.r;
}

static int summary_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);
	struct hp_json_value list = read_list(&reader, "paths"), key, value;
	struct hookd_summary_table *table = &reply->of.summary;
	struct hookd_path_summary *paths =
	    hp_arena_calloc(&reply->arena, hp_json_count(list), sizeof(*paths));

	if (reader.r < 0)
		return reader.r;
	if (!paths)
		return hp_err_no_memory(err);
	table->paths = paths;
	HP_JSON_FOREACH (key, value, list) {
		reader.r = path_read(value, &reply->arena, &paths[table->count], err);
		if (member_reader_end(&reader, "paths", table->count) < 0)
			return reader.r;
		table->count++;
	}
	read_uint64(&reader, "runs", &table->runs);
	read_int64(&reader, "oldestUSec", &table->oldest_us);
	read_bool(&reader, "hasMore", &table->has_more);
	return reader.r;
}

static int filter_ask(struct hookd_client *client, const struct method *method,
		      const struct hookd_run_filter *filter, unsigned int accepted,
		      const struct asker *asker)
{
	struct hookd_run_filter known;
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0)
		r = filter_read(client, filter, accepted, &known);
	if (r < 0)
		return r;
	writer = ask_write(client, method);
	filter_write(&writer, &known);
	return ask_send(client, method, &writer, NULL, asker);
}

static const struct method method_list = {"io.hookd.status.List", REPLY_LIST, list_read};
#define LIST_FIELDS (~(unsigned int)(FILTER_RUN | FILTER_OUTPUT))

int hookd_list(struct hookd_client *client, const struct hookd_run_filter *filter,
	       struct hookd_reply **ret)
{
	return filter_ask(client, &method_list, filter, LIST_FIELDS, ASK_NOW(ret));
}

int hookd_list_start(struct hookd_client *client, const struct hookd_run_filter *filter,
		     hookd_done_fn done, void *userdata)
{
	return filter_ask(client, &method_list, filter, LIST_FIELDS, ASK_LATER(done, userdata));
}

static const struct method method_summary = {"io.hookd.status.Summary", REPLY_SUMMARY,
					     summary_read};
#define SUMMARY_FIELDS (FILTER_CONTAINER | FILTER_STAGE | FILTER_PATH | FILTER_SINCE | FILTER_UNTIL)

int hookd_summary(struct hookd_client *client, const struct hookd_run_filter *filter,
		  struct hookd_reply **ret)
{
	return filter_ask(client, &method_summary, filter, SUMMARY_FIELDS, ASK_NOW(ret));
}

int hookd_summary_start(struct hookd_client *client, const struct hookd_run_filter *filter,
			hookd_done_fn done, void *userdata)
{
	return filter_ask(client, &method_summary, filter, SUMMARY_FIELDS,
			  ASK_LATER(done, userdata));
}
