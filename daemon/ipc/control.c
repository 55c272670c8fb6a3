/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.control. No state. */
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/policy/policy.h"
#include "proto/base/limits.h"

void write_config_error(struct hp_json_writer *writer, const struct config_error *error)
{
	hp_json_add_string(writer, "file", error->file);
	hp_json_add_int(writer, "line", error->line);
	if (error->column > 0)
		hp_json_add_int(writer, "column", error->column);
	if (error->key[0])
		hp_json_add_string(writer, "key", error->key);
	hp_json_add_string(writer, "reason", error->reason);
}

void reply_config_error(struct conn *conn, const struct config_error *error)
{
	struct hp_json_writer writer =
	    hp_reply_begin(conn_reply(conn), "io.hookd.control.ConfigError", false);

	conn->request.error = HP_ERR_CONFIG;
	write_config_error(&writer, error);
	hp_reply_end(&writer);
}

/* "error" and so on, as in [Log] Level=. */
static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

const char *log_level_name(const struct hookd *hookd)
{
	for (size_t i = 0; i < ELEMENTS(levels); i++)
		if ((int)hookd->config.log_level == levels[i])
			return level_names[i];
	return "info";
}

int handle_set_log_level(struct exchange *exchange, struct hp_err *err)
{
	static const char *const names[] = {"level"};
	struct hp_json_value value;
	int i, r = hp_parameters_read(exchange->call.parameters, names, 1, 1, &value, err);

	if (r == 0)
		r = hp_err_prefix(
		    err, hp_json_get_enum(value, level_names, ELEMENTS(level_names), &i, err),
		    "level");
	if (r < 0)
		return r;
	exchange->hookd->set_log_level(exchange->hookd, levels[i]);
	log_notice("uid %u has set the log level to %s", exchange->conn->peer.uid, level_names[i]);
	hp_reply_empty(conn_reply(exchange->conn), NULL);
	return 0;
}

void write_config_files(struct hp_json_writer *writer, const struct config *config, const char *key)
{
	hp_json_key(writer, key);
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < config->file_count; i++)
		hp_json_put_string(writer, config->files[i]);
	hp_json_end(writer, ']');
}

int handle_reload(struct exchange *exchange, struct hp_err *err)
{
	struct hookd *hookd = exchange->hookd;
	struct hp_json_writer writer;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	log_notice("uid %u requested to reload the configuration", exchange->conn->peer.uid);
	if (hookd->reload(hookd) < 0) {
		reply_config_error(exchange->conn, &hookd->reload_error);
		return 0;
	}
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	write_config_files(&writer, &hookd->config, "files");
	hp_reply_end(&writer);
	return 0;
}

int handle_ping(struct exchange *exchange, struct hp_err *err)
{
	int r = expect_no_parameters(exchange, err);

	if (r == 0)
		hp_reply_empty(conn_reply(exchange->conn), NULL);
	return r;
}

/* ---- ExplainPolicy ---- */

struct policy_question {
	int64_t uid;
	char *method;
};

static int read_question(const struct exchange *exchange, struct hp_arena *arena,
			 struct policy_question *ret, struct hp_err *err)
{
	static const char *const names[] = {"uid", "gids", "method", "parameters"};
	struct hp_json_value values[ELEMENTS(names)];
	int r = hp_parameters_read(exchange->call.parameters, names, ELEMENTS(names), 1 | 1 << 2,
				   values, err);

	if (r == 0)
		r = hp_err_prefix(
		    err, hp_json_get_int64(values[0], 0, UINT32_MAX - 1, &ret->uid, err), "uid");
	if (r == 0)
		r = hp_err_prefix(
		    err, hp_json_get_name(values[2], arena, HP_ID_BYTES_MAX, &ret->method, err),
		    "method");
	if (r == 0 && dispatch_method_permission(ret->method) < 0)
		r = hp_err_invalid(err, "method", "there is no such method");
	return r;
}

/*
 * For a process of that uid in hookd's namespaces, with all of hookd's capabilities: the policy
 * does not look at groups, and not at parameters.
 */
int handle_explain_policy(struct exchange *exchange, struct hp_err *err)
{
	const struct self *self = &exchange->hookd->self;
	struct peer peer = {.pidfd = -1, .sight = PEER_SEEN};
	struct hp_arena arena = HP_ARENA_INIT;
	struct policy_question question = {0};
	struct hp_err refusal = {0};
	struct hp_json_writer writer;
	bool is_allowed;
	int r = read_question(exchange, &arena, &question, err);

	if (r == 0) {
		peer.uid = (uid_t)question.uid;
		peer.view.capabilities = self->capabilities;
		peer.view.namespaces = self->namespaces;
		is_allowed =
		    policy_check(&peer, self,
				 (enum permission)dispatch_method_permission(question.method),
				 &refusal) == 0;
		writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
		hp_json_add_bool(&writer, "allowed", is_allowed);
		hp_json_add_string(&writer, "reason", is_allowed ? "" : refusal.reason);
		hp_reply_end(&writer);
	}
	hp_arena_free(&arena);
	return r;
}

/* The reply is sent first: an idle daemon exits as soon as it drains. */
int handle_drain(struct exchange *exchange, struct hp_err *err)
{
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	hp_reply_empty(conn_reply(exchange->conn), NULL);
	conn_flush(exchange->conn);
	log_notice("uid %u requested to drain", exchange->conn->peer.uid);
	exchange->hookd->drain(exchange->hookd);
	return 0;
}
