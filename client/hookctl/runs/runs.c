/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about one run that is there: inspect, wait, cancel. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/runs/await.h"
#include "client/hookctl/runs/details.h"
#include "client/hookctl/runs/resolve.h"
#include "client/hookctl/runs/runs.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/span.h"

static int resolve_operand(struct ctl *ctl, char **ret)
{
	return resolve_run(ctl, ctl->options.operands[0], ctl_option(ctl, OPTION_STAGE), ret);
}

/* ---- inspect ---- */

static int put_details(const struct ctl *ctl, const struct hookd_reply *reply)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = details_append(ctl, reply, &text);

	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	return r;
}

static int inspect(struct ctl *ctl, const char *run)
{
	struct hookd_reply *reply = NULL;
	int r = hookd_get(ctl->client, run, &reply), shown = CTL_EXIT_OK, failed;

	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	else if (r == 0 && ctl_has(ctl, OPTION_FORMAT))
		r = ctl_put_formatted_reply(ctl, "run|result|progress|request", reply, &shown);
	else if (r == 0)
		r = put_details(ctl, reply);
	failed = ctl_finish(ctl, reply, r);
	return failed != CTL_EXIT_OK ? failed : shown;
}

int verb_inspect(struct ctl *ctl)
{
	char *run;
	int r = resolve_operand(ctl, &run);

	if (r == 0)
		r = inspect(ctl, run);
	free(run);
	return r;
}

/* ---- the end of a run ---- */

void runs_say_outcome(const struct hookd_run_info *run)
{
	char *words = words_exit_status(run) != CTL_EXIT_OK ? words_of_run_text(run) : NULL;

	if (words != NULL)
		ctl_error("%s: %s", run->run, words);
	free(words);
}

int runs_show_end(struct ctl *ctl, const char *run, bool has_details)
{
	struct hookd_reply *reply = NULL;
	int exit_status = CTL_EXIT_OK, failed;
	int r = hookd_get(ctl->client, run, &reply);

	if (r == 0) {
		const struct hookd_run_info *info = hookd_reply_details(reply)->run;

		exit_status = words_exit_status(info);
		if (ctl->json != CTL_JSON_OFF)
			r = ctl_put_reply(ctl, reply, "result");
		else if (has_details && !ctl->is_quiet)
			r = put_details(ctl, reply);
		if (r == 0 && !(has_details && ctl->is_terminal))
			runs_say_outcome(info);
	}
	failed = ctl_finish(ctl, reply, r);
	return failed != CTL_EXIT_OK ? failed : exit_status;
}

/* ---- wait ---- */

struct waiting {
	struct await await;
	int error;
};

static void on_waited(struct hookd_client *client, int error, struct hookd_reply *reply,
		      void *userdata)
{
	struct waiting *waiting = userdata;

	(void)client;
	waiting->error = error;
	waiting->await.is_done = true;
	hookd_reply_free(reply);
}

static int fail_timeout(struct ctl *ctl, const char *run)
{
	hookd_client_stop(ctl->client);
	ctl_error("%s: not done after %s s", run, ctl_option(ctl, OPTION_WAIT_TIMEOUT));
	ctl_hint(ctl, "hookctl inspect %s", run);
	return CTL_EXIT_TIMED_OUT;
}

static int wait_for(struct ctl *ctl, const char *run, int64_t timeout_us)
{
	struct waiting waiting = {
	    .await = {.ctl = ctl, .run = run, .has_progress = true, .timeout_us = timeout_us}};
	int r = hookd_wait_start(ctl->client, run, on_waited, &waiting);

	if (r == 0)
		r = await_done(&waiting.await);
	if (r == AWAIT_TIMED_OUT)
		return fail_timeout(ctl, run);
	if (waiting.await.is_done)
		r = waiting.error;
	return r < 0 ? ctl_call_failed(ctl, r) : runs_show_end(ctl, run, true);
}

int verb_wait(struct ctl *ctl)
{
	const char *timeout = ctl_option(ctl, OPTION_WAIT_TIMEOUT);
	int64_t timeout_us = 0;
	char *run;
	int r;

	if (timeout != NULL && span_parse_duration(timeout, &timeout_us) < 0)
		return ctl_usage("--timeout=%s: not a number of seconds", timeout);
	r = resolve_operand(ctl, &run);
	if (r == 0)
		r = wait_for(ctl, run, timeout_us);
	free(run);
	return r;
}

/* ---- cancel ---- */

static bool is_done(const struct hookd_reply *reply)
{
	const char *state = hookd_reply_details(reply)->run->state;

	return state != NULL && strcmp(state, "done") == 0;
}

/* A run that is done stays as it is, and to say so is more useful than to say nothing. */
static int cancel(struct ctl *ctl, const char *run)
{
	struct hookd_reply *before = NULL, *reply = NULL;
	int r = hookd_get(ctl->client, run, &before);

	if (r == 0)
		r = hookd_cancel(ctl->client, run, &reply);
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	else if (r == 0 && !ctl->is_quiet)
		printf(is_done(before) ? "%s was done already\n" : "Cancelled %s\n", run);
	hookd_reply_free(before);
	return ctl_finish(ctl, reply, r);
}

int verb_cancel(struct ctl *ctl)
{
	char *run;
	int r = resolve_operand(ctl, &run);

	if (r == 0)
		r = cancel(ctl, run);
	free(run);
	return r;
}
