/* SPDX-License-Identifier: Apache-2.0 */

/* Shows the RunResult in the last reply of Run and Wait, as a table or JSON. */

#include <errno.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/report.h"

static int put_report(const struct ctl *ctl, const struct hp_run_result *result)
{
	struct report_style style = {.has_legend = ctl->has_legend, .has_colour = ctl->has_colour};
	struct hp_buf text = HP_BUF_INIT;
	int r = report_write(result, &style, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

/* With --follow the hooks and their output have been shown already. */
static int show_for_people(const struct ctl *ctl, const struct hp_run_result *result)
{
	int r = ctl_options_has(&ctl->options, OPTION_FOLLOW) ? 0 : put_report(ctl, result);

	if (result->outcome == HP_RUN_LOST)
		ctl_error("run %s was lost: hookd ended while it was going on", result->run);
	else if (result->outcome == HP_RUN_CANCELLED)
		ctl_error("run %s was cancelled%s%s", result->run, result->error ? ": " : "",
			  result->error ? result->error : "");
	else if (result->error != NULL)
		ctl_error("%s", result->error);
	if (result->ignored != NULL)
		ctl_error("left out, as the settings allow: %s", result->ignored);
	return r;
}

int ctl_show_result(const struct ctl *ctl, struct hp_json_value value, int *ret_exit)
{
	struct hp_run_result result;
	struct hp_err err;
	int r = hp_run_result_read(value, &result, &err);

	if (r < 0)
		return r;
	r = ctl->json != CTL_JSON_OFF ? ctl_put_json(ctl, value) : show_for_people(ctl, &result);
	if (r == 0)
		*ret_exit = report_exit_status(&result);
	hp_run_result_clear(&result);
	return r;
}
