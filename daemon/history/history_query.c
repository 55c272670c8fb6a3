/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a query, and its answer. */
#include "daemon/history/history_query.h"

#include <stdlib.h>
#include <string.h>

int history_place_compare(const struct history_place *a, const struct history_place *b)
{
	if (a->submitted_us != b->submitted_us)
		return a->submitted_us < b->submitted_us ? -1 : 1;
	return strcmp(a->id, b->id);
}

struct history_query *history_query_new(enum history_query_type type)
{
	struct history_query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->type = type;
	query->filter = HISTORY_FILTER_ALL;
	query->limit = query->bytes_max = SIZE_MAX;
	query->texts = HP_BUF_INIT;
	query->arena = HP_ARENA_INIT;
	return query;
}

void history_query_free(struct history_query *query)
{
	if (!query)
		return;
	if (query->free_userdata)
		query->free_userdata(query->userdata);
	hp_arena_free(&query->arena);
	hp_buf_free(&query->texts);
	free(query->found);
	free(query->ids);
	free(query);
}

int history_query_filter(struct history_query *query, const struct history_filter *filter)
{
	struct history_filter copy = *filter;
	const char **texts[] = {&copy.run, &copy.run_prefix, &copy.container,
				&copy.container_prefix, &copy.path};

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		if (!*texts[i])
			continue;
		*texts[i] = hp_arena_copy(&query->arena, *texts[i], strlen(*texts[i]));
		if (!*texts[i])
			return -ENOMEM;
	}
	query->filter = copy;
	return 0;
}

int history_query_add(struct history_query *query, const struct history_found *found)
{
	struct history_found *grown =
	    reallocarray(query->found, query->found_count + 1, sizeof(*grown));

	if (!grown || query->texts.failed)
		return -ENOMEM;
	query->found = grown;
	query->found[query->found_count++] = *found;
	return 0;
}
