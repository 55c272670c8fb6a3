/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The results of hookd_apply(), hookd_update() and hookd_holdings(). Each owns an arena with the
 * decoded reply; the public structs point into it.
 */

#include "client/libhookd/applied.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/messages/applied.h"

struct applied {
	struct hookd_applied view; /* first: the caller's pointer */
	struct hp_arena arena;
};

static_assert(offsetof(struct applied, view) == 0, "hookd_applied_free() casts");

struct hookd_holdings {
	struct hookd_applied *list;
	size_t count;
	struct hp_arena arena;
};

static int view_read(struct hp_json_value value, const char *container, struct hp_arena *arena,
		     struct hookd_applied *ret, struct hp_err *err)
{
	struct hp_applied applied;
	int r = hp_applied_read(value, arena, &applied, err);

	if (r < 0)
		return r;
	*ret = (struct hookd_applied){
	    .container = container,
	    .cgroup_path = applied.cgroup_path,
	    .rdt_group = applied.rdt_group,
	    .cgroup_created = applied.cgroup_created,
	    .rdt_created = applied.rdt_created,
	    .schemata = (const char *const *)applied.schemata,
	    .process = (const char *const *)applied.process,
	    .ignored = (const char *const *)applied.ignored,
	    .update_interrupted = applied.is_update_interrupted,
	};
	return 0;
}

int applied_new(struct hp_json_value value, const char *container, struct hookd_applied **ret,
		struct hp_err *err)
{
	struct applied *applied = calloc(1, sizeof(*applied));
	char *copy;
	int r;

	if (!applied)
		return hp_err_no_memory(err);
	copy = hp_arena_copy(&applied->arena, container, strlen(container));
	r = copy ? view_read(value, copy, &applied->arena, &applied->view, err)
		 : hp_err_no_memory(err);
	if (r < 0)
		hookd_applied_free(&applied->view);
	else
		*ret = &applied->view;
	return r;
}

struct hookd_applied *hookd_applied_free(struct hookd_applied *view)
{
	struct applied *applied = (struct applied *)view;

	if (!applied)
		return NULL;
	hp_arena_free(&applied->arena);
	free(applied);
	return NULL;
}

static int holdings_read(struct hp_json_value value, struct hookd_holdings *holdings,
			 struct hp_err *err)
{
	struct hp_json_value key, element;

	if (hp_json_type(value) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	holdings->list =
	    hp_arena_calloc(&holdings->arena, hp_json_count(value), sizeof(*holdings->list));
	if (!holdings->list)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, element, value) {
		char *container;
		int r = hp_json_get_string(key, &holdings->arena, &container, err);

		if (r < 0)
			return r;
		r = view_read(element, container, &holdings->arena,
			      &holdings->list[holdings->count], err);
		if (r < 0)
			return hp_err_prefix(err, r, container);
		holdings->count++;
	}
	return 0;
}

int holdings_new(struct hp_json_value value, struct hookd_holdings **ret, struct hp_err *err)
{
	struct hookd_holdings *holdings = calloc(1, sizeof(*holdings));
	int r;

	if (!holdings)
		return hp_err_no_memory(err);
	r = holdings_read(value, holdings, err);
	if (r < 0)
		hookd_holdings_free(holdings);
	else
		*ret = holdings;
	return r;
}

struct hookd_holdings *hookd_holdings_free(struct hookd_holdings *holdings)
{
	if (!holdings)
		return NULL;
	hp_arena_free(&holdings->arena);
	free(holdings);
	return NULL;
}

size_t hookd_holdings_count(const struct hookd_holdings *holdings)
{
	return holdings->count;
}

const struct hookd_applied *hookd_holdings_get(const struct hookd_holdings *holdings, size_t index)
{
	return index < holdings->count ? &holdings->list[index] : NULL;
}
