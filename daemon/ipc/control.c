/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.control. No state. */
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"

void reply_config_error(struct conn *conn, const struct config_error *error)
{
	struct hp_json_writer writer =
	    hp_reply_begin(conn_reply(conn), "io.hookd.control.ConfigError", false);

	hp_json_key(&writer, "file");
	hp_json_put_string(&writer, error->file);
	hp_json_key(&writer, "line");
	hp_json_put_int(&writer, error->line);
	if (error->column > 0) {
		hp_json_key(&writer, "column");
		hp_json_put_int(&writer, error->column);
	}
	if (error->key[0]) {
		hp_json_key(&writer, "key");
		hp_json_put_string(&writer, error->key);
	}
	hp_json_key(&writer, "reason");
	hp_json_put_string(&writer, error->reason);
	hp_reply_end(&writer);
}

int handle_ping(struct exchange *exchange, struct hp_err *err)
{
	int r = expect_no_parameters(exchange, err);

	if (r == 0)
		hp_reply_empty(conn_reply(exchange->conn), NULL);
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
