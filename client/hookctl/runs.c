/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about an existing run: inspect, wait, cancel. */

#include <errno.h>
#include <inttypes.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/report.h"
#include "client/hookctl/table/row.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"

struct run_reply {
	const struct ctl *ctl;
	int exit_status;
};

/* A call about the run that the operand names. */
static int call_on_run(struct ctl *ctl, const char *method, ctl_reply_fn function)
{
	struct run_reply reply = {.ctl = ctl};
	struct hp_buf parameters = HP_BUF_INIT;
	int r = ctl_run_parameters(ctl, &parameters);
	int exit_status;

	if (r == -EINVAL) {
		exit_status = ctl_usage("the id of a run must be UTF-8");
	} else {
		if (r == 0)
			r = ctl_call(ctl, method, parameters.data, false, function, &reply);
		exit_status = r < 0 ? ctl_call_failed(ctl, r) : reply.exit_status;
	}
	hp_buf_free(&parameters);
	return exit_status;
}

static int on_waited(struct hp_json_value root, bool continues, void *userdata)
{
	struct run_reply *reply = userdata;

	(void)continues;
	return ctl_show_result(reply->ctl, hp_json_member(root, "result"), &reply->exit_status);
}

/* Two columns, "Container: web". */
static int append_fields(const struct run_row *row, struct hp_buf *buf)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	char text[SPAN_SIZE];
	int r;

	table.separator = ": ";
	table_add(&table, "Run");
	table_add(&table, row->run);
	table_add(&table, "Container");
	table_add(&table, row->container);
	table_add(&table, "Stage");
	table_add(&table, row->stage);
	table_add(&table, "State");
	table_add(&table, row->state);
	table_add(&table, "Outcome");
	table_add(&table, row->outcome);
	table_add(&table, "Submitted");
	table_add(&table, span_format_time(row->submitted_us, text));
	table_add(&table, "Duration");
	table_add(&table, span_format(row->duration_us, text));
	table_add(&table, "User");
	table_addf(&table, "%" PRIu64, row->uid);
	table_add(&table, "Request");
	table_add(&table, row->request_id);
	table_add(&table, "Error");
	table_add(&table, row->error);
	r = table_write(&table, false, false, buf);
	table_free(&table);
	return r;
}

static int append_result(const struct ctl *ctl, struct hp_json_value value, struct hp_buf *buf)
{
	struct report_style style = {
	    .has_legend = ctl->has_legend, .has_colour = ctl->has_colour, .has_all_output = true};
	struct hp_run_result result;
	struct hp_err err;
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_run_result_read(value, &result, &err);
	if (r < 0)
		return r;
	hp_buf_append(buf, "\n", 1);
	r = report_write(&result, &style, buf);
	hp_run_result_clear(&result);
	return r;
}

static int show_inspected(const struct ctl *ctl, struct hp_json_value root)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_buf text = HP_BUF_INIT;
	struct run_row row;
	int r = run_row_read(hp_json_member(root, "run"), &arena, &row);

	if (r == 0)
		r = append_fields(&row, &text);
	if (r == 0)
		r = append_result(ctl, hp_json_member(root, "result"), &text);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	hp_arena_free(&arena);
	return r;
}

static int on_inspected(struct hp_json_value root, bool continues, void *userdata)
{
	struct run_reply *reply = userdata;

	(void)continues;
	return reply->ctl->json != CTL_JSON_OFF ? ctl_put_json(reply->ctl, root)
						: show_inspected(reply->ctl, root);
}

int verb_wait(struct ctl *ctl)
{
	return call_on_run(ctl, "io.hookd.hooks.Wait", on_waited);
}

int verb_inspect(struct ctl *ctl)
{
	return call_on_run(ctl, "io.hookd.status.Get", on_inspected);
}

int verb_cancel(struct ctl *ctl)
{
	return call_on_run(ctl, "io.hookd.hooks.Cancel", NULL);
}
