/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl ps`: the runs, newest first. Without --all it asks for two lists, of the queued and of
 * the running ones, since the history can be long. A run that starts between the two calls is in
 * both; its later state is shown.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/row.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"

struct listed_run {
	struct run_row row;
	size_t order; /* of arrival */
	/* As it is printed; in the list's `json`. */
	size_t json_offset, json_length;
};

/*
 * The runs received so far. A reply is valid during its callback only, so what is shown is copied.
 */
struct run_list {
	const struct ctl *ctl;
	struct listed_run *runs;
	size_t count, capacity;
	struct hp_arena arena; /* the texts of the rows */
	struct hp_buf json;    /* empty without --json */
};

static void list_free(struct run_list *list)
{
	free(list->runs);
	hp_arena_free(&list->arena);
	hp_buf_free(&list->json);
}

static unsigned json_indent(const struct ctl *ctl)
{
	return ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT;
}

static int list_reserve(struct run_list *list)
{
	size_t capacity = list->capacity > 0 ? 2 * list->capacity : 32;
	struct listed_run *bigger;

	if (list->count < list->capacity)
		return 0;
	bigger = reallocarray(list->runs, capacity, sizeof(*list->runs));
	if (bigger == NULL)
		return -ENOMEM;
	list->runs = bigger;
	list->capacity = capacity;
	return 0;
}

static int list_add(struct run_list *list, struct hp_json_value value)
{
	struct listed_run run = {.order = list->count, .json_offset = list->json.length};
	int r = list_reserve(list);

	if (r == 0)
		r = run_row_read(value, &list->arena, &run.row);
	if (r < 0)
		return r;
	if (list->ctl->json != CTL_JSON_OFF)
		json_print(&list->json, value, json_indent(list->ctl), 1);
	run.json_length = list->json.length - run.json_offset;
	assert(list->count < list->capacity);
	list->runs[list->count++] = run;
	return 0;
}

/* With 'more' there is one run a reply; a hookd that does not stream has all of them in one. */
static int on_listed(struct hp_json_value root, bool continues, void *userdata)
{
	struct hp_json_value run = hp_json_member(root, "run"), key, value;
	int r = hp_json_is_absent(run) ? 0 : list_add(userdata, run);

	(void)continues;
	HP_JSON_FOREACH (key, value, hp_json_member(root, "runs")) {
		if (r == 0)
			r = list_add(userdata, value);
	}
	return r;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The parameters of List, NUL-terminated. */
static int write_filter(const struct ctl *ctl, const char *state, int64_t since_us,
			struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	hp_json_begin(&writer, '{');
	input_put_text(&writer, "container", ctl_option(ctl, OPTION_CONTAINER));
	input_put_text(&writer, "stage", ctl_option(ctl, OPTION_STAGE));
	input_put_text(&writer, "state", state);
	input_put_text(&writer, "outcome", ctl_option(ctl, OPTION_OUTCOME));
	if (since_us > 0) {
		hp_json_key(&writer, "sinceUSec");
		hp_json_put_int(&writer, since_us);
	}
	hp_json_end(&writer, '}');
	hp_buf_append(buf, "", 1);
	return buf->failed ? -ENOMEM : 0;
}

static int list_fetch(struct run_list *list, struct ctl *ctl, const char *state, int64_t since_us)
{
	struct hp_buf filter = HP_BUF_INIT;
	int r = write_filter(ctl, state, since_us, &filter);

	if (r == 0)
		r = ctl_call(ctl, "io.hookd.status.List", filter.data, true, on_listed, list);
	hp_buf_free(&filter);
	return r;
}

/* Newest first; of two rows of one run the one received later is first. */
static int compare_runs(const void *left, const void *right)
{
	const struct listed_run *a = left, *b = right;
	int r;

	if (a->row.submitted_us != b->row.submitted_us)
		return a->row.submitted_us < b->row.submitted_us ? 1 : -1;
	r = strcmp(b->row.run, a->row.run);
	return r != 0 ? r : (a->order < b->order) - (a->order > b->order);
}

/* Sorts them, and keeps the later one of two rows of one run. */
static void list_sort(struct run_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->runs, list->count, sizeof(*list->runs), compare_runs);
	for (size_t i = 1; i < list->count; i++)
		if (strcmp(list->runs[kept].row.run, list->runs[i].row.run) != 0)
			list->runs[++kept] = list->runs[i];
	list->count = kept + 1;
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

static void add_row(struct table *table, const struct run_row *row, uint64_t now)
{
	char text[SPAN_SIZE];

	table_add(table, row->run);
	table_add(table, row->container);
	table_add(table, row->stage);
	table_add(table, row->state);
	add_outcome(table, row->outcome);
	table_addf(table, "%" PRIu64 "/%" PRIu64, row->hook.is_set ? row->hook.value + 1 : 0,
		   row->hooks);
	table_add(table,
		  span_format_age(now > row->submitted_us ? now - row->submitted_us : 0, text));
	table_add(table, span_format(row->duration_us, text));
	table_add(table, row->path);
}

static int put_table(const struct run_list *list)
{
	static const struct table_column columns[] = {
	    {"RUN"},	     {"CONTAINER"}, {"STAGE"},		{"STATE"}, {"OUTCOME"},
	    {"HOOKS", true}, {"AGE", true}, {"DURATION", true}, {"PATH"}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	uint64_t now = (uint64_t)now_us();
	int r;

	for (size_t i = 0; i < list->count; i++)
		add_row(&table, &list->runs[i].row, now);
	r = table_write(&table, list->ctl->has_legend, list->ctl->has_colour, &text);
	table_free(&table);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

/* One array of all runs, each printed as the other verbs print JSON. */
static int put_json(const struct run_list *list)
{
	unsigned indent = json_indent(list->ctl);
	struct hp_buf text = HP_BUF_INIT;

	assert(list->ctl->json != CTL_JSON_OFF);
	if (list->json.failed)
		return -ENOMEM;
	hp_buf_append(&text, "[", 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct listed_run *run = &list->runs[i];

		if (i > 0)
			hp_buf_append(&text, ",", 1);
		json_print_break(&text, indent, 1);
		hp_buf_append(&text, list->json.data + run->json_offset, run->json_length);
	}
	if (list->count > 0)
		json_print_break(&text, indent, 0);
	hp_buf_append(&text, "]\n", 2);
	return ctl_put(&text);
}

static int list_fetch_all(struct run_list *list, struct ctl *ctl, int64_t since_us)
{
	int r;

	if (ctl_option(ctl, OPTION_ALL) != NULL || ctl_option(ctl, OPTION_OUTCOME) != NULL)
		return list_fetch(list, ctl, NULL, since_us);
	r = list_fetch(list, ctl, "queued", since_us);
	return r < 0 ? r : list_fetch(list, ctl, "running", since_us);
}

int verb_ps(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	const char *since = ctl_option(ctl, OPTION_SINCE);
	struct run_list list = {.ctl = ctl};
	int64_t since_us = 0;
	int r;

	if (since != NULL && span_parse_since(since, now_us(), &since_us) < 0)
		return ctl_usage("--since=%s is neither a span like 10m, 2h, 1d nor a date", since);
	if (container != NULL && !hp_json_is_text(container, strlen(container)))
		return ctl_usage("--container must be UTF-8");
	r = list_fetch_all(&list, ctl, since_us);
	if (r == 0) {
		list_sort(&list);
		r = ctl->json != CTL_JSON_OFF ? put_json(&list) : put_table(&list);
	}
	list_free(&list);
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}
