/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Apply, Update, Release and Holdings. The first three have no request id that would make it safe
 * to send them twice.
 */

#include <errno.h>
#include <string.h>

#include "client/libhookd/ask.h"
#include "proto/messages/applied.h"

/* ---- what was applied ---- */

static int view_read(struct hp_json_value value, const char *container, struct hp_arena *arena,
		     struct hookd_applied *ret, struct hp_err *err)
{
	struct hp_applied applied;
	int r = hp_applied_read(value, arena, &applied, err);

	if (r < 0)
		return r;
	*ret = (struct hookd_applied){
	    .container = container,
	    .cgroup_path = applied.cgroup_path,
	    .rdt_group = applied.rdt_group,
	    .cgroup_created = applied.cgroup_created,
	    .rdt_created = applied.rdt_created,
	    .schemata = (const char *const *)applied.schemata,
	    .process = (const char *const *)applied.process,
	    .ignored = (const char *const *)applied.ignored,
	    .update_interrupted = applied.is_update_interrupted,
	};
	return 0;
}

static int applied_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	int r = view_read(hp_json_member(parameters, "applied"), reply->container, &reply->arena,
			  &reply->of.applied, err);

	return r < 0 ? hp_err_prefix(err, r, "applied") : 0;
}

static int list_read(struct hp_json_value value, struct hookd_reply *reply, struct hp_err *err)
{
	struct hp_json_value key, element;
	struct hookd_applied *list;
	size_t count = 0;

	if (hp_json_type(value) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	list = hp_arena_calloc(&reply->arena, hp_json_count(value), sizeof(*list));
	if (!list)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, element, value) {
		char *container;
		int r = hp_json_get_string(key, &reply->arena, &container, err);

		if (r < 0)
			return r;
		r = view_read(element, container, &reply->arena, &list[count], err);
		if (r < 0)
			return hp_err_prefix(err, r, container);
		count++;
	}
	reply->of.holdings = (struct hookd_holding_list){.containers = list, .count = count};
	return 0;
}

static int holdings_read(struct hp_json_value parameters, struct hookd_reply *reply,
			 struct hp_err *err)
{
	int r = list_read(hp_json_member(parameters, "containers"), reply, err);

	return r < 0 ? hp_err_prefix(err, r, "containers") : 0;
}

/* ---- apply, update ---- */

static const struct method method_apply = {"io.hookd.settings.Apply", REPLY_APPLIED, applied_read};
static const struct method method_update = {"io.hookd.settings.Update", REPLY_APPLIED,
					    applied_read};

static int settings_check(struct hookd_client *client, const struct hookd_apply_request *request,
			  bool has_process)
{
	int r = ask_check_text(client, "container", request->container);

	if (r < 0)
		return r;
	if (has_process && request->pid <= 0)
		return fault_set_parameter(&client->fault, "pid", "must be a process id");
	if (!has_process && request->pid != 0)
		return fault_set_parameter(&client->fault, "pid", "must be 0: no process is moved");
	if (!has_process && request->cgroup_manager)
		return fault_set_parameter(&client->fault, "cgroup_manager",
					   "must be NULL: the cgroup exists");
	if (!request->settings)
		return fault_set_parameter(&client->fault, "settings", "is required");
	return client_check_object(client, "settings", request->settings);
}

static void settings_write(struct hp_json_writer *writer, const struct hookd_apply_request *request)
{
	hp_json_add_string(writer, "container", request->container);
	if (request->pid != 0)
		hp_json_add_int(writer, "pid", request->pid);
	hp_json_key(writer, "settings");
	hp_json_put_raw(writer, request->settings, strlen(request->settings));
	hp_json_add_string(writer, "dialect", request->dialect);
	hp_json_add_string(writer, "cgroupManager", request->cgroup_manager);
}

static int settings_ask(struct hookd_client *client, const struct method *method,
			const struct hookd_apply_request *request, const struct asker *asker)
{
	struct hookd_apply_request known;
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0)
		r = client_copy_sized(client, &known, sizeof(known), request);
	if (r >= 0)
		r = settings_check(client, &known, method == &method_apply);
	if (r < 0)
		return r;
	writer = ask_write(client, method);
	settings_write(&writer, &known);
	return ask_send(client, method, &writer, known.container, asker);
}

int hookd_apply(struct hookd_client *client, const struct hookd_apply_request *request,
		struct hookd_reply **ret)
{
	return settings_ask(client, &method_apply, request, ASK_NOW(ret));
}

int hookd_apply_start(struct hookd_client *client, const struct hookd_apply_request *request,
		      hookd_done_fn done, void *userdata)
{
	return settings_ask(client, &method_apply, request, ASK_LATER(done, userdata));
}

int hookd_update(struct hookd_client *client, const struct hookd_apply_request *request,
		 struct hookd_reply **ret)
{
	return settings_ask(client, &method_update, request, ASK_NOW(ret));
}

int hookd_update_start(struct hookd_client *client, const struct hookd_apply_request *request,
		       hookd_done_fn done, void *userdata)
{
	return settings_ask(client, &method_update, request, ASK_LATER(done, userdata));
}

/* ---- release, holdings ---- */

static int removed_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);

	read_strings(&reader, "removed", &reply->of.strings);
	return reader.r;
}

static const struct method method_release = {"io.hookd.settings.Release", REPLY_STRINGS,
					     removed_read};
static const struct method method_holdings = {"io.hookd.settings.Holdings", REPLY_HOLDINGS,
					      holdings_read};

int hookd_release(struct hookd_client *client, const char *container, struct hookd_reply **ret)
{
	return ask_text(client, &method_release, "container", container, ASK_NOW(ret));
}

int hookd_release_start(struct hookd_client *client, const char *container, hookd_done_fn done,
			void *userdata)
{
	return ask_text(client, &method_release, "container", container, ASK_LATER(done, userdata));
}

int hookd_holdings(struct hookd_client *client, struct hookd_reply **ret)
{
	return ask_plain(client, &method_holdings, ASK_NOW(ret));
}

int hookd_holdings_start(struct hookd_client *client, hookd_done_fn done, void *userdata)
{
	return ask_plain(client, &method_holdings, ASK_LATER(done, userdata));
}
