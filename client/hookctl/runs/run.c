/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl run`: sends the hooks of one stage and waits for their end. libhookd sends the request
 * again after a lost connection, with the same id, so that it attaches to the run instead of
 * starting a second one.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/find_hookd.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/run_request.h"
#include "client/hookctl/runs/await.h"
#include "client/hookctl/runs/output.h"
#include "client/hookctl/runs/runs.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/span.h"

/* ---- the request ---- */

enum { STATE, HOOKS, SETTINGS, FILE_COUNT };

struct run_input {
	struct input_file files[FILE_COUNT];
	enum hp_dialect dialect; /* of hooks and settings */
};

static void run_input_free(struct run_input *input)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		input_file_free(&input->files[i]);
}

/* 0, or an exit status after a message. */
static int run_input_read(const struct ctl *ctl, struct run_input *input)
{
	input->files[STATE] = (struct input_file){INPUT_STATE, ctl_option(ctl, OPTION_STATE)};
	input->files[HOOKS] = (struct input_file){INPUT_HOOKS, ctl_option(ctl, OPTION_HOOKS)};
	input->files[SETTINGS] =
	    (struct input_file){INPUT_SETTINGS, ctl_option(ctl, OPTION_SETTINGS)};
	return input_read(ctl, input->files, FILE_COUNT, &input->dialect);
}

/* ---- events ---- */

struct running {
	struct ctl *ctl;
	struct await await;
	struct output output;
	bool is_followed;
	char *run;
	size_t index;		     /* of the hook that writes */
	uint64_t position[2];	     /* in its streams */
	int error;		     /* of the call */
	int failed;		     /* of ours, while an event was shown */
	struct hookd_result *result; /* owned; NULL until it is done */
	char *result_json;
};

static int put_json(const struct hookd_event *event)
{
	struct hp_buf line = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;
	int r = hp_json_parse(&json, event->json, strlen(event->json), &err);

	if (r == 0) {
		json_print(&line, hp_json_root(&json), JSON_PRINT_COMPACT, 0);
		hp_buf_append(&line, "\n", 1);
		r = ctl_put(&line);
	}
	hp_json_free(&json);
	return r;
}

/* hookd keeps only the first and the last part, for a client that was away. */
static uint64_t missing_before(struct running *running, const struct hookd_event *event)
{
	uint64_t *position = &running->position[event->stream - 1], missing;

	if (running->index != event->index)
		running->position[0] = running->position[1] = 0;
	running->index = event->index;
	missing = event->offset > *position ? event->offset - *position : 0;
	*position = event->offset + event->data_length;
	return missing;
}

static int put_output(struct running *running, const struct hookd_event *event)
{
	const struct output_piece piece = {.run = running->run,
					   .stage = ctl_option(running->ctl, OPTION_STAGE),
					   .index = event->index,
					   .stream = event->stream,
					   .offset = event->offset,
					   .data = event->data,
					   .length = event->data_length};

	uint64_t missing = missing_before(running, event);
	int r = 0;

	if (running->ctl->json != CTL_JSON_OFF)
		return output_put_json(&piece);
	if (missing > 0)
		r = output_write_gap(&running->output, event->stream, missing);
	return r == 0
		   ? output_write(&running->output, event->stream, event->data, event->data_length)
		   : r;
}

static void note_finished(struct running *running, const struct hookd_hook_result *hook)
{
	struct hp_buf words = HP_BUF_INIT;
	char text[SPAN_SIZE];

	words_of_hook(hook, &words);
	hp_buf_append(&words, "", 1);
	if (!words.failed && hook->pid != 0)
		ctl_note(running->ctl, "#%zu %s: %s, %s", hook->index, words_file_name(hook->path),
			 words.data, span_format((uint64_t)hook->duration_us, text));
	else if (!words.failed)
		ctl_note(running->ctl, "#%zu %s: %s", hook->index, words_file_name(hook->path),
			 words.data);
	hp_buf_free(&words);
}

/* Notes go to stderr, so that stdout has the output of hooks only. */
static void note(struct running *running, const struct hookd_event *event)
{
	output_end_lines(&running->output);
	if (event->type == HOOKD_EVENT_ACCEPTED)
		ctl_note(running->ctl, "run %s", event->run);
	else if (event->type == HOOKD_EVENT_STARTED)
		ctl_note(running->ctl, "#%zu: started", event->index);
	else if (event->type == HOOKD_EVENT_FINISHED)
		note_finished(running, event->hook);
}

static int show(struct running *running, const struct hookd_event *event)
{
	if (event->type == HOOKD_EVENT_OUTPUT)
		return put_output(running, event);
	if (running->ctl->json != CTL_JSON_OFF)
		return put_json(event);
	note(running, event);
	return 0;
}

static void on_done(struct running *running, const struct hookd_event *event)
{
	running->error = event->error;
	running->await.is_done = true;
	if (event->result != NULL && running->run == NULL)
		running->run = strdup(hookd_result_run(event->result));
	running->result = event->result;
	running->result_json = event->json != NULL ? strdup(event->json) : NULL;
}

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	struct running *running = userdata;

	(void)client;
	if (event->type == HOOKD_EVENT_DONE) {
		on_done(running, event);
		return;
	}
	if (event->type == HOOKD_EVENT_ACCEPTED && running->run == NULL) {
		running->run = strdup(event->run);
		running->await.run = running->run;
	}
	if (running->is_followed && running->failed == 0)
		running->failed = show(running, event);
	if (running->is_followed && running->failed == 0 && fflush(stdout) != 0)
		running->failed = ctl_keep_stdout_error();
}

/* ---- the call ---- */

static int open_private(struct ctl *ctl)
{
	const char *program = ctl_option(ctl, OPTION_PRIVATE);
	char found[PATH_MAX];

	if (program[0] == '\0') {
		ctl_find_hookd(found);
		program = found[0] != '\0' ? found : NULL;
	}
	return hookd_client_new_private(program, &ctl->client);
}

static int start(struct running *running, const struct run_input *input)
{
	struct ctl *ctl = running->ctl;
	const struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = ctl_option(ctl, OPTION_STAGE),
	    .state = input->files[STATE].text,
	    .hooks = input->files[HOOKS].text,
	    .dialect = input_dialect_name(input->dialect),
	    .settings = input->files[SETTINGS].text,
	    .namespaces = ctl_option(ctl, OPTION_NAMESPACES),
	    .request_id = ctl_option(ctl, OPTION_REQUEST_ID),
	    .on_disconnect = running->await.cancels ? "cancel" : NULL,
	};
	int r = ctl_has(ctl, OPTION_PRIVATE) ? open_private(ctl) : ctl_open(ctl);

	return r == 0 ? hookd_run_start(ctl->client, &request, on_event, running) : r;
}

static int put_result(const struct running *running)
{
	struct hp_json json = {0};
	struct hp_err err;
	int r = running->result_json == NULL ? -ENOMEM
					     : hp_json_parse(&json, running->result_json,
							     strlen(running->result_json), &err);

	if (r == 0)
		r = ctl_put_json(running->ctl, hp_json_root(&json));
	hp_json_free(&json);
	return r;
}

static int finish(struct running *running, const struct run_input *input, int r)
{
	output_end_lines(&running->output);
	if (running->failed < 0)
		r = running->failed;
	if (r < 0)
		return input_call_failed(running->ctl, r, input->files, FILE_COUNT);
	if (running->run == NULL)
		return ctl_call_failed(running->ctl, -ENOMEM);
	if (running->ctl->json == CTL_JSON_OFF)
		return runs_show_end(running->ctl, running->run, running->result,
				     !running->is_followed);
	r = put_result(running);
	return r < 0 ? ctl_call_failed(running->ctl, r) : runs_end(running->run, running->result);
}

static int run_with(struct ctl *ctl, const struct run_input *input)
{
	const char *on_disconnect = ctl_option(ctl, OPTION_ON_DISCONNECT);
	bool is_private = ctl_has(ctl, OPTION_PRIVATE);
	struct running running = {
	    .ctl = ctl, .output = output_new(ctl), .is_followed = ctl_has(ctl, OPTION_FOLLOW)};
	int exit_status, r;

	running.await =
	    (struct await){.ctl = ctl,
			   .has_progress = !running.is_followed && !is_private,
			   .cancels = is_private || (on_disconnect != NULL &&
						     strcmp(on_disconnect, "cancel") == 0)};
	r = start(&running, input);
	if (r == 0)
		r = await_done(&running.await);
	if (running.await.is_done)
		r = running.error;
	exit_status = finish(&running, input, r);
	free(running.run);
	free(running.result_json);
	hookd_result_free(running.result);
	return exit_status;
}

static bool is_stdin(const struct ctl *ctl, enum option_id id)
{
	const char *path = ctl_option(ctl, id);

	return path != NULL && strcmp(path, "-") == 0;
}

/* What a hookd means nothing for that is there for one run and one connection. */
static int check_private(const struct ctl *ctl)
{
	const char *program = ctl_option(ctl, OPTION_PRIVATE);
	const char *on_disconnect = ctl_option(ctl, OPTION_ON_DISCONNECT);

	if (program == NULL)
		return 0;
	if (program[0] != '\0' && program[0] != '/')
		return ctl_usage("--private=%s: must be an absolute path", program);
	if (ctl_has(ctl, OPTION_ADDRESS))
		return ctl_usage("run: --private and --address exclude each other");
	if (ctl_has(ctl, OPTION_REQUEST_ID))
		return ctl_usage("run: --private and --request-id exclude each other: nobody can "
				 "attach to the run");
	if (on_disconnect != NULL && strcmp(on_disconnect, "cancel") != 0)
		return ctl_usage("run: --private and --on-disconnect=%s exclude each other: the "
				 "run ends with hookctl",
				 on_disconnect);
	return 0;
}

int verb_run(struct ctl *ctl)
{
	const char *request_id = ctl_option(ctl, OPTION_REQUEST_ID);
	struct run_input input = {0};
	int r;

	if (!ctl_has(ctl, OPTION_STAGE) || !ctl_has(ctl, OPTION_STATE) ||
	    !ctl_has(ctl, OPTION_HOOKS))
		return ctl_usage("run: needs --stage, --state and --hooks");
	if (is_stdin(ctl, OPTION_STATE) + is_stdin(ctl, OPTION_HOOKS) +
		is_stdin(ctl, OPTION_SETTINGS) >
	    1)
		return ctl_usage("run: only one of --state, --hooks and --settings can be stdin");
	if (request_id != NULL && !hp_json_is_text(request_id, strlen(request_id)))
		return ctl_usage("--request-id: not UTF-8");
	r = check_private(ctl);
	if (r == 0)
		r = run_input_read(ctl, &input);
	if (r == 0)
		r = run_with(ctl, &input);
	run_input_free(&input);
	return r;
}
