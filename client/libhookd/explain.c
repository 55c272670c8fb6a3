/* SPDX-License-Identifier: Apache-2.0 */

/* Explain. */

#include <errno.h>
#include <string.h>

#include "client/libhookd/ask.h"
#include "client/libhookd/run.h"

/* ---- the reply ---- */

static void read_why(struct member_reader *reader, struct hookd_explained_hook *hook)
{
	struct member_reader why =
	    member_reader_new(hp_json_member(reader->object, "why"), reader->arena, reader->err);

	read_text(&why, "namespaces", &hook->why_namespaces);
	read_text(&why, "ids", &hook->why_ids);
	read_text(&why, "settings", &hook->why_settings);
	read_text(&why, "timeout", &hook->why_timeout);
	if (reader->r == 0 && why.r < 0)
		reader->r = hp_err_prefix(reader->err, why.r, "why");
}

static int read_hook(struct hp_json_value value, struct hookd_reply *reply, size_t index,
		     struct hookd_explained_hook *hook, struct hp_err *err)
{
	struct member_reader reader = member_reader_new(value, &reply->arena, err);

	hook->uid = -1;
	hook->gid = -1;
	read_text(&reader, "path", &hook->path);
	read_strings(&reader, "args", &hook->args);
	read_text(&reader, "dir", &hook->dir);
	read_int64(&reader, "uid", &hook->uid);
	read_int64(&reader, "gid", &hook->gid);
	read_strings(&reader, "namespaces", &hook->namespaces);
	read_int64(&reader, "timeoutUSec", &hook->timeout_us);
	read_why(&reader, hook);
	read_text(&reader, "fails", &hook->fails);
	return member_reader_end(&reader, "hooks", index);
}

static int read_default(struct hp_json_value value, struct hookd_reply *reply, size_t index,
			struct hookd_explained_default *ret, struct hp_err *err)
{
	struct member_reader reader = member_reader_new(value, &reply->arena, err);

	read_text(&reader, "key", &ret->key);
	read_int64(&reader, "value", &ret->value);
	read_text(&reader, "source", &ret->source);
	read_text(&reader, "ignored", &ret->ignored);
	return member_reader_end(&reader, "defaults", index);
}

static int read_hooks(struct hp_json_value list, struct hookd_reply *reply, struct hp_err *err)
{
	struct hookd_explained_hook *hooks =
	    hp_arena_calloc(&reply->arena, hp_json_count(list), sizeof(*hooks));
	struct hp_json_value key, value;
	size_t count = 0;

	if (!hooks)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, value, list) {
		int r = read_hook(value, reply, count, &hooks[count], err);

		if (r < 0)
			return r;
		count++;
	}
	reply->of.explanation.hooks = hooks;
	reply->of.explanation.hook_count = count;
	return 0;
}

static int read_defaults(struct hp_json_value list, struct hookd_reply *reply, struct hp_err *err)
{
	struct hookd_explained_default *defaults =
	    hp_arena_calloc(&reply->arena, hp_json_count(list), sizeof(*defaults));
	struct hp_json_value key, value;
	size_t count = 0;

	if (!defaults)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, value, list) {
		int r = read_default(value, reply, count, &defaults[count], err);

		if (r < 0)
			return r;
		count++;
	}
	reply->of.explanation.defaults = defaults;
	reply->of.explanation.default_count = count;
	return 0;
}

static int explain_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);
	struct hp_json_value hooks = read_list(&reader, "hooks");
	struct hp_json_value defaults = read_list(&reader, "defaults");

	read_bool(&reader, "allowed", &reply->of.explanation.allowed);
	read_text(&reader, "rule", &reply->of.explanation.rule);
	read_text(&reader, "reason", &reply->of.explanation.reason);
	read_text(&reader, "fails", &reply->of.explanation.fails);
	if (reader.r == 0)
		reader.r = read_hooks(hooks, reply, err);
	if (reader.r == 0)
		reader.r = read_defaults(defaults, reply, err);
	return reader.r;
}

/* ---- the call ---- */

static int check(struct hookd_client *client, const struct hookd_run_request *request)
{
	int r;

	if (!request->stage)
		return fault_set_parameter(&client->fault, "stage", "is required");
	if (!request->hooks)
		return fault_set_parameter(&client->fault, "hooks", "is required");
	r = client_check_object(client, "hooks", request->hooks);
	if (r >= 0 && request->state)
		r = client_check_object(client, "state", request->state);
	if (r >= 0 && request->settings)
		r = client_check_object(client, "settings", request->settings);
	return r;
}

static void add_json(struct hp_json_writer *writer, const char *key, const char *json)
{
	if (!json)
		return;
	hp_json_key(writer, key);
	hp_json_put_raw(writer, json, strlen(json));
}

static int explain_ask(struct hookd_client *client, const struct hookd_run_request *request,
		       const struct asker *asker)
{
	static const struct method method = {"io.hookd.hooks.Explain", REPLY_EXPLANATION,
					     explain_read};
	struct hookd_run_request known;
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0)
		r = client_copy_sized(client, &known, sizeof(known), request);
	if (r >= 0)
		r = check(client, &known);
	if (r < 0)
		return r;
	writer = ask_write(client, &method);
	hp_json_add_string(&writer, "stage", known.stage);
	add_json(&writer, "state", known.state);
	add_json(&writer, "hooks", known.hooks);
	hp_json_add_string(&writer, "dialect", known.dialect);
	add_json(&writer, "settings", known.settings);
	hp_json_add_string(&writer, "namespaces", known.namespaces);
	return ask_send(client, &method, &writer, NULL, asker);
}

int hookd_explain(struct hookd_client *client, const struct hookd_run_request *request,
		  struct hookd_reply **ret)
{
	return explain_ask(client, request, ASK_NOW(ret));
}

int hookd_explain_start(struct hookd_client *client, const struct hookd_run_request *request,
			hookd_done_fn done, void *userdata)
{
	return explain_ask(client, request, ASK_LATER(done, userdata));
}
