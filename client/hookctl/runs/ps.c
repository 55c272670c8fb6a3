/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl ps`: the runs, newest first. Without --all it asks for two lists, of the queued and of
 * the running ones, since the history can be long. A run that starts between the two calls is in
 * both; its later state is shown.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/runs/filter.h"
#include "client/hookctl/runs/run_list.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/span.h"

#define LIMIT_DEFAULT	 100
#define WATCH_DEFAULT_US 2000000

/* ---- what is asked for ---- */

/* These ask about runs that are done. --container, --stage and --path do not. */
static bool implies_all(const struct ctl *ctl)
{
	return ctl_has(ctl, OPTION_ALL) || ctl_has(ctl, OPTION_OUTCOME) ||
	       ctl_has(ctl, OPTION_FAILED) || ctl_has(ctl, OPTION_SINCE) ||
	       ctl_has(ctl, OPTION_UNTIL) || ctl_has(ctl, OPTION_LIMIT);
}

/* What is for programs is not cut. */
static uint64_t default_limit(const struct ctl *ctl)
{
	return ctl->json != CTL_JSON_OFF || ctl->is_quiet || ctl_has(ctl, OPTION_FORMAT)
		   ? RUN_LIST_ALL
		   : LIMIT_DEFAULT;
}

static int fetch(struct ctl *ctl, const struct filter *filter, uint64_t limit,
		 struct run_list *list)
{
	struct hookd_run_filter of = filter->of;
	int r;

	if (of.state != NULL || implies_all(ctl)) {
		r = run_list_fetch(list, ctl, &of, limit);
	} else {
		of.state = "queued";
		r = run_list_fetch(list, ctl, &of, limit);
		of.state = "running";
		if (r == 0)
			r = run_list_fetch(list, ctl, &of, limit);
	}
	run_list_sort(list);
	return r;
}

/* ---- rows ---- */

static uint64_t since(int64_t time_us, int64_t now_us)
{
	return now_us > time_us ? (uint64_t)(now_us - time_us) : 0;
}

static const char *time_text(const struct hookd_run_info *info, char text[static SPAN_SIZE])
{
	return info->state != NULL && strcmp(info->state, "queued") == 0
		   ? "-"
		   : span_format((uint64_t)info->duration_us, text);
}

static void add_row(struct table *table, const struct hookd_run_info *info, int64_t now_us)
{
	char *words = words_of_run_text(info), text[SPAN_SIZE];

	table->failed |= words == NULL;
	table_add(table, info->run);
	table_add(table, info->container);
	table_add(table, info->stage);
	table_add(table, span_format_age(since(info->submitted_us, now_us), text));
	table_add(table, time_text(info, text));
	table_add_coloured(table, words, words_colour_of_run(info));
	free(words);
}

static int append_table(const struct ctl *ctl, const struct run_list *list, struct hp_buf *text)
{
	static const struct table_column columns[] = {{"RUN", .is_whole = true},
						      {"CONTAINER", .max = 12},
						      {"STAGE"},
						      {"AGE", true, .is_optional = true},
						      {"TIME", true, .is_optional = true},
						      {"STATUS"}};
	const struct table_style style = ctl_table_style(ctl);
	struct table table = TABLE_INIT(columns);
	int64_t now_us = span_now_us();
	int r;

	for (size_t i = 0; i < list->count; i++)
		add_row(&table, list->runs[i].info, now_us);
	r = table_write(&table, &style, text);
	table_free(&table);
	return r;
}

static int put_ids(const struct run_list *list)
{
	struct hp_buf text = HP_BUF_INIT;

	for (size_t i = 0; i < list->count; i++) {
		hp_buf_append(&text, list->runs[i].info->run, strlen(list->runs[i].info->run));
		hp_buf_append(&text, "\n", 1);
	}
	return ctl_put(&text);
}

/* One array of all runs, each printed as the other verbs print JSON. */
static int put_json(const struct ctl *ctl, const struct run_list *list)
{
	unsigned indent = ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT;
	struct hp_buf text = HP_BUF_INIT;

	hp_buf_append(&text, "[", 1);
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			hp_buf_append(&text, ",", 1);
		json_print_break(&text, indent, 1);
		json_print(&text, list->runs[i].json, indent, 1);
	}
	if (list->count > 0)
		json_print_break(&text, indent, 0);
	hp_buf_append(&text, "]\n", 2);
	return ctl_page(ctl, &text);
}

/* ---- --format ---- */

#define NAMES                                                                                      \
	"run|requestId|container|stage|state|outcome|error|uid|hook|hooks|path|pid|hookOutcome|"   \
	"exitStatus|signal|oomKilled|errnoName|deadlineUSec|submittedUSec|queuedUSec|"             \
	"durationUSec|status|age|time"

struct row_texts {
	char age[SPAN_SIZE], time[SPAN_SIZE];
	char *status;
	struct template_extra extras[4];
};

static int fill_texts(struct row_texts *texts, const struct hookd_run_info *info, int64_t now_us)
{
	char text[SPAN_SIZE];

	texts->status = words_of_run_text(info);
	if (texts->status == NULL)
		return -ENOMEM;
	span_format_age(since(info->submitted_us, now_us), texts->age);
	snprintf(texts->time, sizeof(texts->time), "%s", time_text(info, text));
	texts->extras[0] = (struct template_extra){"status", texts->status};
	texts->extras[1] = (struct template_extra){"age", texts->age};
	texts->extras[2] = (struct template_extra){"time", texts->time};
	texts->extras[3] = (struct template_extra){0};
	return 0;
}

static int put_formatted(const struct ctl *ctl, const struct run_list *list, int *ret_exit)
{
	struct row_texts *texts = calloc(list->count + 1, sizeof(*texts));
	struct ctl_row *rows = calloc(list->count + 1, sizeof(*rows));
	int64_t now_us = span_now_us();
	int r = texts != NULL && rows != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		r = fill_texts(&texts[i], list->runs[i].info, now_us);
		rows[i] = (struct ctl_row){list->runs[i].json, texts[i].extras};
	}
	if (r == 0)
		*ret_exit = ctl_put_formatted(ctl, NAMES, rows, list->count);
	for (size_t i = 0; texts != NULL && i < list->count; i++)
		free(texts[i].status);
	free(texts);
	free(rows);
	return r;
}

/* ---- one list ---- */

static void note_more(const struct ctl *ctl, const struct run_list *list, uint64_t limit)
{
	if (list->has_more)
		ctl_note(ctl, "The newest %" PRIu64 " of more; -n 0 shows all", limit);
}

static void note_none(const struct ctl *ctl)
{
	bool is_plain = !implies_all(ctl) && !ctl_has(ctl, OPTION_RUN_STATE) &&
			!ctl_has(ctl, OPTION_CONTAINER) && !ctl_has(ctl, OPTION_STAGE) &&
			!ctl_has(ctl, OPTION_PATH);

	ctl_note(ctl, is_plain ? "Nothing runs; try hookctl ps -a" : "No run matches");
}

static int put_table(const struct ctl *ctl, const struct run_list *list)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = append_table(ctl, list, &text);

	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	return r;
}

static int show(const struct ctl *ctl, const struct run_list *list, uint64_t limit, int *ret_exit)
{
	int r;

	if (ctl->json != CTL_JSON_OFF)
		return put_json(ctl, list);
	if (ctl_has(ctl, OPTION_FORMAT))
		return put_formatted(ctl, list, ret_exit);
	if (list->count == 0) {
		note_none(ctl);
		return 0;
	}
	r = ctl->is_quiet ? put_ids(list) : put_table(ctl, list);
	if (r == 0)
		note_more(ctl, list, limit);
	return r;
}

static int show_once(struct ctl *ctl, const struct filter *filter, uint64_t limit, int *ret_exit)
{
	struct run_list list = {0};
	int r = fetch(ctl, filter, limit, &list);

	if (r == 0)
		r = show(ctl, &list, limit, ret_exit);
	run_list_free(&list);
	return r;
}

/* ---- --watch ---- */

/* Until Ctrl-C, or until hookd or stdout is gone. A pipe gets one list after the other. */
static int watch(struct ctl *ctl, const struct filter *filter, uint64_t limit, int64_t pause_us)
{
	const struct timespec pause = {pause_us / 1000000, pause_us % 1000000 * 1000};
	int exit_status = CTL_EXIT_OK, r;

	ctl->has_pager = false;
	do {
		if (ctl->is_terminal)
			fputs("\x1b[H\x1b[2J", stdout);
		r = show_once(ctl, filter, limit, &exit_status);
		if (fflush(stdout) != 0)
			r = ctl_keep_stdout_error();
	} while (r == 0 && exit_status == CTL_EXIT_OK && nanosleep(&pause, NULL) == 0);
	return r < 0 ? ctl_call_failed(ctl, r) : exit_status;
}

static int read_pause(const struct ctl *ctl, int64_t *ret_us)
{
	const char *text = ctl_option(ctl, OPTION_WATCH);

	*ret_us = WATCH_DEFAULT_US;
	if (text == NULL || *text == '\0' || span_parse_duration(text, ret_us) == 0)
		return 0;
	return ctl_usage("--watch=%s: not a number of seconds", text);
}

int verb_ps(struct ctl *ctl)
{
	int exit_status = CTL_EXIT_OK, r;
	struct filter filter = {0};
	int64_t pause_us;
	uint64_t limit;

	r = filter_read_count(ctl, OPTION_LIMIT, default_limit(ctl), &limit);
	if (r == 0)
		r = read_pause(ctl, &pause_us);
	if (r == 0)
		r = filter_read(ctl, &filter);
	if (r != 0) {
		exit_status = r;
	} else if (ctl_has(ctl, OPTION_WATCH)) {
		exit_status = watch(ctl, &filter, limit, pause_us);
	} else {
		r = show_once(ctl, &filter, limit, &exit_status);
		if (r < 0)
			exit_status = ctl_call_failed(ctl, r);
	}
	filter_free(&filter);
	return exit_status;
}
