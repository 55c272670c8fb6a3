/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about an existing run: inspect, wait, cancel. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/report.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"
#include "proto/json/json_writer.h"

/* The id of the run that the operand names. NULL after a message. */
static const char *run_operand(const struct ctl *ctl)
{
	const char *run = ctl->options.operands[0];

	assert(ctl->options.operand_count == 1);
	if (hp_json_is_text(run, strlen(run)))
		return run;
	(void)ctl_usage("the id of a run must be UTF-8");
	return NULL;
}

/* Two columns, "Container: web". */
static int append_fields(const struct hookd_run_info *row, struct hp_buf *buf)
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
	table_add(&table, span_format_time((uint64_t)row->submitted_us, text));
	table_add(&table, "Duration");
	table_add(&table, span_format((uint64_t)row->duration_us, text));
	table_add(&table, "User");
	table_addf(&table, "%" PRId64, row->uid);
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

static int append_reply(const struct ctl *ctl, const struct hookd_reply *reply, struct hp_buf *buf)
{
	struct hp_json json = {0};
	int r = append_fields(hookd_reply_details(reply)->run, buf);

	if (r == 0)
		r = ctl_read_reply(reply, &json);
	if (r == 0)
		r = append_result(ctl, hp_json_member(hp_json_root(&json), "result"), buf);
	hp_json_free(&json);
	return r;
}

static int show_inspected(const struct ctl *ctl, const struct hookd_reply *reply)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = append_reply(ctl, reply, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

int verb_inspect(struct ctl *ctl)
{
	const char *run = run_operand(ctl);
	struct hookd_reply *reply = NULL;
	int r = run != NULL ? ctl_open(ctl) : 0;

	if (run == NULL)
		return CTL_EXIT_USAGE;
	if (r == 0)
		r = hookd_get(ctl->client, run, &reply);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL)
					      : show_inspected(ctl, reply);
	return ctl_finish(ctl, reply, r);
}

static int show_waited(const struct ctl *ctl, const struct hookd_reply *reply, int *ret_exit)
{
	struct hp_json json = {0};
	int r = ctl_read_reply(reply, &json);

	if (r == 0)
		r = ctl_show_result(ctl, hp_json_member(hp_json_root(&json), "result"), ret_exit);
	hp_json_free(&json);
	return r;
}

int verb_wait(struct ctl *ctl)
{
	const char *run = run_operand(ctl);
	struct hookd_reply *reply = NULL;
	int r = run != NULL ? ctl_open(ctl) : 0, shown = CTL_EXIT_OK, failed;

	if (run == NULL)
		return CTL_EXIT_USAGE;
	if (r == 0)
		r = hookd_wait(ctl->client, run, &reply);
	if (r == 0)
		r = show_waited(ctl, reply, &shown);
	failed = ctl_finish(ctl, reply, r);
	return r < 0 ? failed : shown;
}

int verb_cancel(struct ctl *ctl)
{
	const char *run = run_operand(ctl);
	struct hookd_reply *reply = NULL;
	int r = run != NULL ? ctl_open(ctl) : 0;

	if (run == NULL)
		return CTL_EXIT_USAGE;
	if (r == 0)
		r = hookd_cancel(ctl->client, run, &reply);
	return ctl_finish(ctl, reply, r);
}
