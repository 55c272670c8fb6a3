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
#include "proto/json/json_writer.h"
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

/* Shows the event with what is left of its data, which may no longer be text. */
static int put_rest(struct follow *follow, struct hp_json_value reply,
		    const struct hp_told_output *output)
{
	static const char *const kept[] = {"event", "run", "index", "stream"};
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	bool is_text = hp_json_is_text(output->data, output->length);
	struct hp_json json = {0};
	struct hp_err err;
	int r;

	hp_json_begin(&writer, '{');
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		size_t length;
		const char *value = hp_json_text(hp_json_member(reply, kept[i]), &length);

		hp_json_key(&writer, kept[i]);
		hp_json_put_raw(&writer, value, length);
	}
	hp_json_key(&writer, "offset");
	hp_json_put_uint(&writer, output->offset);
	hp_json_key(&writer, is_text ? "data" : "dataBase64");
	if (is_text)
		hp_json_put_bytes(&writer, output->data, output->length);
	else
		hp_json_put_base64(&writer, output->data, output->length);
	hp_json_end(&writer, '}');
	r = text.failed ? -ENOMEM : hp_json_parse(&json, text.data, text.length, &err);
	if (r == 0)
		r = ctl_put_json(follow->ctl, hp_json_root(&json));
	hp_json_free(&json);
	hp_buf_free(&text);
	return r;
}

/* hookd keeps only the first and the last part, for a client that was away or attaches late. */
static void report_missing(struct follow *follow, const struct hp_told_output *output)
{
	end_lines(follow);
	ctl_error("hook %zu: %" PRIu64 " bytes of %s are missing", output->index, output->missing,
		  output->stream == 1 ? "stdout" : "stderr");
}

/* What is new of it. */
static int show_output(struct follow *follow, struct hp_json_value reply,
		       struct hp_told_output *output)
{
	size_t length = output->length;

	if (!hp_told_output(&follow->told, output))
		return 0;
	if (output->missing > 0)
		report_missing(follow, output);
	if (follow->ctl->json == CTL_JSON_OFF)
		return write_output(follow, output->stream == 2, output->data, output->length);
	return output->length == length ? ctl_put_json(follow->ctl, reply)
					: put_rest(follow, reply, output);
}

static int read_index(struct hp_json_value reply, size_t *ret_index)
{
	struct hp_err err;
	uint64_t index;
	int r = hp_json_get_uint64(hp_json_member(reply, "index"), 0, SIZE_MAX - 1, &index, &err);

	if (r == 0)
		*ret_index = (size_t)index;
	return r;
}

/* The text is in `arena`. */
static int read_output(struct hp_json_value reply, struct hp_arena *arena,
		       struct hp_told_output *ret_output)
{
	struct hp_json_value base64 = hp_json_member(reply, "dataBase64");
	struct hp_json_value offset = hp_json_member(reply, "offset");
	bool is_base64 = !hp_json_is_absent(base64);
	struct hp_told_output output = {.has_offset = !hp_json_is_absent(offset)};
	struct hp_err err;
	char *text;
	int r = read_index(reply, &output.index);

	output.stream = hp_json_equals(hp_json_member(reply, "stream"), "stderr") ? 2 : 1;
	if (r == 0 && output.has_offset)
		r = hp_json_get_uint64(offset, 0, INT64_MAX, &output.offset, &err);
	if (r == 0)
		r = hp_json_get_string(is_base64 ? base64 : hp_json_member(reply, "data"), arena,
				       &text, &err);
	if (r < 0)
		return r;
	output.data = text;
	output.length = strlen(text);
	if (is_base64)
		r = hp_base64_decode(text, text, strlen(text), &output.length);
	*ret_output = output;
	return r;
}

static int on_output(struct follow *follow, struct hp_json_value reply)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_told_output output;
	int r = read_output(reply, &arena, &output);

	if (r == 0)
		r = show_output(follow, reply, &output);
	hp_arena_free(&arena);
	return r;
}

static int on_started(struct follow *follow, struct hp_json_value reply)
{
	size_t index;
	int r = read_index(reply, &index);

	if (r < 0 || !hp_told_started(&follow->told, index))
		return r;
	if (follow->ctl->json != CTL_JSON_OFF)
		return ctl_put_json(follow->ctl, reply);
	end_lines(follow);
	ctl_error("hook %zu: started", index);
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
	if (!hp_told_finished(&follow->told, hook.index)) {
		hp_hook_result_clear(&hook);
		return 0;
	}
	if (follow->ctl->json != CTL_JSON_OFF) {
		hp_hook_result_clear(&hook);
		return ctl_put_json(follow->ctl, reply);
	}
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

static int on_accepted(struct follow *follow, struct hp_json_value reply)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	char *run;
	int r = hp_json_get_string(hp_json_member(reply, "run"), &arena, &run, &err);

	if (r == 0 && hp_told_accepted(&follow->told, run)) {
		if (follow->ctl->json != CTL_JSON_OFF)
			r = ctl_put_json(follow->ctl, reply);
		else
			ctl_error("run %s", run);
	}
	hp_arena_free(&arena);
	return r;
}

int follow_event(struct follow *follow, struct hp_json_value reply)
{
	struct hp_json_value event = hp_json_member(reply, "event");

	if (hp_json_equals(event, "output"))
		return on_output(follow, reply);
	if (hp_json_equals(event, "started"))
		return on_started(follow, reply);
	if (hp_json_equals(event, "finished"))
		return on_finished(follow, reply);
	if (hp_json_equals(event, "accepted"))
		return on_accepted(follow, reply);
	return follow->ctl->json != CTL_JSON_OFF ? ctl_put_json(follow->ctl, reply) : 0;
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
