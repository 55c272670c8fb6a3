/* SPDX-License-Identifier: Apache-2.0 */

/* Copies the output of hooks, byte for byte or escaped, and as JSON. */

#include "client/hookctl/runs/output.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/runs/details.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/terminal/terminal.h"
#include "proto/json/json_writer.h"

struct output output_new(const struct ctl *ctl)
{
	return (struct output){.ctl = ctl,
			       .streams = {{.is_terminal = terminal_is(STDOUT_FILENO)},
					   {.is_terminal = terminal_is(STDERR_FILENO)}}};
}

static FILE *file_of(int stream)
{
	return stream == 2 ? stderr : stdout;
}

static int write_failed(FILE *file)
{
	return file == stdout ? ctl_keep_stdout_error() : -errno;
}

/* To the pager's buffer, or to the file. */
static int put(struct output *output, int stream, const char *data, size_t length)
{
	FILE *file = file_of(stream);

	if (output->buf != NULL) {
		hp_buf_append(output->buf, data, length);
		return output->buf->failed ? -ENOMEM : 0;
	}
	if (fwrite(data, 1, length, file) != length || fflush(file) != 0)
		return write_failed(file);
	return 0;
}

static int put_safe(struct output *output, int stream, const char *data, size_t length)
{
	struct output_stream *state = &output->streams[stream - 1];
	struct hp_buf whole = HP_BUF_INIT, safe = HP_BUF_INIT;
	int r = 0;

	hp_buf_append(&whole, state->tail, state->tail_length);
	hp_buf_append(&whole, data, length);
	if (!whole.failed) {
		state->tail_length = escape_incomplete(whole.data, whole.length);
		assert(state->tail_length < sizeof(state->tail));
		whole.length -= state->tail_length;
		memcpy(state->tail, whole.data + whole.length, state->tail_length);
		escape_append(&safe, whole.data, whole.length, ESCAPE_LINES);
	}
	if (whole.failed || safe.failed)
		r = -ENOMEM;
	else if (safe.length > 0)
		r = put(output, stream, safe.data, safe.length);
	if (r == 0 && safe.length > 0)
		state->is_mid_line = safe.data[safe.length - 1] != '\n';
	hp_buf_free(&whole);
	hp_buf_free(&safe);
	return r;
}

int output_write(struct output *output, int stream, const char *data, size_t length)
{
	assert(stream == 1 || stream == 2);
	if (length == 0)
		return 0;
	if (output->streams[stream - 1].is_terminal || output->buf != NULL)
		return put_safe(output, stream, data, length);
	output->streams[stream - 1].is_mid_line = data[length - 1] != '\n';
	return put(output, stream, data, length);
}

int output_write_gap(struct output *output, int stream, uint64_t missing)
{
	char bytes[DETAILS_SIZE], text[64];

	snprintf(text, sizeof(text), "%s[%s left out]\n",
		 output->streams[stream - 1].is_mid_line ? "\n" : "",
		 details_format_bytes(missing, bytes));
	return output_write(output, stream, text, strlen(text));
}

static void end_line(struct output *output, int stream)
{
	struct output_stream *state = &output->streams[stream - 1];
	struct hp_buf rest = HP_BUF_INIT;

	escape_append(&rest, state->tail, state->tail_length, ESCAPE_LINES);
	if (!rest.failed && rest.length > 0)
		(void)put(output, stream, rest.data, rest.length);
	state->is_mid_line |= rest.length > 0;
	hp_buf_free(&rest);
	state->tail_length = 0;
	if (state->is_mid_line && (state->is_terminal || output->buf != NULL))
		(void)put(output, stream, "\n", 1);
	state->is_mid_line = false;
}

void output_end_lines(struct output *output)
{
	end_line(output, 1);
	end_line(output, 2);
}

static int print_line(const char *text, size_t length)
{
	struct hp_buf line = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;
	int r = hp_json_parse(&json, text, length, &err);

	if (r == 0) {
		json_print(&line, hp_json_root(&json), JSON_PRINT_COMPACT, 0);
		hp_buf_append(&line, "\n", 1);
		r = ctl_put(&line);
	}
	hp_json_free(&json);
	return r == 0 && fflush(stdout) != 0 ? ctl_keep_stdout_error() : r;
}

int output_put_json(const struct output_piece *piece)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	bool is_text = hp_json_is_text(piece->data, piece->length);
	int r;

	hp_json_begin(&writer, '{');
	hp_json_add_string(&writer, "run", piece->run);
	hp_json_add_string(&writer, "stage", piece->stage);
	hp_json_add_int(&writer, "index", (int64_t)piece->index);
	hp_json_add_string(&writer, "stream", piece->stream == 2 ? "stderr" : "stdout");
	hp_json_key(&writer, "offset");
	hp_json_put_uint(&writer, piece->offset);
	hp_json_key(&writer, is_text ? "data" : "dataBase64");
	if (is_text)
		hp_json_put_bytes(&writer, piece->data, piece->length);
	else
		hp_json_put_base64(&writer, piece->data, piece->length);
	hp_json_end(&writer, '}');
	r = text.failed ? -ENOMEM : print_line(text.data, text.length);
	hp_buf_free(&text);
	return r;
}
