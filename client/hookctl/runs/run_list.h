/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* Runs of several List calls, newest first, each once. */

struct listed_run {
	const struct hookd_run_info *info; /* belongs to one of the replies */
	struct hp_json_value json;
	size_t order; /* of arrival */
};

struct run_list {
	struct run_list_page *pages;
	size_t page_count;
	struct listed_run *runs;
	size_t count;
	bool has_more; /* older ones match, too */
};

#define RUN_LIST_ALL 0

/* Asks for up to `limit` runs, page by page, and adds them. 0 or a negative errno. */
int run_list_fetch(struct run_list *list, struct ctl *ctl, const struct hookd_run_filter *filter,
		   uint64_t limit);
/* Sorts them, and keeps the one that was received later of two of the same run. */
void run_list_sort(struct run_list *list);
void run_list_free(struct run_list *list);
