/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.control. No state. */
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"

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
