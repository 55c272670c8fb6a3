/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of io.hookd.status.GetMetrics. No state. */
#include "daemon/ipc/dispatch.h"
#include "daemon/status/metrics_text.h"

int handle_get_metrics(struct exchange *exchange, struct hp_err *err)
{
	static const char *const names[] = {"format"}, *const formats[] = {"openmetrics",
									   "prometheus"};
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer;
	struct hp_json_value value;
	int format = 0, r = hp_parameters_read(exchange->call.parameters, names, 1, 0, &value, err);

	if (r == 0 && !hp_json_is_absent(value))
		r = hp_err_prefix(err,
				  hp_json_get_enum(value, formats, ELEMENTS(formats), &format, err),
				  "format");
	if (r < 0)
		return r;
	metrics_text_write(exchange->hookd, format == 0, &text);
	if (text.failed) {
		hp_buf_free(&text);
		return hp_err_no_memory(err);
	}
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_key(&writer, "text");
	hp_json_put_bytes(&writer, text.data, text.length);
	hp_reply_end(&writer);
	hp_buf_free(&text);
	return 0;
}
