/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks' output as entries of the log: each line one, as if the hook had written it there. No
 * state.
 */
#include "daemon/journal/output.h"

#include <stdio.h>
#include <string.h>

/* journald's own limit for a unit is 10,000 in the same time, which the rest has to fit into too.
 */
#define LINES_MAX   2000
#define PIECE_BYTES 900 /* a longer line is several entries */

struct source {
	struct journal *journal;
	const struct run *run;
	const struct hp_hook_result *hook;
	const char *stream;
};

static void log_line(const struct source *source, const char *line)
{
	const struct run *run = source->run;
	const char *slash = strrchr(source->hook->path, '/');
	unsigned long suppressed;
	char uid[12], index[24];
	const struct log_field fields[] = {
	    {"SYSLOG_IDENTIFIER", slash ? slash + 1 : source->hook->path},
	    {"HOOKD_RUN", run->id},
	    {"HOOKD_CONTAINER", run->request.container},
	    {"HOOKD_STAGE", hp_stage_names[run->request.stage]},
	    {"HOOKD_UID", uid},
	    {"HOOKD_HOOK", index},
	    {"HOOKD_PATH", source->hook->path},
	    {"HOOKD_STREAM", source->stream},
	};

	snprintf(uid, sizeof(uid), "%u", run->uid);
	snprintf(index, sizeof(index), "%zu", source->hook->index);
	if (!rate_allows(&source->journal->output, LINES_MAX, clock_ns(CLOCK_MONOTONIC),
			 &suppressed))
		return;
	if (suppressed > 0)
		log_warning("%lu lines of hooks' output were not logged: more than %d in 30 s",
			    suppressed, LINES_MAX);
	log_write(LOG_INFO, fields, ELEMENTS(fields), "%s", line);
}

/* Does not cut a character of UTF-8 in the middle. */
static size_t piece_length(const char *bytes, size_t length)
{
	size_t piece = PIECE_BYTES;

	if (length <= PIECE_BYTES)
		return length;
	while (piece > PIECE_BYTES - 4 && (bytes[piece] & 0xc0) == 0x80)
		piece--;
	return piece;
}

static void log_bytes(const struct source *source, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t line = (size_t)((newline ? newline : end) - bytes);
		size_t piece = piece_length(bytes, line);
		char text[PIECE_BYTES + 1];

		for (size_t i = 0; i < piece; i++)
			text[i] = bytes[i] ? bytes[i] : '?';
		text[piece] = '\0';
		log_line(source, text);
		bytes += piece + (piece == line);
	}
}

static void log_stream(const struct source *source, const struct hp_output *output)
{
	char gap[64];

	if (output->total <= output->length) {
		log_bytes(source, output->bytes, output->length);
		return;
	}
	snprintf(gap, sizeof(gap), "[%llu bytes left out]",
		 (unsigned long long)(output->total - output->length));
	log_bytes(source, output->bytes, output->head);
	log_line(source, gap);
	log_bytes(source, output->bytes + output->head, output->length - output->head);
}

void output_log(struct journal *journal, const struct run *run)
{
	static const char *const streams[] = {"stdout", "stderr"};

	for (size_t i = 0; i < run->result.hook_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct hp_hook_result *hook = &run->result.hooks[i];
			const struct source source = {journal, run, hook, streams[k]};

			log_stream(&source, &hook->output[k]);
		}
}
