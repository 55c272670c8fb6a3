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
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"
#include "proto/json/json_writer.h"

struct listed_run {
	const struct hookd_run_info *info; /* of one of the replies */
	size_t order;			   /* of arrival */
	/* As it is printed; in the list's `json`. */
	size_t json_offset, json_length;
};

#define REPLIES_MAX 2

struct run_list {
	const struct ctl *ctl;
	struct hookd_reply *replies[REPLIES_MAX];
	size_t reply_count;
	struct listed_run *runs;
	size_t count;
	struct hp_buf json; /* empty without --json */
};

static void list_free(struct run_list *list)
{
	for (size_t i = 0; i < list->reply_count; i++)
		hookd_reply_free(list->replies[i]);
	free(list->runs);
	hp_buf_free(&list->json);
}

static unsigned json_indent(const struct ctl *ctl)
{
	return ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT;
}

static int list_add(struct run_list *list, const struct hookd_run_list *added)
{
	size_t count = list->count + added->count;
	struct listed_run *bigger;

	if (added->count == 0)
		return 0;
	bigger = reallocarray(list->runs, count, sizeof(*list->runs));
	if (bigger == NULL)
		return -ENOMEM;
	list->runs = bigger;
	for (size_t i = 0; i < added->count; i++)
		bigger[list->count + i] =
		    (struct listed_run){.info = &added->runs[i], .order = list->count + i};
	list->count = count;
	return 0;
}

/* Prints the runs of a reply, which are those from `run` on. */
static int list_print(struct run_list *list, const struct hookd_reply *reply,
		      struct listed_run *run)
{
	struct hp_json_value key, value;
	struct hp_json json = {0};
	int r = ctl_read_reply(reply, &json);

	HP_JSON_FOREACH (key, value, hp_json_member(hp_json_root(&json), "runs")) {
		if (r < 0)
			break;
		run->json_offset = list->json.length;
		json_print(&list->json, value, json_indent(list->ctl), 1);
		run->json_length = list->json.length - run->json_offset;
		run++;
	}
	hp_json_free(&json);
	return r;
}

/* The reply is the list's from now on. */
static int list_take(struct run_list *list, struct hookd_reply *reply)
{
	size_t first = list->count;
	int r;

	assert(list->reply_count < REPLIES_MAX);
	list->replies[list->reply_count++] = reply;
	r = list_add(list, hookd_reply_list(reply));
	if (r < 0 || list->ctl->json == CTL_JSON_OFF || first == list->count)
		return r;
	return list_print(list, reply, list->runs + first);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int list_fetch(struct run_list *list, struct ctl *ctl, const char *state, int64_t since_us)
{
	const struct hookd_run_filter filter = {
	    .size = sizeof(filter),
	    .container = ctl_option(ctl, OPTION_CONTAINER),
	    .stage = ctl_option(ctl, OPTION_STAGE),
	    .state = state,
	    .outcome = ctl_option(ctl, OPTION_OUTCOME),
	    .since_us = since_us > 0 ? since_us : 0,
	};
	struct hookd_reply *reply;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_list(ctl->client, &filter, &reply);
	return r < 0 ? r : list_take(list, reply);
}

/* Newest first; of two rows of one run the one received later is first. */
static int compare_runs(const void *left, const void *right)
{
	const struct listed_run *a = left, *b = right;
	int r;

	if (a->info->submitted_us != b->info->submitted_us)
		return a->info->submitted_us < b->info->submitted_us ? 1 : -1;
	r = strcmp(b->info->run, a->info->run);
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
		if (strcmp(list->runs[kept].info->run, list->runs[i].info->run) != 0)
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

static void add_row(struct table *table, const struct hookd_run_info *info, int64_t now)
{
	int64_t age_us = now > info->submitted_us ? now - info->submitted_us : 0;
	char text[SPAN_SIZE];

	table_add(table, info->run);
	table_add(table, info->container);
	table_add(table, info->stage);
	table_add(table, info->state);
	add_outcome(table, info->outcome);
	table_addf(table, "%" PRIu64 "/%" PRIu64, (uint64_t)info->hook + 1, info->hook_count);
	table_add(table, span_format_age((uint64_t)age_us, text));
	table_add(table, span_format((uint64_t)info->duration_us, text));
	table_add(table, info->path);
}

static int put_table(const struct run_list *list)
{
	static const struct table_column columns[] = {
	    {"RUN"},	     {"CONTAINER"}, {"STAGE"},		{"STATE"}, {"OUTCOME"},
	    {"HOOKS", true}, {"AGE", true}, {"DURATION", true}, {"PATH"}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int64_t now = now_us();
	int r;

	for (size_t i = 0; i < list->count; i++)
		add_row(&table, list->runs[i].info, now);
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
