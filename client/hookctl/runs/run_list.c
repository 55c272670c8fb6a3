/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fetches lists of runs. A reply has at most 1000 runs, and fewer where it would be too long; the
 * next page is asked for with the id of the last run. If hookd has forgotten that run meanwhile, it
 * has forgotten all that are older.
 */

#include "client/hookctl/runs/run_list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct run_list_page {
	struct hookd_reply *reply;
	struct hp_json *json; /* of its text; values point to it, so it does not move */
};

static struct run_list_page *add_page(struct run_list *list, struct hookd_reply *reply)
{
	struct run_list_page *pages =
	    reallocarray(list->pages, list->page_count + 1, sizeof(*pages));

	if (pages == NULL) {
		hookd_reply_free(reply);
		return NULL;
	}
	list->pages = pages;
	pages[list->page_count] = (struct run_list_page){.reply = reply};
	return &pages[list->page_count++];
}

static int add_runs(struct run_list *list, const struct hookd_run_list *added,
		    const struct hp_json *json)
{
	struct hp_json_value key, value;
	struct listed_run *runs;
	size_t i = 0;

	if (added->count == 0)
		return 0;
	runs = reallocarray(list->runs, list->count + added->count, sizeof(*runs));
	if (runs == NULL)
		return -ENOMEM;
	list->runs = runs;
	HP_JSON_FOREACH (key, value, hp_json_member(hp_json_root(json), "runs")) {
		assert(i < added->count);
		runs[list->count + i] = (struct listed_run){
		    .info = &added->runs[i], .json = value, .order = list->count + i};
		i++;
	}
	list->count += i;
	return 0;
}

static int take_page(struct run_list *list, struct hookd_reply *reply)
{
	struct run_list_page *page = add_page(list, reply);
	struct hp_json *json;
	int r;

	if (page == NULL)
		return -ENOMEM;
	json = malloc(sizeof(*json));
	if (json == NULL)
		return -ENOMEM;
	*json = (struct hp_json){0};
	page->json = json;
	r = ctl_read_reply(reply, json);
	return r == 0 ? add_runs(list, hookd_reply_list(reply), json) : r;
}

static int fetch_page(struct run_list *list, struct ctl *ctl, const struct hookd_run_filter *filter)
{
	struct hookd_reply *reply;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_list(ctl->client, filter, &reply);
	if (r < 0)
		return r;
	list->has_more = hookd_reply_list(reply)->has_more;
	return take_page(list, reply);
}

int run_list_fetch(struct run_list *list, struct ctl *ctl, const struct hookd_run_filter *filter,
		   uint64_t limit)
{
	struct hookd_run_filter page = *filter;
	size_t first = list->count;

	for (;;) {
		size_t before = list->count;
		int r;

		page.limit = limit != RUN_LIST_ALL ? limit - (before - first) : 0;
		r = fetch_page(list, ctl, &page);
		if (r == -ESRCH && page.before != NULL) {
			list->has_more = false;
			return 0;
		}
		if (r < 0 || !list->has_more || list->count == before ||
		    (limit != RUN_LIST_ALL && list->count - first >= limit))
			return r;
		page.before = list->runs[list->count - 1].info->run;
	}
}

/* Newest first; of two of one run the one received later is first. */
static int compare_runs(const void *left, const void *right)
{
	const struct listed_run *a = left, *b = right;
	int r;

	if (a->info->submitted_us != b->info->submitted_us)
		return a->info->submitted_us < b->info->submitted_us ? 1 : -1;
	r = strcmp(b->info->run, a->info->run);
	return r != 0 ? r : (a->order < b->order) - (a->order > b->order);
}

void run_list_sort(struct run_list *list)
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

void run_list_free(struct run_list *list)
{
	for (size_t i = 0; i < list->page_count; i++) {
		if (list->pages[i].json != NULL)
			hp_json_free(list->pages[i].json);
		free(list->pages[i].json);
		hookd_reply_free(list->pages[i].reply);
	}
	free(list->pages);
	free(list->runs);
	*list = (struct run_list){0};
}
