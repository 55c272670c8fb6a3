/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/history/history_query.h"
#include "daemon/run/run.h"

/* Runs as JSON, the newest first. Zeroed: empty. */
struct page {
	struct hp_buf texts;
	struct page_row {
		struct history_place place;
		size_t offset, length; /* in texts */
	} * rows;
	size_t count;
	bool has_more; /* there is an older one */
};

struct history_place run_place(const struct run *run);

/* Call in the order of the page. -ENOMEM. */
int page_add_run(struct page *page, struct run *run) must_check;
/*
 * The newest `limit` of both, at most about `bytes_max`; one that is in both is the first one's.
 * `answer` may be NULL. -ENOMEM.
 */
int page_merge(const struct page *page, const struct history_query *answer, size_t limit,
	       size_t bytes_max, struct page *ret_page) must_check;
const char *page_text(const struct page *page, size_t row);
void page_clear(struct page *page);
