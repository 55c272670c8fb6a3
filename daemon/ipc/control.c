/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.control. No state. */
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"

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
