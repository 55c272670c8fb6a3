/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of failed hooks and runs. No state. */
#include "proto/messages/failure_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "proto/json/json_writer.h"

/* Go's texts of errno and signal values are libc's, but begin in lower case. */
static void append_lower(struct hp_buf *buf, const char *text)
{
	char first = (char)tolower((unsigned char)text[0]);

	/* Not where the text begins with an abbreviation: "RT signal", "I/O error". */
	if (islower((unsigned char)text[1])) {
		hp_buf_append(buf, &first, 1);
		text++;
	}
	hp_buf_append(buf, text, strlen(text));
}

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

/* The text is for people; the result has the whole captured output in other members. */
#define OUTPUT_BYTES_MAX 1024
/* The kernel's first realtime signal. Go has no names for these: "signal 34". */
#define FIRST_REALTIME_SIGNAL 32

/*
 * Appends the last OUTPUT_BYTES_MAX bytes. The text becomes a JSON string: bytes that must not be
 * in one are replaced by '?'.
 */
static void append_output(struct hp_buf *buf, const char *label, const struct hp_output *output)
{
	bool is_long = output->length > OUTPUT_BYTES_MAX;
	size_t skipped = is_long ? output->length - OUTPUT_BYTES_MAX : 0;
	size_t start;

	/* Do not begin in the middle of a UTF-8 sequence. */
	while (is_long && skipped < output->length && (output->bytes[skipped] & 0xc0) == 0x80)
		skipped++;
	append(buf, label);
	append(buf, is_long ? "..." : "");
	start = buf->length;
	hp_buf_append(buf, output->bytes + skipped, output->length - skipped);
	if (buf->failed || hp_json_is_text(buf->data + start, buf->length - start))
		return;
	for (size_t i = start; i < buf->length; i++)
		if (buf->data[i] == '\0' || (unsigned char)buf->data[i] >= 0x80)
			buf->data[i] = '?';
}

static void append_outputs(struct hp_buf *buf, const struct hp_hook_result *result)
{
	append_output(buf, ", stdout: ", &result->output[0]);
	append_output(buf, ", stderr: ", &result->output[1]);
}

static void append_failed_step(struct hp_buf *buf, const struct hp_hook_result *result)
{
	const char *step = result->failed_step ? result->failed_step : "exec";

	if (strcmp(step, "exec") == 0) {
		append(buf, "fork/exec ");
		append(buf, result->path);
	} else {
		append(buf, step);
	}
	if (result->failed_detail) {
		append(buf, " (");
		append(buf, result->failed_detail);
		append(buf, ")");
	}
	append(buf, ": ");
	append_lower(buf, strerror(result->failed_errno));
}

static void append_cause(struct hp_buf *buf, const struct hp_hook_result *result,
			 uint64_t timeout_ns)
{
	char text[96];

	switch (result->outcome) {
	case HP_HOOK_EXITED:
		snprintf(text, sizeof(text), "exit status %d", result->exit_status);
		append(buf, text);
		break;
	case HP_HOOK_SIGNALED:
		append(buf, "signal: ");
		snprintf(text, sizeof(text), "signal %d", result->signal);
		if (result->signal < FIRST_REALTIME_SIGNAL)
			append_lower(buf, strsignal(result->signal));
		else
			append(buf, text);
		break;
	case HP_HOOK_TIMED_OUT:
		snprintf(text, sizeof(text), "hook ran past specified timeout of %.1fs",
			 (double)timeout_ns / 1e9);
		append(buf, text);
		break;
	case HP_HOOK_SPAWN_FAILED:
		append_failed_step(buf, result);
		break;
	default:
		append(buf, result->pid ? "cancelled" : "cancelled before it was started");
	}
}

static char *take_string(struct hp_buf *buf)
{
	hp_buf_append(buf, "", 1);
	if (!buf->failed)
		return buf->data;
	hp_buf_free(buf);
	return NULL;
}

char *hp_failure_cause(const struct hp_hook_result *result, uint64_t timeout_ns)
{
	struct hp_buf buf = HP_BUF_INIT;

	append_cause(&buf, result, timeout_ns);
	return take_string(&buf);
}

char *hp_failure_text(const struct hp_hook_result *result, uint64_t timeout_ns)
{
	struct hp_buf buf = HP_BUF_INIT;

	append_cause(&buf, result, timeout_ns);
	if (result->outcome == HP_HOOK_EXITED || result->outcome == HP_HOOK_SIGNALED)
		append_outputs(&buf, result);
	return take_string(&buf);
}

char *hp_run_failure_text(enum hp_stage stage, size_t index, const char *cause)
{
	char *text;

	if (asprintf(&text, HP_RUN_FAILURE_FORMAT, hp_stage_names[stage], index,
		     cause ? cause : "out of memory") < 0)
		return NULL;
	return text;
}
