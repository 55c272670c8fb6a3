/* SPDX-License-Identifier: Apache-2.0 */

/*
 * run --follow. Copies the output of hooks to the stream of the same name as it arrives: unchanged
 * into a pipe or a file, with control characters escaped onto a terminal. hookctl's own messages go
 * to stderr, so that stdout has the output of hooks only.
 */

#include "client/hookctl/follow.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/report.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"
#include "proto/json/base64.h"
#include "proto/messages/result.h"

struct follow follow_new(const struct ctl *ctl)
{
	return (struct follow){.ctl = ctl,
			       .streams = {{.is_terminal = isatty(STDOUT_FILENO) == 1},
					   {.is_terminal = isatty(STDERR_FILENO) == 1}}};
}

/* Ends an incomplete line of a hook on the terminal, before a message of ours. */
static void end_line(struct follow_stream *stream, FILE *file)
{
	if (stream->is_terminal && stream->is_mid_line)
		fputc('\n', file);
	stream->is_mid_line = false;
	fflush(file);
}

static void end_lines(struct follow *follow)
{
	end_line(&follow->streams[0], stdout);
	end_line(&follow->streams[1], stderr);
}

static int write_failed(FILE *file)
{
	return file == stdout ? ctl_keep_stdout_error() : -errno;
}

static int write_safe(struct follow_stream *stream, FILE *file, const char *data, size_t length)
{
	struct hp_buf whole = HP_BUF_INIT, safe = HP_BUF_INIT;
	int r = 0;

	hp_buf_append(&whole, stream->tail, stream->tail_length);
	hp_buf_append(&whole, data, length);
	if (!whole.failed) {
		stream->tail_length = escape_incomplete(whole.data, whole.length);
		assert(stream->tail_length < sizeof(stream->tail));
		whole.length -= stream->tail_length;
		memcpy(stream->tail, whole.data + whole.length, stream->tail_length);
		escape_append(&safe, whole.data, whole.length, ESCAPE_LINES);
	}
	if (whole.failed || safe.failed)
		r = -ENOMEM;
	else if (safe.length > 0 && fwrite(safe.data, 1, safe.length, file) != safe.length)
		r = write_failed(file);
	else if (safe.length > 0)
		stream->is_mid_line = safe.data[safe.length - 1] != '\n';
	hp_buf_free(&whole);
	hp_buf_free(&safe);
	return r;
}

static int write_output(struct follow *follow, bool is_stderr, const char *data, size_t length)
{
	struct follow_stream *stream = &follow->streams[is_stderr];
	FILE *file = is_stderr ? stderr : stdout;
	int r = 0;

	if (stream->is_terminal)
		r = write_safe(stream, file, data, length);
	else if (fwrite(data, 1, length, file) != length)
		r = write_failed(file);
	return fflush(file) == 0 ? r : write_failed(file);
}

static int on_output(struct follow *follow, struct hp_json_value reply)
{
	struct hp_json_value base64 = hp_json_member(reply, "dataBase64");
	bool is_stderr = hp_json_equals(hp_json_member(reply, "stream"), "stderr");
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	size_t length;
	char *text;
	int r;

	if (hp_json_is_absent(base64)) {
		r = hp_json_get_string(hp_json_member(reply, "data"), &arena, &text, &err);
		length = r == 0 ? strlen(text) : 0;
	} else {
		r = hp_json_get_string(base64, &arena, &text, &err);
		if (r == 0)
			r = hp_base64_decode(text, text, strlen(text), &length);
	}
	if (r == 0)
		r = write_output(follow, is_stderr, text, length);
	hp_arena_free(&arena);
	return r;
}

static int on_started(struct follow *follow, struct hp_json_value reply)
{
	struct hp_err err;
	int64_t index;
	int r = hp_json_get_int64(hp_json_member(reply, "index"), 0, INT64_MAX, &index, &err);

	if (r < 0)
		return r;
	end_lines(follow);
	ctl_error("hook %" PRId64 ": started", index);
	return 0;
}

static int on_finished(struct follow *follow, struct hp_json_value reply)
{
	char words[REPORT_WORDS_SIZE], time[SPAN_SIZE];
	struct hp_hook_result hook;
	struct hp_err err;
	int r = hp_hook_result_read(hp_json_member(reply, "hook"), &hook, &err);

	if (r < 0)
		return r;
	report_hook_words(&hook, words);
	end_lines(follow);
	if (hook.pid == 0)
		ctl_error("hook %zu: %s %s", hook.index, hook.path, words);
	else
		ctl_error("hook %zu: %s %s after %s", hook.index, hook.path, words,
			  span_format((uint64_t)hook.duration_us, time));
	hp_hook_result_clear(&hook);
	return 0;
}

static int on_accepted(struct hp_json_value reply)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	char *run;
	int r = hp_json_get_string(hp_json_member(reply, "run"), &arena, &run, &err);

	if (r == 0)
		ctl_error("run %s", run);
	hp_arena_free(&arena);
	return r;
}

int follow_event(struct follow *follow, struct hp_json_value reply)
{
	struct hp_json_value event = hp_json_member(reply, "event");

	if (follow->ctl->json != CTL_JSON_OFF)
		return ctl_put_json(follow->ctl, reply);
	if (hp_json_equals(event, "output"))
		return on_output(follow, reply);
	if (hp_json_equals(event, "started"))
		return on_started(follow, reply);
	if (hp_json_equals(event, "finished"))
		return on_finished(follow, reply);
	if (hp_json_equals(event, "accepted"))
		return on_accepted(reply);
	return 0;
}

void follow_end(struct follow *follow)
{
	for (int i = 0; i < 2; i++) {
		struct follow_stream *stream = &follow->streams[i];
		struct hp_buf rest = HP_BUF_INIT;

		escape_append(&rest, stream->tail, stream->tail_length, ESCAPE_LINES);
		if (!rest.failed && rest.length > 0)
			fwrite(rest.data, 1, rest.length, i == 0 ? stdout : stderr);
		hp_buf_free(&rest);
		stream->tail_length = 0;
	}
	end_lines(follow);
}
