/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl ps`: the runs, newest first. Without --all that is two lists, of the queued and of the
 * running ones, since history can be long; a run that starts between the two is in both, and its
 * later state is shown.
 */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/row.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"
#include "proto/json/json_writer.h"

struct rows {
	struct row *rows;
	size_t count, capacity;
};

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		row_free(&rows->rows[i]);
	free(rows->rows);
}

static int rows_add(struct rows *rows, struct hp_json_value value)
{
	struct row row;
	int r = row_read(value, &row);

	if (r < 0)
		return r;
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity > 0 ? 2 * rows->capacity : 32;
		struct row *bigger = reallocarray(rows->rows, capacity, sizeof(*rows->rows));

		if (bigger == NULL) {
			row_free(&row);
			return -ENOMEM;
		}
		rows->rows = bigger;
		rows->capacity = capacity;
	}
	row.order = rows->count;
	rows->rows[rows->count++] = row;
	return 0;
}

/* With 'more' there is one run a reply; a hookd that does not stream has all of them in one. */
static int on_listed(struct hp_json_value root, bool continues, void *userdata)
{
	struct hp_json_value run = hp_json_member(root, "run"), key, value;
	int r = hp_json_is_absent(run) ? 0 : rows_add(userdata, run);

	(void)continues;
	HP_JSON_FOREACH (key, value, hp_json_member(root, "runs")) {
		if (r == 0)
			r = rows_add(userdata, value);
	}
	return r;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* NULL where a text of the command line is not UTF-8. */
static char *list_parameters(const struct ctl *ctl, const char *state, int64_t since_us)
{
	json_t *filter =
	    json_pack("{s:s*, s:s*, s:s*, s:s*, s:o*}", "container",
		      ctl_option(ctl, OPTION_CONTAINER), "stage", ctl_option(ctl, OPTION_STAGE),
		      "state", state, "outcome", ctl_option(ctl, OPTION_OUTCOME), "sinceUSec",
		      since_us > 0 ? json_integer(since_us) : NULL);
	char *text = json_dumps(filter, JSON_COMPACT);

	json_decref(filter);
	return text;
}

static int list(struct ctl *ctl, const char *state, int64_t since_us, struct rows *rows)
{
	char *parameters = list_parameters(ctl, state, since_us);
	int r;

	if (parameters == NULL)
		return -ENOMEM;
	r = ctl_call(ctl, "io.hookd.status.List", parameters, true, on_listed, rows);
	free(parameters);
	return r;
}

/* Newest first; of two rows of one run the one that came later is first. */
static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int r;

	if (a->submitted_us != b->submitted_us)
		return a->submitted_us < b->submitted_us ? 1 : -1;
	r = strcmp(row_text(b, "run"), row_text(a, "run"));
	return r != 0 ? r : (a->order < b->order) - (a->order > b->order);
}

static void sort_rows(struct rows *rows)
{
	size_t kept = 0;

	if (rows->count == 0)
		return;
	qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
	for (size_t i = 1; i < rows->count; i++) {
		if (strcmp(row_text(&rows->rows[kept], "run"), row_text(&rows->rows[i], "run")) ==
		    0)
			row_free(&rows->rows[i]);
		else
			rows->rows[++kept] = rows->rows[i];
	}
	rows->count = kept + 1;
}

static void add_outcome(struct table *table, const char *outcome)
{
	enum table_colour colour = TABLE_BAD;

	if (outcome == NULL)
		colour = TABLE_PLAIN;
	else if (strcmp(outcome, "succeeded") == 0)
		colour = TABLE_GOOD;
	table_add_coloured(table, outcome, colour);
}

static void add_row(struct table *table, const struct row *row, int64_t now)
{
	char text[SPAN_SIZE];

	table_add(table, row_text(row, "run"));
	table_add(table, row_text(row, "container"));
	table_add(table, row_text(row, "stage"));
	table_add(table, row_text(row, "state"));
	add_outcome(table, row_text(row, "outcome"));
	table_addf(table, "%" PRId64 "/%" PRId64, row_number(row, "hook", -1) + 1,
		   row_number(row, "hooks", 0));
	table_add(table, span_format_age(now - row->submitted_us, text));
	table_add(table, span_format(row_number(row, "durationUSec", 0), text));
	table_add(table, row_text(row, "path"));
}

static int put_table(const struct ctl *ctl, const struct rows *rows)
{
	static const struct table_column columns[] = {
	    {"RUN"},	     {"CONTAINER"}, {"STAGE"},		{"STATE"}, {"OUTCOME"},
	    {"HOOKS", true}, {"AGE", true}, {"DURATION", true}, {"PATH"}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int64_t now = now_us();
	int r;

	for (size_t i = 0; i < rows->count; i++)
		add_row(&table, &rows->rows[i], now);
	r = table_write(&table, ctl->has_legend, ctl->has_colour, &text);
	table_free(&table);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

/* One array of all rows, each printed as the other verbs print JSON. */
static int put_json(const struct ctl *ctl, const struct rows *rows)
{
	unsigned indent = ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json json = {0};
	int r = 0;

	hp_buf_append(&text, "[", 1);
	for (size_t i = 0; i < rows->count && r == 0; i++) {
		const char *row = rows->rows[i].text;
		struct hp_err err;

		if (i > 0)
			hp_buf_append(&text, ",", 1);
		json_print_break(&text, indent, 1);
		r = hp_json_parse(&json, row, strlen(row), &err);
		if (r == 0)
			json_print(&text, hp_json_root(&json), indent, 1);
	}
	if (rows->count > 0)
		json_print_break(&text, indent, 0);
	hp_buf_append(&text, "]\n", 2);
	hp_json_free(&json);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

static int list_all(struct ctl *ctl, int64_t since_us, struct rows *rows)
{
	int r;

	if (ctl_option(ctl, OPTION_ALL) != NULL || ctl_option(ctl, OPTION_OUTCOME) != NULL)
		return list(ctl, NULL, since_us, rows);
	r = list(ctl, "queued", since_us, rows);
	return r < 0 ? r : list(ctl, "running", since_us, rows);
}

int verb_ps(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	const char *since = ctl_option(ctl, OPTION_SINCE);
	struct rows rows = {0};
	int64_t since_us = 0;
	int r;

	if (since != NULL && span_parse_since(since, now_us(), &since_us) < 0)
		return ctl_usage("--since=%s is neither a span like 10m, 2h, 1d nor a date", since);
	if (container != NULL && !hp_json_is_text(container, strlen(container)))
		return ctl_usage("--container must be UTF-8");
	r = list_all(ctl, since_us, &rows);
	if (r == 0) {
		sort_rows(&rows);
		r = ctl->json != CTL_JSON_OFF ? put_json(ctl, &rows) : put_table(ctl, &rows);
	}
	rows_free(&rows);
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}
