/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl logs`: what the hooks of a run, or of all runs of a container, have written. What is
 * there is fetched with Get, run by run. With --follow what comes is watched from then on; the
 * position in each stream tells which of it was shown already.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/runs/await.h"
#include "client/hookctl/runs/details.h"
#include "client/hookctl/runs/filter.h"
#include "client/hookctl/runs/output.h"
#include "client/hookctl/runs/resolve.h"
#include "client/hookctl/runs/run_list.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/terminal/terminal.h"
#include "proto/base/limits.h"

#define TAIL_ALL UINT64_MAX

/* How far a hook's streams were shown. */
struct position {
	char *run;
	size_t index;
	uint64_t offset[2];
};

struct logs {
	struct ctl *ctl;
	struct output output;
	struct hp_buf paged; /* on a terminal, without --follow */
	int stream;	     /* 1 or 2; 0: both */
	uint64_t tail;
	bool has_headings, names_run; /* there may be several runs of a stage */
	bool has_shown;
	struct position *positions;
	size_t position_count;
	/* Whose heading was the last; SIZE_MAX: none. */
	char *heading_run;
	size_t heading_index;
	/* --follow */
	struct await await;
	int error;
	bool ends_with_poststop, has_ended;
	const char *stage; /* only this one is shown; NULL: all */
};

/* ---- positions ---- */

/* NULL: out of memory. */
static struct position *get_position(struct logs *logs, const char *run, size_t index)
{
	struct position *positions;

	for (size_t i = logs->position_count; i-- > 0;)
		if (logs->positions[i].index == index && strcmp(logs->positions[i].run, run) == 0)
			return &logs->positions[i];
	positions = reallocarray(logs->positions, logs->position_count + 1, sizeof(*positions));
	if (positions == NULL)
		return NULL;
	logs->positions = positions;
	positions[logs->position_count] = (struct position){.run = strdup(run), .index = index};
	return positions[logs->position_count].run != NULL ? &positions[logs->position_count++]
							   : NULL;
}

static void logs_free(struct logs *logs)
{
	for (size_t i = 0; i < logs->position_count; i++)
		free(logs->positions[i].run);
	free(logs->positions);
	free(logs->heading_run);
	hp_buf_free(&logs->paged);
}

/* ---- one piece ---- */

/* "; 0123456789ab, Sat 2026-01-31 12:00:00 UTC" */
static void append_run(struct hp_buf *line, const struct output_piece *piece)
{
	char time[SPAN_SIZE];

	hp_buf_format(line, "; %s, %s", piece->run,
		      span_format_time((uint64_t)piece->submitted_us, time));
}

/*
 * "==> createRuntime #1 net-add, failed (3) <==", as tail does, where the hook changes. Of a
 * container with the run and when it was submitted.
 */
static int put_heading(struct logs *logs, const struct output_piece *piece, const char *words)
{
	struct hp_buf line = HP_BUF_INIT;
	char text[64];
	int r;

	if (!logs->has_headings ||
	    (logs->heading_run != NULL && logs->heading_index == piece->index &&
	     strcmp(logs->heading_run, piece->run) == 0))
		return 0;
	output_end_lines(&logs->output);
	snprintf(text, sizeof(text), " #%zu ", piece->index);
	if (logs->heading_run != NULL)
		hp_buf_append(&line, "\n", 1);
	hp_buf_append(&line, "==> ", 4);
	hp_buf_append(&line, piece->stage, strlen(piece->stage));
	hp_buf_append(&line, text, strlen(text));
	hp_buf_append(&line, words, strlen(words));
	if (logs->names_run)
		append_run(&line, piece);
	hp_buf_append(&line, " <==\n", 5);
	r = line.failed ? -ENOMEM : output_write(&logs->output, 1, line.data, line.length);
	hp_buf_free(&line);
	free(logs->heading_run);
	logs->heading_run = strdup(piece->run);
	logs->heading_index = piece->index;
	return logs->heading_run != NULL ? r : -ENOMEM;
}

static int put_piece(struct logs *logs, const struct output_piece *piece, const char *words,
		     uint64_t missing)
{
	int r;

	if (piece->length == 0)
		return 0;
	logs->has_shown = true;
	if (logs->ctl->json != CTL_JSON_OFF)
		return output_put_json(piece);
	r = put_heading(logs, piece, words);
	if (r == 0 && missing > 0)
		r = output_write_gap(&logs->output, piece->stream, missing);
	if (r == 0)
		r = output_write(&logs->output, piece->stream, piece->data, piece->length);
	return r;
}

/* ---- what is there ---- */

/* Where the last `lines` lines begin. */
static size_t tail_start(const char *data, size_t length, uint64_t lines)
{
	size_t at = length;
	uint64_t found = 0;

	if (lines == TAIL_ALL)
		return 0;
	if (lines == 0)
		return length;
	if (at > 0 && data[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (data[at - 1] == '\n' && ++found == lines)
			return at;
	return 0;
}

/* Of what was kept, the first part and the last; between them bytes may be missing. */
static int show_stream(struct logs *logs, const struct output_piece *whole, uint64_t total,
		       const char *words)
{
	uint64_t missing = total - whole->length;
	size_t head = missing == 0			      ? whole->length
		      : whole->length < HP_CAPTURE_HEAD_BYTES ? whole->length
							      : HP_CAPTURE_HEAD_BYTES;
	size_t start = tail_start(whole->data, whole->length, logs->tail);
	struct output_piece piece = *whole;
	int r = 0;

	if (start < head) {
		piece.offset = start;
		piece.data = whole->data + start;
		piece.length = head - start;
		r = put_piece(logs, &piece, words, 0);
	}
	start = start > head ? start : head;
	piece.offset = missing + start;
	piece.data = whole->data + start;
	piece.length = whole->length - start;
	if (r == 0)
		r = put_piece(logs, &piece, words, start == head ? missing : 0);
	return r;
}

static int show_hook(struct logs *logs, const struct hookd_run_info *run,
		     const struct hookd_hook_result *hook, const char *words)
{
	struct position *position = get_position(logs, run->run, hook->index);
	int r = 0;

	if (position == NULL)
		return -ENOMEM;
	for (int stream = 1; stream <= 2 && r == 0; stream++) {
		const struct output_piece piece = {
		    .run = run->run,
		    .stage = run->stage != NULL ? run->stage : "",
		    .submitted_us = run->submitted_us,
		    .index = hook->index,
		    .stream = stream,
		    .data = stream == 1 ? hook->stdout_data : hook->stderr_data,
		    .length = stream == 1 ? hook->stdout_length : hook->stderr_length,
		};
		uint64_t total = stream == 1 ? hook->stdout_bytes : hook->stderr_bytes;

		position->offset[stream - 1] = total;
		if (logs->stream == 0 || logs->stream == stream)
			r = show_stream(logs, &piece, total > piece.length ? total : piece.length,
					words);
	}
	return r;
}

/* "net-add, failed (3)" */
static int show_hook_of(struct logs *logs, const struct hookd_reply *reply, size_t index)
{
	const struct hookd_hook_result *hook = details_hook(reply, index);
	const char *name = words_file_name(hook->path);
	struct hp_buf words = HP_BUF_INIT;
	int r;

	hp_buf_append(&words, name, strlen(name));
	hp_buf_append(&words, ", ", 2);
	words_of_hook(hook, &words);
	hp_buf_append(&words, "", 1);
	r = words.failed ? -ENOMEM
			 : show_hook(logs, hookd_reply_details(reply)->run, hook, words.data);
	hp_buf_free(&words);
	return r;
}

/* A run that hookd has forgotten meanwhile has nothing to show. */
static int show_run(struct logs *logs, const char *run, bool is_alone, bool *ret_is_done)
{
	const struct hookd_run_info *info;
	struct hookd_reply *reply;
	int r = hookd_get(logs->ctl->client, run, &reply);

	if (r == -ESRCH && !is_alone)
		return 0;
	if (r < 0)
		return r;
	info = hookd_reply_details(reply)->run;
	*ret_is_done = info->state != NULL && strcmp(info->state, "done") == 0;
	if (is_alone && info->hook_count == 1)
		logs->has_headings = false;
	for (size_t i = 0; i < details_hook_count(reply) && r == 0; i++)
		r = show_hook_of(logs, reply, i);
	hookd_reply_free(reply);
	return r;
}

/* Oldest first. */
static int show_container(struct logs *logs, const struct filter *filter)
{
	struct run_list list = {0};
	bool is_done;
	int r = run_list_fetch(&list, logs->ctl, &filter->of, RUN_LIST_ALL);

	run_list_sort(&list);
	for (size_t i = list.count; i-- > 0 && r == 0;)
		r = show_run(logs, list.runs[i].info->run,
			     list.count == 1 && !ctl_has(logs->ctl, OPTION_FOLLOW), &is_done);
	run_list_free(&list);
	return r;
}

/* ---- what comes ---- */

static int on_output(struct logs *logs, const struct hookd_watch_event *event)
{
	struct position *position = get_position(logs, event->run->run, event->index);
	struct output_piece piece = {
	    .run = event->run->run,
	    .stage = event->run->stage != NULL ? event->run->stage : "",
	    .submitted_us = event->run->submitted_us,
	    .index = event->index,
	    .stream = event->stream,
	    .offset = event->offset,
	    .data = event->data,
	    .length = event->data_length,
	};
	bool is_current = event->run->hook == (int64_t)event->index;
	uint64_t *shown, missing;

	if (position == NULL)
		return -ENOMEM;
	shown = &position->offset[event->stream - 1];
	if (piece.offset + piece.length <= *shown)
		return 0;
	if (piece.offset < *shown) {
		piece.data += *shown - piece.offset;
		piece.length -= (size_t)(*shown - piece.offset);
		piece.offset = *shown;
	}
	missing = piece.offset - *shown;
	*shown = piece.offset + piece.length;
	if (logs->stream != 0 && logs->stream != event->stream)
		return 0;
	return put_piece(logs, &piece, is_current ? words_file_name(event->run->path) : "output",
			 missing);
}

/* What --follow ends with, or goes on after. */
static void say_finished(struct logs *logs, const struct hookd_watch_event *event)
{
	struct hp_buf words = HP_BUF_INIT;

	if (event->hook->success || logs->ctl->json != CTL_JSON_OFF)
		return;
	words_of_hook(event->hook, &words);
	hp_buf_append(&words, "", 1);
	output_end_lines(&logs->output);
	if (!words.failed)
		ctl_note(logs->ctl, "%s %s #%zu %s: %s", event->run->container, event->run->stage,
			 event->index, words_file_name(event->hook->path), words.data);
	hp_buf_free(&words);
}

/* All stages of a container are watched, since its poststop is the end. */
static bool is_shown(const struct logs *logs, const struct hookd_run_info *run)
{
	return logs->stage == NULL || (run->stage != NULL && strcmp(logs->stage, run->stage) == 0);
}

static int on_event(struct hookd_client *client, const struct hookd_watch_event *event,
		    void *userdata)
{
	struct logs *logs = userdata;

	(void)client;
	switch (event->type) {
	case HOOKD_WATCH_OUTPUT:
		return is_shown(logs, event->run) ? on_output(logs, event) : 0;
	case HOOKD_WATCH_FINISHED:
		if (is_shown(logs, event->run))
			say_finished(logs, event);
		return 0;
	case HOOKD_WATCH_DROPPED:
		output_end_lines(&logs->output);
		ctl_note(logs->ctl, "%" PRIu64 " events were left out", event->dropped);
		return 0;
	case HOOKD_WATCH_DONE:
		logs->has_ended = logs->ends_with_poststop && event->run->stage != NULL &&
				  strcmp(event->run->stage, "poststop") == 0;
		return logs->has_ended ? -ECANCELED : 0;
	default:
		return 0;
	}
}

static void on_ended(struct hookd_client *client, int error, struct hookd_reply *reply,
		     void *userdata)
{
	struct logs *logs = userdata;

	(void)client;
	(void)reply;
	logs->error = logs->has_ended ? 0 : error;
	logs->await.is_done = true;
}

static int follow(struct logs *logs, struct hookd_run_filter *watched, int64_t since_us)
{
	int r;

	watched->output = true;
	watched->since_us = since_us;
	logs->await = (struct await){.ctl = logs->ctl};
	r = hookd_watch_start(logs->ctl->client, watched, on_event, on_ended, logs);
	if (r == 0)
		r = await_done(&logs->await);
	return logs->await.is_done ? logs->error : r;
}

/* ---- the end of a container ---- */

/* 1: there is such a run of the container, of `stage` if it has ended; 0: none; or -errno. */
static int has_run(const struct logs *logs, const char *container, const char *state,
		   const char *stage)
{
	const struct hookd_run_filter filter = {
	    .size = sizeof(filter), .container = container, .state = state, .limit = 1};
	const struct hookd_run_list *runs;
	struct hookd_reply *reply;
	int r = hookd_list(logs->ctl->client, &filter, &reply);

	if (r < 0)
		return r;
	runs = hookd_reply_list(reply);
	r = runs->count > 0 && (stage == NULL || (runs->runs[0].stage != NULL &&
						  strcmp(runs->runs[0].stage, stage) == 0));
	hookd_reply_free(reply);
	return r;
}

/* 1: nothing runs, and the last that has run was poststop, so nothing else comes. */
static int is_over(const struct logs *logs, const char *container)
{
	static const char *const unfinished[] = {"running", "queued"};

	for (size_t i = 0; i < 2; i++) {
		int r = has_run(logs, container, unfinished[i], NULL);

		if (r != 0)
			return r < 0 ? r : 0;
	}
	return has_run(logs, container, NULL, "poststop");
}

/*
 * Whether it is over is asked before anything is shown: a poststop that ends later is told by the
 * watch, with what it has written.
 */
static int follow_container(struct logs *logs, const struct filter *filter)
{
	struct hookd_run_filter watched = {.size = sizeof(watched),
					   .container = filter->of.container,
					   .until_us = filter->of.until_us};
	int64_t now_us = span_now_us();
	int r, over = is_over(logs, filter->of.container);

	if (over < 0)
		return over;
	logs->ends_with_poststop = true;
	logs->stage = filter->of.stage;
	r = show_container(logs, filter);
	if (r == 0 && over == 0)
		return follow(logs, &watched, now_us);
	output_end_lines(&logs->output);
	if (r == 0)
		ctl_note(logs->ctl, "%s: poststop is done, nothing else is to come",
			 filter->of.container);
	return r;
}

/* ---- the verb ---- */

static int follow_run(struct logs *logs, const char *run, const struct filter *filter)
{
	struct hookd_run_filter watched = {
	    .size = sizeof(watched), .run = run, .until_us = filter->of.until_us};
	int64_t now_us = span_now_us();
	bool is_done = false;
	int r = show_run(logs, run, true, &is_done);

	return r == 0 && !is_done ? follow(logs, &watched, now_us) : r;
}

static int show_and_follow(struct logs *logs, const char *run, const struct filter *filter)
{
	bool is_followed = ctl_has(logs->ctl, OPTION_FOLLOW), is_done;
	int r;

	if (run != NULL)
		r = is_followed ? follow_run(logs, run, filter)
				: show_run(logs, run, true, &is_done);
	else
		r = is_followed ? follow_container(logs, filter) : show_container(logs, filter);
	output_end_lines(&logs->output);
	return r;
}

static int show_logs(struct logs *logs, const char *run, const struct filter *filter)
{
	bool is_paged = logs->ctl->has_pager && !ctl_has(logs->ctl, OPTION_FOLLOW) &&
			terminal_is(STDERR_FILENO) && logs->ctl->json == CTL_JSON_OFF;
	int r;

	if (is_paged)
		logs->output.buf = &logs->paged;
	r = show_and_follow(logs, run, filter);
	if (r == 0 && is_paged)
		r = ctl_page(logs->ctl, &logs->paged);
	if (r < 0)
		return ctl_call_failed(logs->ctl, r);
	if (!logs->has_shown)
		ctl_note(logs->ctl, "No output");
	return CTL_EXIT_OK;
}

static int read_options(struct logs *logs, struct filter *filter)
{
	const char *stream = ctl_option(logs->ctl, OPTION_STREAM);
	int r = filter_read_count(logs->ctl, OPTION_TAIL, TAIL_ALL, &logs->tail);

	if (stream != NULL)
		logs->stream = strcmp(stream, "stderr") == 0 ? 2 : 1;
	return r == 0 ? filter_read(logs->ctl, filter) : r;
}

int verb_logs(struct ctl *ctl)
{
	struct logs logs = {.ctl = ctl,
			    .output = output_new(ctl),
			    .has_headings = !ctl->is_quiet && ctl->has_legend};
	struct filter filter = {0};
	char *run = NULL;
	int r = read_options(&logs, &filter);

	if (r == 0)
		r = resolve_run_or_container(ctl, ctl->options.operands[0], &run,
					     &filter.container);
	filter.of.container = filter.container;
	logs.names_run = filter.container != NULL;
	if (r == 0)
		r = show_logs(&logs, run, &filter);
	free(run);
	filter_free(&filter);
	logs_free(&logs);
	return r;
}
