/* SPDX-License-Identifier: Apache-2.0 */

/* `hookctl summary`: how long the hooks of each path take, and how often they fail. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/runs/filter.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/span.h"

/* A row, and where it is in the reply. */
struct summary_row {
	const struct hookd_path_summary *path;
	struct hp_json_value json;
};

/* ---- order ---- */

static int descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int by_path(const void *left, const void *right)
{
	const struct hookd_path_summary *a = ((const struct summary_row *)left)->path;
	const struct hookd_path_summary *b = ((const struct summary_row *)right)->path;
	int r = strcmp(a->path, b->path);

	return r != 0 ? r : strcmp(a->stage, b->stage);
}

static int by_p99(const void *left, const void *right)
{
	const struct hookd_path_summary *a = ((const struct summary_row *)left)->path;
	const struct hookd_path_summary *b = ((const struct summary_row *)right)->path;
	int r = descending((uint64_t)a->p99_us, (uint64_t)b->p99_us);

	return r != 0 ? r : by_path(left, right);
}

static int by_failed(const void *left, const void *right)
{
	const struct hookd_path_summary *a = ((const struct summary_row *)left)->path;
	const struct hookd_path_summary *b = ((const struct summary_row *)right)->path;
	int r = descending(a->failures + a->timeouts, b->failures + b->timeouts);

	return r != 0 ? r : by_path(left, right);
}

static int by_runs(const void *left, const void *right)
{
	const struct hookd_path_summary *a = ((const struct summary_row *)left)->path;
	const struct hookd_path_summary *b = ((const struct summary_row *)right)->path;
	int r = descending(a->runs, b->runs);

	return r != 0 ? r : by_path(left, right);
}

static void sort(const struct ctl *ctl, struct summary_row *rows, size_t count)
{
	const char *by = ctl_option(ctl, OPTION_SORT);

	if (by == NULL || strcmp(by, "p99") == 0)
		qsort(rows, count, sizeof(*rows), by_p99);
	else if (strcmp(by, "failed") == 0)
		qsort(rows, count, sizeof(*rows), by_failed);
	else if (strcmp(by, "runs") == 0)
		qsort(rows, count, sizeof(*rows), by_runs);
	else
		qsort(rows, count, sizeof(*rows), by_path);
}

/* ---- printing ---- */

static void add_row(struct table *table, const struct hookd_path_summary *path)
{
	char text[SPAN_SIZE];

	table_add(table, path->path);
	table_add(table, path->stage);
	table_addf(table, "%" PRIu64, path->runs);
	table_addf(table, "%" PRIu64, path->failures);
	table_addf(table, "%" PRIu64, path->timeouts);
	table_add(table, span_format((uint64_t)path->p50_us, text));
	table_add(table, span_format((uint64_t)path->p90_us, text));
	table_add(table, span_format((uint64_t)path->p99_us, text));
}

static int put_table(const struct ctl *ctl, const struct summary_row *rows, size_t count)
{
	static const struct table_column columns[] = {{"PATH"},
						      {"STAGE"},
						      {"RUNS", true},
						      {"FAILED", true},
						      {"TIMEOUT", true},
						      {"P50", true, .is_optional = true},
						      {"P90", true, .is_optional = true},
						      {"P99", true}};
	const struct table_style style = ctl_table_style(ctl);
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int r;

	for (size_t i = 0; i < count; i++)
		add_row(&table, rows[i].path);
	r = table_write(&table, &style, &text);
	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	table_free(&table);
	return r;
}

static int put_json(const struct ctl *ctl, const struct summary_row *rows, size_t count)
{
	unsigned indent = ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT;
	struct hp_buf text = HP_BUF_INIT;

	hp_buf_append(&text, "[", 1);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			hp_buf_append(&text, ",", 1);
		json_print_break(&text, indent, 1);
		json_print(&text, rows[i].json, indent, 1);
	}
	if (count > 0)
		json_print_break(&text, indent, 0);
	hp_buf_append(&text, "]\n", 2);
	return ctl_page(ctl, &text);
}

static int put_formatted(const struct ctl *ctl, const struct summary_row *rows, size_t count,
			 int *ret_exit)
{
	struct ctl_row *formatted = calloc(count + 1, sizeof(*formatted));

	if (formatted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		formatted[i].object = rows[i].json;
	*ret_exit = ctl_put_formatted(
	    ctl, "path|stage|runs|failures|timeouts|p50USec|p90USec|p99USec|maxUSec", formatted,
	    count);
	free(formatted);
	return 0;
}

static int put_rows(const struct ctl *ctl, const struct summary_row *rows, size_t count,
		    int *ret_exit)
{
	if (ctl->json != CTL_JSON_OFF)
		return put_json(ctl, rows, count);
	if (ctl_has(ctl, OPTION_FORMAT))
		return put_formatted(ctl, rows, count, ret_exit);
	if (count == 0) {
		ctl_note(ctl, "No run matches");
		return 0;
	}
	return put_table(ctl, rows, count);
}

static int show(const struct ctl *ctl, const struct hookd_reply *reply, int *ret_exit)
{
	const struct hookd_summary_table *summary = hookd_reply_summary(reply);
	struct summary_row *rows = calloc(summary->count + 1, sizeof(*rows));
	struct hp_json_value key, value;
	struct hp_json json = {0};
	size_t count = 0;
	int r = rows != NULL ? ctl_read_reply(reply, &json) : -ENOMEM;

	if (r == 0) {
		HP_JSON_FOREACH (key, value, hp_json_member(hp_json_root(&json), "paths")) {
			rows[count] = (struct summary_row){&summary->paths[count], value};
			count++;
		}
		sort(ctl, rows, count);
		r = put_rows(ctl, rows, count, ret_exit);
	}
	if (r == 0 && summary->has_more)
		ctl_note(ctl, "Only the paths with the most runs; --path=GLOB restricts them");
	hp_json_free(&json);
	free(rows);
	return r;
}

int verb_summary(struct ctl *ctl)
{
	int exit_status = CTL_EXIT_OK, failed;
	struct hookd_reply *reply = NULL;
	struct filter filter;
	int r = filter_read(ctl, &filter);

	if (r != 0) {
		filter_free(&filter);
		return r;
	}
	r = ctl_open(ctl);
	if (r == 0)
		r = hookd_summary(ctl->client, &filter.of, &reply);
	if (r == 0)
		r = show(ctl, reply, &exit_status);
	failed = ctl_finish(ctl, reply, r);
	filter_free(&filter);
	return failed != CTL_EXIT_OK ? failed : exit_status;
}
