/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks' output as entries of the log: each line one, as if the hook had written it there. A run
 * that this hookd starts is listened to, so a line is logged when it is complete; that of a run of
 * an earlier hookd, of which some may have been logged, is logged when it ends.
 */
#include "daemon/journal/output.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/run/output_position.h"

/* journald's own limit for a unit is 10,000 in the same time, which the rest has to fit into too.
 */
#define LINES_MAX   2000
#define PIECE_BYTES 900 /* a longer line is several entries */

/* What was read of a line that is not complete. */
struct line {
	char bytes[PIECE_BYTES + 1];
	size_t length;
};

/* The lines of a run, while it runs. */
struct output {
	struct journal *journal;
	struct run *run;
	struct run_waiter waiter;
	struct output_position position;
	struct line lines[2];	 /* of stdout, stderr */
	LIST_ENTRY(output) link; /* journal::outputs */
};

static const char *const streams[] = {"stdout", "stderr"};

/* Where a line comes from. */
struct source {
	struct journal *journal;
	const struct run *run;
	size_t index; /* of the hook */
	const char *stream;
	struct line *line;
};

static void log_line(const struct source *source, const char *line)
{
	const struct run *run = source->run;
	const char *path = run->result.hooks[source->index].path;
	const char *slash = strrchr(path, '/');
	unsigned long suppressed;
	char uid[12], index[24];
	const struct log_field fields[] = {
	    {"SYSLOG_IDENTIFIER", slash ? slash + 1 : path},
	    {"HOOKD_RUN", run->id},
	    {"HOOKD_CONTAINER", run->request.container},
	    {"HOOKD_STAGE", hp_stage_names[run->request.stage]},
	    {"HOOKD_UID", uid},
	    {"HOOKD_HOOK", index},
	    {"HOOKD_PATH", path},
	    {"HOOKD_STREAM", source->stream},
	};

	snprintf(uid, sizeof(uid), "%u", run->uid);
	snprintf(index, sizeof(index), "%zu", source->index);
	if (!rate_allows(&source->journal->output, LINES_MAX, clock_ns(CLOCK_MONOTONIC),
			 &suppressed))
		return;
	if (suppressed > 0)
		log_warning("%lu lines of hooks' output were not logged: more than %d in 30 s",
			    suppressed, LINES_MAX);
	log_write(LOG_INFO, fields, ELEMENTS(fields), "%s", line);
}

/* ---- lines ---- */

static void log_piece(const struct source *source, size_t length)
{
	struct line *line = source->line;
	char text[PIECE_BYTES + 1];

	for (size_t i = 0; i < length; i++)
		text[i] = line->bytes[i] ? line->bytes[i] : '?';
	text[length] = '\0';
	log_line(source, text);
	line->length -= length;
	memmove(line->bytes, line->bytes + length, line->length);
}

/* Of a line that is longer. Does not cut a character of UTF-8 in the middle. */
static size_t piece_length(const struct line *line)
{
	size_t piece = PIECE_BYTES;

	while (piece > PIECE_BYTES - 4 && (line->bytes[piece] & 0xc0) == 0x80)
		piece--;
	return piece;
}

static void take_bytes(const struct source *source, const char *bytes, size_t length)
{
	struct line *line = source->line;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n') {
			log_piece(source, line->length);
			continue;
		}
		line->bytes[line->length++] = bytes[i];
		if (line->length > PIECE_BYTES)
			log_piece(source, piece_length(line));
	}
}

/* No more follows it. */
static void end_line(const struct source *source)
{
	if (source->line->length > 0)
		log_piece(source, source->line->length);
}

static void log_gap(const struct source *source, uint64_t bytes)
{
	char gap[64];

	end_line(source);
	snprintf(gap, sizeof(gap), "[%llu bytes left out]", (unsigned long long)bytes);
	log_line(source, gap);
}

/* ---- a run that has ended ---- */

static void log_stream(const struct source *source, const struct hp_output *output)
{
	size_t head = output->total > output->length ? output->head : output->length;

	take_bytes(source, output->bytes, head);
	if (output->total > output->length)
		log_gap(source, output->total - output->length);
	take_bytes(source, output->bytes + head, output->length - head);
	end_line(source);
}

void output_log(struct journal *journal, const struct run *run)
{
	for (size_t i = 0; i < run->result.hook_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct hp_hook_result *hook = &run->result.hooks[i];
			struct line line = {.length = 0};
			const struct source source = {journal, run, hook->index, streams[k], &line};

			log_stream(&source, &hook->output[k]);
		}
}

/* ---- a run that runs ---- */

static struct source source_of(struct output *output, size_t index, int stream)
{
	return (struct source){output->journal, output->run, index, streams[stream - 1],
			       &output->lines[stream - 1]};
}

static void take_output(struct output *output, size_t index, const struct hook_output *read)
{
	const struct source source = source_of(output, index, read->stream);
	struct output_position *position = &output->position;
	uint64_t at = position->index == index ? position->at[read->stream - 1] : 0;
	struct hook_output fresh;

	if (!output_position_take(position, index, read, &fresh))
		return;
	if (fresh.offset > at)
		log_gap(&source, fresh.offset - at);
	take_bytes(&source, fresh.bytes, fresh.length);
}

/* Its result has what did not come before. */
static void take_result(struct output *output, const struct hp_hook_result *hook)
{
	struct hook_output parts[2];

	for (int stream = 1; stream <= 2; stream++) {
		const struct source source = source_of(output, hook->index, stream);
		size_t count = output_kept(&hook->output[stream - 1], parts);

		for (size_t i = 0; i < count; i++) {
			parts[i].stream = stream;
			parts[i].is_kept = true;
			take_output(output, hook->index, &parts[i]);
		}
		end_line(&source);
	}
}

static void output_free(struct output *output)
{
	run_remove_waiter(output->run, &output->waiter);
	LIST_REMOVE(output, link);
	free(output);
}

static void on_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct output *output = container_of(waiter, struct output, waiter);

	if (event->type == RUN_EVENT_OUTPUT)
		take_output(output, event->index, event->output);
	else if (event->type == RUN_EVENT_FINISHED)
		take_result(output, event->hook);
	else if (event->type == RUN_EVENT_DONE || event->type == RUN_EVENT_TURNED_AWAY)
		output_free(output);
}

void output_follow(struct journal *journal, struct run *run)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output)
		return;
	output->journal = journal;
	output->run = run;
	output->waiter = (struct run_waiter){
	    .notify = on_event,
	    .wants_output = true,
	    .is_spectator = true,
	};
	LIST_INSERT_HEAD(&journal->outputs, output, link);
	run_add_waiter(run, &output->waiter);
	run->is_output_logged = true;
}

void output_clear(struct journal *journal)
{
	while (!LIST_EMPTY(&journal->outputs))
		output_free(LIST_FIRST(&journal->outputs));
}
