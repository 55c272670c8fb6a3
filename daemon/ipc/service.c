/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of org.varlink.service. No state. */
#include <string.h>

#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/interfaces.h"
#include "version.h"

int handle_get_info(struct exchange *exchange, struct hp_err *err)
{
	struct hp_json_writer writer;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_key(&writer, "vendor");
	hp_json_put_string(&writer, "hookd");
	hp_json_key(&writer, "product");
	hp_json_put_string(&writer, "hookd");
	hp_json_key(&writer, "version");
	hp_json_put_string(&writer, HOOKD_VERSION);
	hp_json_key(&writer, "url");
	hp_json_put_string(&writer, "https://hookd.io");
	hp_json_key(&writer, "interfaces");
	hp_json_begin(&writer, '[');
	for (size_t i = 0; i < interface_count; i++)
		hp_json_put_string(&writer, interfaces[i].name);
	hp_json_end(&writer, ']');
	hp_reply_end(&writer);
	return 0;
}

static int read_name(const struct exchange *exchange, struct hp_arena *arena, char **ret_name,
		     struct hp_err *err)
{
	static const char *const names[] = {"interface"};
	struct hp_json_value value;
	int r = hp_parameters_read(exchange->call.parameters, names, 1, 1, &value, err);

	if (r < 0)
		return r;
	return hp_err_prefix(err, hp_json_get_string(value, arena, ret_name, err), "interface");
}

int handle_get_interface_description(struct exchange *exchange, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_json_writer writer;
	const char *text;
	size_t length;
	char *name;
	int r = read_name(exchange, &arena, &name, err);

	if (r < 0) {
		hp_arena_free(&arena);
		return r;
	}
	text = interface_text(name, &length);
	if (text) {
		writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
		hp_json_key(&writer, "description");
		hp_json_put_bytes(&writer, text, length);
	} else {
		writer = hp_reply_begin(conn_reply(exchange->conn),
					"org.varlink.service.InterfaceNotFound", false);
		hp_json_key(&writer, "interface");
		hp_json_put_string(&writer, name);
	}
	hp_reply_end(&writer);
	hp_arena_free(&arena);
	return 0;
}
