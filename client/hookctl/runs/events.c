/* SPDX-License-Identifier: Apache-2.0 */

/* `hookctl events`: what happens to runs, a line or a JSON object for each event. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/runs/await.h"
#include "client/hookctl/runs/filter.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/span.h"

struct events {
	struct ctl *ctl;
	struct await await;
	int error;
	int exit_status; /* of --format */
};

/* ---- a line ---- */

/* "#1 net-add" */
static void append_hook(const struct hookd_watch_event *event, struct hp_buf *line)
{
	const char *path = event->hook != NULL ? event->hook->path : NULL;

	if (path == NULL && event->run->hook == (int64_t)event->index)
		path = event->run->path;
	hp_buf_format(line, " #%zu", event->index);
	if (path != NULL)
		hp_buf_format(line, " %s", words_file_name(path));
}

static void append_what(const struct hookd_watch_event *event, struct hp_buf *line)
{
	char text[SPAN_SIZE];

	switch (event->type) {
	case HOOKD_WATCH_SUBMITTED:
		hp_buf_format(line, " submitted, %" PRIu64 " hook%s", event->run->hook_count,
			      event->run->hook_count == 1 ? "" : "s");
		break;
	case HOOKD_WATCH_STARTED:
		append_hook(event, line);
		hp_buf_format(line, " started, pid %d", event->pid);
		break;
	case HOOKD_WATCH_FINISHED:
		append_hook(event, line);
		hp_buf_format(line, " ");
		words_of_hook(event->hook, line);
		hp_buf_format(line, ", %s", span_format((uint64_t)event->hook->duration_us, text));
		break;
	case HOOKD_WATCH_DONE:
		hp_buf_format(line, " done: ");
		words_of_run(event->run, line);
		hp_buf_format(line, ", %s", span_format((uint64_t)event->run->duration_us, text));
		break;
	default:
		break;
	}
}

static bool is_bad(const struct hookd_watch_event *event)
{
	if (event->type == HOOKD_WATCH_FINISHED)
		return words_colour_of_hook(event->hook) == TABLE_BAD;
	return event->type == HOOKD_WATCH_DONE && words_colour_of_run(event->run) == TABLE_BAD;
}

static void append_event(const struct hookd_watch_event *event, struct hp_buf *line)
{
	char text[SPAN_SIZE];

	hp_buf_format(line, "%s", span_format_moment((uint64_t)event->time_us, text));
	if (event->type != HOOKD_WATCH_DROPPED) {
		hp_buf_format(line, " %s %s %s", event->run->run, event->run->container,
			      event->run->stage);
		append_what(event, line);
	} else if (event->dropped > 0) {
		hp_buf_format(line, " dropped, %" PRIu64 " events", event->dropped);
	} else {
		hp_buf_format(line, " dropped, some events");
	}
}

static int put_line(const struct events *events, const struct hookd_watch_event *event)
{
	bool is_red = events->ctl->has_colour && is_bad(event);
	struct hp_buf text = HP_BUF_INIT, line = HP_BUF_INIT;

	append_event(event, &text);
	if (is_red)
		hp_buf_append(&line, "\x1b[31m", 5);
	if (text.length > 0)
		escape_append(&line, text.data, text.length, ESCAPE_LINE);
	if (is_red)
		hp_buf_append(&line, "\x1b[0m", 4);
	hp_buf_append(&line, "\n", 1);
	line.failed |= text.failed;
	hp_buf_free(&text);
	return ctl_put(&line);
}

/* ---- JSON ---- */

static int put_object(struct events *events, const char *text)
{
	struct hp_buf line = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;
	int r = hp_json_parse(&json, text, strlen(text), &err);

	if (r == 0 && ctl_has(events->ctl, OPTION_FORMAT)) {
		events->exit_status =
		    ctl_put_formatted(events->ctl, "timeUSec|event|run|detail",
				      &(struct ctl_row){.object = hp_json_root(&json)}, 1);
	} else if (r == 0) {
		json_print(&line, hp_json_root(&json), JSON_PRINT_COMPACT, 0);
		hp_buf_append(&line, "\n", 1);
		r = ctl_put(&line);
	}
	hp_json_free(&json);
	return r;
}

/* The library's own event has no text. */
static int put_json(struct events *events, const struct hookd_watch_event *event)
{
	char text[128];

	if (event->json != NULL)
		return put_object(events, event->json);
	snprintf(text, sizeof(text),
		 "{\"event\":\"dropped\",\"timeUSec\":%" PRId64 ",\"detail\":{\"dropped\":%" PRIu64
		 "}}",
		 event->time_us, event->dropped);
	return put_object(events, text);
}

/* ---- the call ---- */

static int on_event(struct hookd_client *client, const struct hookd_watch_event *event,
		    void *userdata)
{
	struct events *events = userdata;
	int r;

	(void)client;
	if (events->ctl->json != CTL_JSON_OFF || ctl_has(events->ctl, OPTION_FORMAT))
		r = put_json(events, event);
	else
		r = put_line(events, event);
	if (r == 0 && fflush(stdout) != 0)
		r = ctl_keep_stdout_error();
	return events->exit_status != CTL_EXIT_OK ? -ECANCELED : r;
}

static void on_ended(struct hookd_client *client, int error, struct hookd_reply *reply,
		     void *userdata)
{
	struct events *events = userdata;

	(void)client;
	(void)reply;
	events->error = error;
	events->await.is_done = true;
}

static int watch(struct ctl *ctl, const struct hookd_run_filter *filter)
{
	struct events events = {.ctl = ctl, .await = {.ctl = ctl}};
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_watch_start(ctl->client, filter, on_event, on_ended, &events);
	if (r == 0)
		r = await_done(&events.await);
	if (events.await.is_done)
		r = events.error;
	if (events.exit_status != CTL_EXIT_OK)
		return events.exit_status;
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}

/* Without --since they begin now. */
static int check_until(const struct ctl *ctl, const struct hookd_run_filter *filter)
{
	const char *since = ctl_option(ctl, OPTION_SINCE), *until = ctl_option(ctl, OPTION_UNTIL);
	int64_t since_us = since != NULL ? filter->since_us : span_now_us();

	if (until == NULL || filter->until_us >= since_us)
		return 0;
	if (since != NULL)
		return ctl_usage("events: --until=%s is before --since=%s", until, since);
	ctl_error("events: --until=%s: is in the past, and without --since they begin now", until);
	ctl_hint(ctl, "hookctl events --since=yesterday --until=%s", until);
	return CTL_EXIT_USAGE;
}

int verb_events(struct ctl *ctl)
{
	const char *format = ctl_option(ctl, OPTION_FORMAT);
	struct filter filter;
	int r;

	if (format != NULL && strncmp(format, "table ", 6) == 0)
		return ctl_usage(
		    "--format: 'table' is not for events, which have no last row: leave it out");
	ctl->has_pager = false;
	r = filter_read(ctl, &filter);
	if (r == 0)
		r = check_until(ctl, &filter.of);
	if (r == 0)
		r = watch(ctl, &filter.of);
	filter_free(&filter);
	return r;
}
