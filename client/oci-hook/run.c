/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lets hookd run the hooks of one stage, and turns the result into output and an exit status.
 *
 * Each hook is sent with its inherited environment, so a short list of a config can exceed the size
 * of one request. Then it is sent in parts, each a Run of its own:
 *
 *	part --succeeded--> the next part, to the end of the list
 *	    `--failed--> the end; at poststop the next part, and a failure in the end
 *	    |--cancelled--> the end
 *	    `--nothing was run--> the end, and the rest is left to the caller
 *
 * The exit status is that of the first failing hook. Hooks are numbered over the whole list.
 */

#include "client/oci-hook/run.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/libhookd/client.h"
#include "client/libhookd/result.h"
#include "client/libhookd/run.h"
#include "client/oci-hook/oci-hook.h"
#include "client/oci-hook/output.h"
#include "client/oci-hook/part.h"
#include "client/oci-hook/patience.h"
#include "proto/base/names.h"
#include "proto/messages/failure_text.h"
#include "proto/messages/result.h"

struct progress {
	const struct shim_run *run;
	size_t next; /* the first hook that was not sent yet */
	int status;  /* of the first hook that has failed */
	int error;   /* why hooks are left; 0: none are */
	bool is_stopped;
	struct shim_output output;
};

/* ---- the result ---- */

/* The exit status for a hook that exited with `status`, which is not 0. */
static int status_of_exit(int status)
{
	return status >= 1 && status <= 125 ? status : 1;
}

/* The hook's outcome as an exit status. */
static int status_of_hook(const struct hookd_hook_result *hook)
{
	if (strcmp(hook->outcome, "exited") == 0)
		return status_of_exit(hook->exit_status);
	if (strcmp(hook->outcome, "timed_out") == 0)
		return SHIM_TIMED_OUT;
	if (strcmp(hook->outcome, "spawn_failed") == 0)
		return SHIM_NOT_SPAWNED;
	if (strcmp(hook->outcome, "signaled") == 0 && hook->signal)
		return SHIM_SIGNAL + hp_signal_from_name(hook->signal);
	return SHIM_NO_HOOKD;
}

static int status_of_result(const struct hookd_result *result)
{
	const struct hookd_hook_result *hook;

	for (size_t i = 0; (hook = hookd_result_hook(result, i)); i++) {
		if (!hook->success)
			return status_of_hook(hook);
	}
	return SHIM_NO_HOOKD;
}

static void show_stderr(const struct hookd_result *result)
{
	const struct hookd_hook_result *hook;

	for (size_t i = 0; (hook = hookd_result_hook(result, i)); i++) {
		size_t length = hook->stderr_length;

		(void)fwrite(hook->stderr_data, 1, length, stderr);
		if (length > 0 && hook->stderr_data[length - 1] != '\n')
			(void)fputc('\n', stderr);
	}
}

/* hookd numbers the hooks within the part. */
static void show_error(const struct progress *progress, const char *error)
{
	enum hp_stage stage = progress->run->stage;
	size_t index;
	const char *why = result_error_why(error, stage, &index);

	if (why)
		(void)fprintf(stderr, HP_RUN_FAILURE_FORMAT "\n", hp_stage_names[stage],
			      progress->next + index, why);
	else
		(void)fprintf(stderr, "%s\n", error);
}

/* Reports why the part failed, after the output of its hooks. Returns the exit status. */
static int report(struct progress *progress, const struct hookd_result *result)
{
	if (strcmp(hookd_result_outcome(result), "succeeded") == 0)
		return 0;
	shim_output_end_line(&progress->output);
	if (hookd_result_error(result))
		show_error(progress, hookd_result_error(result));
	else
		(void)shim_complain("the run %s is %s", hookd_result_run(result),
				    hookd_result_outcome(result));
	return status_of_result(result);
}

/* ---- running ---- */

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	(void)client;
	shim_output_event(userdata, event);
}

/* A runtime that keeps the output of hooks gets all of it, in the order of writing. */
static int ask(struct progress *progress, const struct hookd_run_request *request,
	       struct hookd_result **ret)
{
	const struct shim_run *run = progress->run;
	struct shim_patience patience = shim_patience_for(&run->list->hooks[progress->next]);
	int r;

	do {
		r = run->known->has_output_files
			? run_follow(run->client, request, on_event, &progress->output, ret)
			: hookd_run(run->client, request, ret);
	} while (r == -EBUSY && shim_waits_for(run->client, &patience));
	return r;
}

/*
 * Whether nothing was run and another way may be taken. Not after a lost connection: hookd may have
 * run the hooks, and libhookd has tried for long to hear of it.
 */
static bool is_down(const struct hookd_client *client, int r)
{
	return r == -EBUSY || r == -ESHUTDOWN || client->is_unreachable;
}

static int show(struct progress *progress, const struct hookd_result *result)
{
	if (progress->run->known->has_output_files)
		shim_output_finish(&progress->output, result);
	else
		show_stderr(result);
	if (strcmp(hookd_result_outcome(result), "cancelled") == 0)
		progress->is_stopped = true;
	return report(progress, result);
}

static int run_part(struct progress *progress, const char *hooks)
{
	const struct shim_run *run = progress->run;
	struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = hp_stage_names[run->stage],
	    .state = run->state,
	    .hooks = hooks,
	    .dialect = hp_dialect_names[HP_DIALECT_LIBCONTAINER],
	    .namespaces = run->namespaces,
	    /* A runtime that kills us at its own timeout means to kill the hooks. */
	    .on_disconnect = "cancel",
	};
	struct hookd_result *result;
	int r = ask(progress, &request, &result), status;

	if (r < 0 && is_down(run->client, r)) {
		progress->error = r;
		return 0;
	}
	if (r < 0) {
		shim_output_end_line(&progress->output);
		(void)shim_complain("%s", hookd_client_error(run->client));
		return SHIM_NO_HOOKD;
	}
	status = show(progress, result);
	hookd_result_free(result);
	return status;
}

static void run_next(struct progress *progress, struct hp_buf *text)
{
	int count = shim_part_write(progress->run, progress->next, text), status = SHIM_NO_HOOKD;

	if (count > 0)
		status = run_part(progress, text->data);
	if (progress->error != 0) {
		progress->is_stopped = true;
		return;
	}
	if (progress->status == 0)
		progress->status = status;
	if (count < 0 || (status != 0 && !hp_stage_continues_on_failure(progress->run->stage)))
		progress->is_stopped = true;
	progress->next += count > 0 ? (size_t)count : 0;
}

int shim_run(const struct shim_run *run, struct shim_left *ret_left)
{
	struct progress progress = {.run = run, .next = run->first};
	struct hp_buf text = HP_BUF_INIT;

	assert(run->first < run->list->count && run->stage < HP_STAGE_COUNT);
	if (run->known->has_output_files)
		(void)signal(SIGPIPE, SIG_IGN);
	while (!progress.is_stopped && progress.next < run->list->count)
		run_next(&progress, &text);
	shim_output_end_line(&progress.output);
	hp_buf_free(&text);
	*ret_left = (struct shim_left){
	    .first = progress.error != 0 ? progress.next : run->list->count,
	    .error = progress.error,
	};
	return progress.status;
}
