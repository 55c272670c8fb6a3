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

static int resolve_operand(struct ctl *ctl, enum resolve_how how, char **ret)
{
	return resolve_run(ctl, ctl->options.operands[0], ctl_option(ctl, OPTION_STAGE), how, ret);
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
	int r = resolve_operand(ctl, RESOLVE_NEWEST, &run);

	if (r == 0)
		r = inspect(ctl, run);
	free(run);
	return r;
}

/* ---- the end of a run ---- */

/* For those who do not see the details. */
static void say_outcome(const struct hookd_run_info *run)
{
	char *words = words_exit_status(run) != CTL_EXIT_OK ? words_of_run_text(run) : NULL;

	if (words != NULL)
		ctl_error("%s: %s", run->run, words);
	free(words);
}

/* The first hook that failed, or else the last one that ran. */
static const struct hookd_hook_result *hook_of(const struct hookd_result *result)
{
	const struct hookd_hook_result *hook = NULL;

	for (size_t i = 0; i < hookd_result_hook_count(result); i++) {
		hook = hookd_result_hook(result, i);
		if (!hook->success)
			break;
	}
	return hook;
}

int runs_end(const char *run, const struct hookd_result *result)
{
	const struct hookd_hook_result *hook = hook_of(result);
	struct hookd_run_info info = {.run = run,
				      .outcome = hookd_result_outcome(result),
				      .state = "done",
				      .hook = -1,
				      .hook_count = hookd_result_hook_count(result)};

	if (hook != NULL) {
		info.hook = (int64_t)hook->index;
		info.path = hook->path;
		info.hook_outcome = hook->outcome;
		info.exit_status = hook->exit_status;
		info.signal = hook->signal;
		info.oom_killed = hook->oom_killed;
		info.errno_name = hook->errno_name;
	}
	say_outcome(&info);
	return words_exit_status(&info);
}

int runs_show_end(struct ctl *ctl, const char *run, const struct hookd_result *result,
		  bool has_details)
{
	const struct hookd_run_info *info;
	struct hookd_reply *reply;
	int exit_status, failed, r = 0;

	if (hookd_get(ctl->client, run, &reply) < 0)
		return runs_end(run, result);
	info = hookd_reply_details(reply)->run;
	exit_status = words_exit_status(info);
	if (has_details && !ctl->is_quiet)
		r = put_details(ctl, reply);
	if (r == 0 && !(has_details && ctl->is_terminal))
		say_outcome(info);
	failed = ctl_finish(ctl, reply, r);
	return failed != CTL_EXIT_OK ? failed : exit_status;
}

/* ---- wait ---- */

struct waiting {
	struct await await;
	int error;
	struct hookd_reply *reply; /* owned */
};

static void on_waited(struct hookd_client *client, int error, struct hookd_reply *reply,
		      void *userdata)
{
	struct waiting *waiting = userdata;

	(void)client;
	waiting->error = error;
	waiting->await.is_done = true;
	waiting->reply = reply;
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
	const struct hookd_result *result;
	int exit_status, r = hookd_wait_start(ctl->client, run, on_waited, &waiting);

	if (r == 0)
		r = await_done(&waiting.await);
	if (r == AWAIT_TIMED_OUT)
		return fail_timeout(ctl, run);
	if (waiting.await.is_done)
		r = waiting.error;
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, waiting.reply, "result");
	if (r < 0)
		return ctl_finish(ctl, waiting.reply, r);
	result = hookd_reply_result(waiting.reply);
	exit_status = ctl->json != CTL_JSON_OFF ? runs_end(run, result)
						: runs_show_end(ctl, run, result, true);
	hookd_reply_free(waiting.reply);
	return exit_status;
}

int verb_wait(struct ctl *ctl)
{
	const char *timeout = ctl_option(ctl, OPTION_WAIT_TIMEOUT);
	int64_t timeout_us = 0;
	char *run;
	int r;

	if (timeout != NULL && span_parse_duration(timeout, &timeout_us) < 0)
		return ctl_usage("--timeout=%s: not a number of seconds", timeout);
	r = resolve_operand(ctl, RESOLVE_ONE, &run);
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
	int r = resolve_operand(ctl, RESOLVE_WHOLE, &run);

	if (r == 0)
		r = cancel(ctl, run);
	free(run);
	return r;
}
