/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints one run: its fields, its hooks, and of the hook that runs or has failed the last lines
 * that it has written. Pure, but for the clock.
 */

#include "client/hookctl/runs/details.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"

#define LINES_SHOWN 10

size_t details_hook_count(const struct hookd_reply *reply)
{
	const struct hookd_result *result = hookd_reply_result(reply);

	return result != NULL ? hookd_result_hook_count(result)
			      : hookd_reply_details(reply)->hook_count;
}

const struct hookd_hook_result *details_hook(const struct hookd_reply *reply, size_t index)
{
	const struct hookd_result *result = hookd_reply_result(reply);

	return result != NULL ? hookd_result_hook(result, index)
			      : hookd_reply_details(reply)->hooks[index];
}

const char *details_format_bytes(uint64_t bytes, char buffer[static DETAILS_SIZE])
{
	static const char units[] = "BKMGTPE";
	uint64_t whole = bytes, tenths = 0;
	int unit = 0;

	for (; whole >= 1024; whole /= 1024, unit++)
		tenths = whole % 1024 * 10 / 1024;
	if (unit == 0 || whole >= 10)
		snprintf(buffer, DETAILS_SIZE, "%" PRIu64 "%c", whole, units[unit]);
	else
		snprintf(buffer, DETAILS_SIZE, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths,
			 units[unit]);
	return buffer;
}

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

static bool is(const char *text, const char *other)
{
	return text != NULL && strcmp(text, other) == 0;
}

/* ---- fields ---- */

static const struct hookd_hook_result *running_hook(const struct hookd_reply *reply)
{
	for (size_t i = 0; i < details_hook_count(reply); i++)
		if (is(details_hook(reply, i)->outcome, "running"))
			return details_hook(reply, i);
	return NULL;
}

/* ", pid 4711, 41s of 5min" */
static void append_progress(const struct hookd_run_info *run, const struct hookd_hook_result *hook,
			    struct hp_buf *buf)
{
	int64_t now_us = span_now_us(), started_us = hook != NULL ? hook->started_us : 0;
	char text[SPAN_SIZE], line[SPAN_SIZE + 32];

	if (run->pid > 0) {
		snprintf(line, sizeof(line), ", pid %d", run->pid);
		append(buf, line);
	}
	if (started_us == 0)
		return;
	append(buf, ", ");
	append(buf, span_format(now_us > started_us ? (uint64_t)(now_us - started_us) : 0, text));
	if (run->deadline_us > started_us) {
		append(buf, " of ");
		append(buf, span_format((uint64_t)(run->deadline_us - started_us), text));
	}
}

static void append_status(const struct hookd_reply *reply, struct hp_buf *buf)
{
	const struct hookd_run_info *run = hookd_reply_details(reply)->run;
	char text[SPAN_SIZE];

	words_of_run(run, buf);
	if (is(run->state, "running")) {
		append_progress(run, running_hook(reply), buf);
	} else if (is(run->state, "done")) {
		append(buf, ", ");
		append(buf, span_format((uint64_t)run->duration_us, text));
	}
	hp_buf_append(buf, "", 1);
}

static void add_status(struct table *table, const struct hookd_reply *reply)
{
	const struct hookd_run_info *run = hookd_reply_details(reply)->run;
	struct hp_buf words = HP_BUF_INIT;

	append_status(reply, &words);
	table_add(table, "Status");
	table_add_coloured(table, words.failed ? NULL : words.data, words_colour_of_run(run));
	table->failed |= words.failed;
	hp_buf_free(&words);
}

static void add_submitted(struct table *table, const struct hookd_run_info *run)
{
	char text[SPAN_SIZE];

	table_add(table, "Submitted");
	span_format_time((uint64_t)run->submitted_us, text);
	if (run->uid >= 0)
		table_addf(table, "%s by uid %" PRId64, text, run->uid);
	else
		table_add(table, text);
}

/* Of these the status does not say why. */
static bool has_more_to_say(const struct hookd_run_info *run)
{
	return run->error != NULL && !is(run->outcome, "cancelled") &&
	       !is(run->hook_outcome, "exited") && !is(run->hook_outcome, "timed_out");
}

static void add_optional(struct table *table, const char *name, const char *text)
{
	if (text == NULL)
		return;
	table_add(table, name);
	table_add(table, text);
}

static int append_fields(const struct ctl *ctl, const struct hookd_reply *reply, struct hp_buf *buf)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	const struct hookd_run_info *run = hookd_reply_details(reply)->run;
	const struct hookd_result *result = hookd_reply_result(reply);
	struct table table = TABLE_INIT(columns);
	int r;

	table.separator = ": ";
	table_add(&table, "Run");
	table_add(&table, run->run);
	table_add(&table, "Container");
	table_add(&table, run->container);
	table_add(&table, "Stage");
	table_add(&table, run->stage);
	add_status(&table, reply);
	add_submitted(&table, run);
	add_optional(&table, "Request", run->request_id);
	add_optional(&table, "Error", has_more_to_say(run) ? run->error : NULL);
	add_optional(&table, "Left out", result != NULL ? hookd_result_ignored(result) : NULL);
	r = table_write(&table,
			&(struct table_style){
			    .has_colour = ctl->has_colour, .width = ctl->width, .wraps = true},
			buf);
	table_free(&table);
	return r;
}

