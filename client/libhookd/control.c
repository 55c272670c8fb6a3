/* SPDX-License-Identifier: Apache-2.0 */

/* The methods of io.hookd.control. */

#include "client/libhookd/ask.h"

/* ---- ping, drain ---- */

static const struct method method_ping = {"io.hookd.control.Ping", REPLY_EMPTY, NULL};
static const struct method method_drain = {"io.hookd.control.Drain", REPLY_EMPTY, NULL};

int hookd_ping(struct hookd_client *client, struct hookd_reply **ret)
{
	return ask_plain(client, &method_ping, ASK_NOW(ret));
}

int hookd_ping_start(struct hookd_client *client, hookd_done_fn done, void *userdata)
{
	return ask_plain(client, &method_ping, ASK_LATER(done, userdata));
}

int hookd_drain(struct hookd_client *client, struct hookd_reply **ret)
{
	return ask_plain(client, &method_drain, ASK_NOW(ret));
}

int hookd_drain_start(struct hookd_client *client, hookd_done_fn done, void *userdata)
{
	return ask_plain(client, &method_drain, ASK_LATER(done, userdata));
}

/* ---- configuration ---- */

static int reload_read(struct hp_json_value parameters, struct hookd_reply *reply,
		       struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);

	read_strings(&reader, "files", &reply->of.strings);
	return reader.r;
}

static const struct method method_reload = {"io.hookd.control.Reload", REPLY_STRINGS, reload_read};
static const struct method method_set_log_level = {"io.hookd.control.SetLogLevel", REPLY_EMPTY,
						   NULL};

int hookd_reload(struct hookd_client *client, struct hookd_reply **ret)
{
	return ask_plain(client, &method_reload, ASK_NOW(ret));
}

int hookd_reload_start(struct hookd_client *client, hookd_done_fn done, void *userdata)
{
	return ask_plain(client, &method_reload, ASK_LATER(done, userdata));
}

int hookd_set_log_level(struct hookd_client *client, const char *level, struct hookd_reply **ret)
{
	return ask_text(client, &method_set_log_level, "level", level, ASK_NOW(ret));
}

int hookd_set_log_level_start(struct hookd_client *client, const char *level, hookd_done_fn done,
			      void *userdata)
{
	return ask_text(client, &method_set_log_level, "level", level, ASK_LATER(done, userdata));
}

/* ---- policy ---- */

static int decision_read(struct hp_json_value parameters, struct hookd_reply *reply,
			 struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);

	read_bool(&reader, "allowed", &reply->of.decision.allowed);
	read_text(&reader, "rule", &reply->of.decision.rule);
	read_text(&reader, "reason", &reply->of.decision.reason);
	return reader.r;
}

static void add_gids(struct hp_json_writer *writer, const struct hookd_caller *caller)
{
	if (!caller->gids)
		return;
	hp_json_key(writer, "gids");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < caller->gid_count; i++)
		hp_json_put_int(writer, caller->gids[i]);
	hp_json_end(writer, ']');
}

static int policy_ask(struct hookd_client *client, const struct hookd_caller *caller,
		      const char *name, const struct asker *asker)
{
	static const struct method method = {"io.hookd.control.ExplainPolicy", REPLY_DECISION,
					     decision_read};
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0)
		r = ask_check_text(client, "method", name);
	if (r < 0)
		return r;
	writer = ask_write(client, &method);
	hp_json_add_int(&writer, "uid", caller->uid);
	add_gids(&writer, caller);
	hp_json_add_string(&writer, "method", name);
	return ask_send(client, &method, &writer, NULL, asker);
}

int hookd_explain_policy(struct hookd_client *client, const struct hookd_caller *caller,
			 const char *method, struct hookd_reply **ret)
{
	return policy_ask(client, caller, method, ASK_NOW(ret));
}

int hookd_explain_policy_start(struct hookd_client *client, const struct hookd_caller *caller,
			       const char *method, hookd_done_fn done, void *userdata)
{
	return policy_ask(client, caller, method, ASK_LATER(done, userdata));
}
