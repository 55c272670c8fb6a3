/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl run`: sends the hooks of one stage and waits for their result. The request has an id,
 * given or generated here, so that after a lost connection the same request can be sent again and
 * attaches to the run instead of starting a second one.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "client/hookctl/follow.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/run_request.h"
#include "proto/json/json_writer.h"

#define RETRY_SECONDS	 60
#define PAUSE_MS_MIN	 10
#define PAUSE_MS_MAX	 500
#define REQUEST_ID_BYTES 16

/* The files of the command line; the slices point into them. */
struct run_input {
	struct document state, hooks, settings;
	struct slice state_slice, hooks_slice, settings_slice;
};

static void run_input_free(struct run_input *input)
{
	document_free(&input->state);
	document_free(&input->hooks);
	document_free(&input->settings);
}

/* Reads one file. 0, or an exit status after a message. */
static int read_file(const struct ctl *ctl, enum option_id id, struct document *document,
		     struct slice *ret)
{
	int r = input_read_document(ctl, id, document);

	if (r == 0)
		ret->text = hp_json_text(hp_json_root(&document->json), &ret->length);
	return r;
}

/* Reads all files. 0, or an exit status after a message. */
static int run_input_read(const struct ctl *ctl, struct run_input *input)
{
	struct hp_err err = {0};
	int r = read_file(ctl, OPTION_STATE, &input->state, &input->state_slice);

	if (r == 0)
		r = read_file(ctl, OPTION_HOOKS, &input->hooks, &input->hooks_slice);
	if (r == 0 && ctl_option(ctl, OPTION_SETTINGS) != NULL) {
		r = read_file(ctl, OPTION_SETTINGS, &input->settings, &input->settings_slice);
		if (r == 0)
			input->settings_slice = run_slice_settings(
			    hp_json_root(&input->settings.json), input_dialect(ctl));
	}
	if (r != 0)
		return r;
	r = run_slice_hooks(hp_json_root(&input->hooks.json), input_dialect(ctl),
			    &input->hooks_slice, &err);
	if (r < 0)
		return input_fail(ctl, OPTION_HOOKS, r, &err);
	return 0;
}

static int make_request_id(char ret[static 2 * REQUEST_ID_BYTES + 1])
{
	unsigned char bytes[REQUEST_ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The parameters of the Run call, NUL-terminated. */
static int write_parameters(const struct ctl *ctl, const struct run_input *input,
			    struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	const char *request_id = ctl_option(ctl, OPTION_REQUEST_ID);
	char made_up[2 * REQUEST_ID_BYTES + 1];

	if (request_id == NULL) {
		int r = make_request_id(made_up);

		if (r < 0)
			return r;
		request_id = made_up;
	}
	hp_json_begin(&writer, '{');
	input_put_text(&writer, "stage", ctl_option(ctl, OPTION_STAGE));
	input_put_slice(&writer, "state", &input->state_slice);
	input_put_slice(&writer, "hooks", &input->hooks_slice);
	input_put_text(&writer, "dialect", ctl_option(ctl, OPTION_DIALECT));
	input_put_slice(&writer, "settings", &input->settings_slice);
	input_put_text(&writer, "namespaces", ctl_option(ctl, OPTION_NAMESPACES));
	input_put_text(&writer, "requestId", request_id);
	input_put_text(&writer, "onDisconnect", ctl_option(ctl, OPTION_ON_DISCONNECT));
	hp_json_end(&writer, '}');
	hp_buf_append(buf, "", 1);
	return buf->failed ? -ENOMEM : 0;
}

struct run_reply {
	const struct ctl *ctl;
	struct follow follow;
	int exit_status;
};

/* Handles every reply: events as long as they continue, then the result. */
static int on_reply(struct hp_json_value root, bool continues, void *userdata)
{
	struct run_reply *reply = userdata;

	if (continues)
		return follow_event(&reply->follow, root);
	follow_end(&reply->follow);
	return ctl_show_result(reply->ctl, hp_json_member(root, "result"), &reply->exit_status);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * An answer that may be another one later, after a lost connection: hookd is not there yet, or says
 * of the repeated request, but not of the first one, that nothing was run.
 */
static bool is_passing(int r)
{
	return r == -EPIPE || r == -ECONNREFUSED || r == -ENOENT || r == -EBUSY || r == -ESHUTDOWN;
}

/* Makes the call; after a lost connection makes it again, for RETRY_SECONDS. */
static int call_run(struct ctl *ctl, const char *parameters, struct run_reply *reply)
{
	bool is_followed = ctl_option(ctl, OPTION_FOLLOW) != NULL;
	int64_t deadline = 0;
	long pause_ms = PAUSE_MS_MIN;

	for (;;) {
		int r =
		    ctl_call(ctl, "io.hookd.hooks.Run", parameters, is_followed, on_reply, reply);

		if (ctl->reply_error != 0 || !is_passing(r) || (deadline == 0 && r != -EPIPE))
			return r;
		if (deadline == 0)
			deadline = now_ms() + RETRY_SECONDS * 1000;
		if (now_ms() >= deadline) {
			ctl_error("the connection was lost: what became of the run is not known");
			return r;
		}
		nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
		pause_ms = 2 * pause_ms < PAUSE_MS_MAX ? 2 * pause_ms : PAUSE_MS_MAX;
	}
}

static int run_with(struct ctl *ctl, const struct run_input *input)
{
	struct run_reply reply = {.ctl = ctl, .follow = follow_new(ctl)};
	struct hp_buf parameters = HP_BUF_INIT;
	int r = write_parameters(ctl, input, &parameters);
	int exit_status;

	if (r < 0) {
		exit_status = ctl_call_failed(ctl, r);
	} else {
		r = call_run(ctl, parameters.data, &reply);
		exit_status = r < 0 ? ctl_call_failed(ctl, r) : reply.exit_status;
	}
	hp_buf_free(&parameters);
	return exit_status;
}

static bool is_stdin(const struct ctl *ctl, enum option_id id)
{
	const char *path = ctl_option(ctl, id);

	return path != NULL && strcmp(path, "-") == 0;
}

int verb_run(struct ctl *ctl)
{
	const char *request_id = ctl_option(ctl, OPTION_REQUEST_ID);
	struct run_input input = {0};
	int r;

	if (ctl_option(ctl, OPTION_STAGE) == NULL || ctl_option(ctl, OPTION_STATE) == NULL ||
	    ctl_option(ctl, OPTION_HOOKS) == NULL)
		return ctl_usage("run needs --stage, --state and --hooks");
	if (is_stdin(ctl, OPTION_STATE) + is_stdin(ctl, OPTION_HOOKS) +
		is_stdin(ctl, OPTION_SETTINGS) >
	    1)
		return ctl_usage("only one of --state, --hooks and --settings can be stdin");
	if (request_id != NULL && !hp_json_is_text(request_id, strlen(request_id)))
		return ctl_usage("--request-id must be UTF-8");
	r = run_input_read(ctl, &input);
	if (r == 0)
		r = run_with(ctl, &input);
	run_input_free(&input);
	return r;
}