/* ---- hooks ---- */

static void add_hook_status(struct table *table, const struct hookd_hook_result *hook)
{
	struct hp_buf words = HP_BUF_INIT;

	words_of_hook(hook, &words);
	hp_buf_append(&words, "", 1);
	table_add_coloured(table, words.failed ? NULL : words.data, words_colour_of_hook(hook));
	table->failed |= words.failed;
	hp_buf_free(&words);
}

static uint64_t hook_time_us(const struct hookd_hook_result *hook)
{
	int64_t now_us = span_now_us();

	if (!is(hook->outcome, "running"))
		return (uint64_t)hook->duration_us;
	return now_us > hook->started_us ? (uint64_t)(now_us - hook->started_us) : 0;
}

static void add_hook(struct table *table, const struct hookd_hook_result *hook)
{
	bool has_run = hook->pid != 0;
	char text[SPAN_SIZE], bytes[DETAILS_SIZE];

	table_addf(table, "%zu", hook->index);
	table_add(table, hook->path);
	add_hook_status(table, hook);
	table_add(table, has_run ? span_format(hook_time_us(hook), text) : "-");
	table_add(table, has_run ? details_format_bytes(hook->stdout_bytes, bytes) : "-");
	table_add(table, has_run ? details_format_bytes(hook->stderr_bytes, bytes) : "-");
}

static int append_hooks(const struct ctl *ctl, const struct hookd_reply *reply, struct hp_buf *buf)
{
	static const struct table_column columns[] = {{"#", true},
						      {"PATH"},
						      {"STATUS"},
						      {"TIME", true},
						      {"STDOUT", true, .is_optional = true},
						      {"STDERR", true, .is_optional = true}};
	const struct table_style style = {
	    .has_header = ctl->has_legend, .has_colour = ctl->has_colour, .width = ctl->width};
	struct table table = TABLE_INIT(columns);
	int r;

	for (size_t i = 0; i < details_hook_count(reply); i++)
		add_hook(&table, details_hook(reply, i));
	append(buf, "\n");
	r = table_write(&table, &style, buf);
	table_free(&table);
	return r;
}

/* ---- output ---- */

/* Where the last lines begin. */
static size_t last_lines(const char *data, size_t length)
{
	size_t lines = 0, at = length;

	if (at > 0 && data[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (data[at - 1] == '\n' && ++lines == LINES_SHOWN)
			return at;
	return 0;
}

static void append_stream(const char *name, const struct hookd_hook_result *hook, const char *data,
			  size_t length, struct hp_buf *buf)
{
	size_t start = last_lines(data, length);
	char text[64];

	if (length == 0)
		return;
	snprintf(text, sizeof(text), "\n%s%s of #%zu:\n", start > 0 ? "last lines of " : "", name,
		 hook->index);
	append(buf, text);
	escape_append(buf, data + start, length - start, ESCAPE_LINES);
	if (data[length - 1] != '\n')
		append(buf, "\n");
}

/* The hook that runs, or that has failed first. */
static const struct hookd_hook_result *shown_hook(const struct hookd_reply *reply)
{
	for (size_t i = 0; i < details_hook_count(reply); i++)
		if (!details_hook(reply, i)->success &&
		    !is(details_hook(reply, i)->outcome, "skipped"))
			return details_hook(reply, i);
	return NULL;
}

static bool is_all_shown(const struct hookd_reply *reply, const struct hookd_hook_result *shown)
{
	for (size_t i = 0; i < details_hook_count(reply); i++) {
		const struct hookd_hook_result *hook = details_hook(reply, i);

		if (hook != shown && hook->stdout_bytes + hook->stderr_bytes > 0)
			return false;
	}
	return shown == NULL || (last_lines(shown->stdout_data, shown->stdout_length) == 0 &&
				 last_lines(shown->stderr_data, shown->stderr_length) == 0 &&
				 !shown->stdout_truncated && !shown->stderr_truncated);
}

/* A private hookd is gone when somebody could ask it. */
static void append_output(const struct ctl *ctl, const struct hookd_reply *reply,
			  struct hp_buf *buf)
{
	const struct hookd_hook_result *hook = shown_hook(reply);

	if (hook != NULL) {
		append_stream("stdout", hook, hook->stdout_data, hook->stdout_length, buf);
		append_stream("stderr", hook, hook->stderr_data, hook->stderr_length, buf);
	}
	if (ctl_has(ctl, OPTION_PRIVATE) || is_all_shown(reply, hook))
		return;
	append(buf, "\nAll: hookctl logs ");
	append(buf, hookd_reply_details(reply)->run->run);
	append(buf, "\n");
}

int details_append(const struct ctl *ctl, const struct hookd_reply *reply, struct hp_buf *buf)
{
	int r = append_fields(ctl, reply, buf);

	if (r == 0 && details_hook_count(reply) > 0)
		r = append_hooks(ctl, reply, buf);
	if (r == 0)
		append_output(ctl, reply, buf);
	return buf->failed ? -ENOMEM : r;
}
