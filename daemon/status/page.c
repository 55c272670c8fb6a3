/* SPDX-License-Identifier: Apache-2.0 */
/* Merges what memory and the history have of a list of runs. No other state. */
#include "daemon/status/page.h"

#include <assert.h>
#include <string.h>

#include "daemon/history/run_json.h"

struct history_place run_place(const struct run *run)
{
	struct history_place place = {.submitted_us = run->submitted_us};

	static_assert(sizeof(place.id) == sizeof(run->id), "the same ids");
	memcpy(place.id, run->id, sizeof(place.id));
	return place;
}

static int add_row(struct page *page, const struct history_place *place, size_t offset)
{
	bool is_full =
	    page->count == 0 || (page->count >= 16 && (page->count & (page->count - 1)) == 0);
	struct page_row *grown = page->rows;

	if (is_full)
		grown =
		    reallocarray(page->rows, page->count ? 2 * page->count : 16, sizeof(*grown));
	if (!grown || page->texts.failed)
		return -ENOMEM;
	page->rows = grown;
	page->rows[page->count++] = (struct page_row){
	    .place = *place,
	    .offset = offset,
	    .length = page->texts.length - offset,
	};
	return 0;
}

int page_add_run(struct page *page, struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&page->texts);
	struct history_place place = run_place(run);
	size_t offset = page->texts.length;

	run_json_write(&writer, run);
	return add_row(page, &place, offset);
}

static int add_text(struct page *page, const struct history_place *place, const char *text,
		    size_t length)
{
	size_t offset = page->texts.length;

	hp_buf_append(&page->texts, text, length);
	return add_row(page, place, offset);
}

int page_merge(const struct page *page, const struct history_query *answer, size_t limit,
	       size_t bytes_max, struct page *ret_page)
{
	size_t i = 0, k = 0, found_count = answer ? answer->found_count : 0;
	int r = 0;

	while (r == 0 && (i < page->count || k < found_count)) {
		const struct history_found *found = k < found_count ? &answer->found[k] : NULL;
		int order = !found ? 1
			    : i == page->count
				? -1
				: history_place_compare(&page->rows[i].place, &found->place);

		if (ret_page->count >= limit || ret_page->texts.length > bytes_max) {
			ret_page->has_more = true;
			return 0;
		}
		r = order >= 0 ? add_text(ret_page, &page->rows[i].place, page_text(page, i),
					  page->rows[i].length)
			       : add_text(ret_page, &found->place, answer->texts.data + found->run,
					  found->run_length);
		i += order >= 0;
		k += order <= 0;
	}
	ret_page->has_more = answer && answer->has_more;
	return r;
}

const char *page_text(const struct page *page, size_t row)
{
	return page->texts.data + page->rows[row].offset;
}

void page_clear(struct page *page)
{
	free(page->rows);
	hp_buf_free(&page->texts);
	*page = (struct page){0};
}
