/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the hooks that run the shim. One that a rewrite has written carries a list of hooks, which
 * can be written again with other options or together with others. That is done only if all of it
 * is understood, so that nothing is lost: an env of its own or --spool=, say, and a list that the
 * shim would read in another way. No state.
 */

#include "client/delegate/shim_hook.h"

#include <errno.h>
#include <string.h>

#include "client/delegate/delegate.h"
#include "client/delegate/shim.h"
#include "proto/base/limits.h"

#define NS_PER_S 1000000000ull

bool shim_options_are_same(const struct shim_options *a, const struct shim_options *b)
{
	const char *const pairs[][2] = {{a->address, b->address}, {a->if_down, b->if_down}};

	for (size_t i = 0; i < 2; i++) {
		const char *first = pairs[i][0], *second = pairs[i][1];

		if (first != second &&
		    (first == NULL || second == NULL || strcmp(first, second) != 0))
			return false;
	}
	return a->timeout_s == b->timeout_s;
}

/* ---- durations ---- */

void duration_add(struct duration *duration, uint64_t timeout_ns)
{
	if (timeout_ns == 0 ||
	    __builtin_add_overflow(duration->sum_ns, timeout_ns, &duration->sum_ns))
		duration->is_endless = true;
}

uint64_t duration_timeout_s(const struct duration *duration)
{
	uint64_t sum_s = duration->sum_ns / NS_PER_S + DELEGATE_SPARE_S;

	return duration->is_endless || sum_s > HP_TIMEOUT_SECONDS_MAX ? 0 : sum_s;
}

/* ---- reading ---- */

/* What is behind the "=" of the option, or NULL. */
static const char *value_of(const char *word, const char *option)
{
	size_t length = strlen(option);

	return strncmp(word, option, length) == 0 ? word + length : NULL;
}

/* Also true for a shim of another name. */
static bool looks_like_ours(char *const *words, enum hp_stage stage)
{
	const char *value;

	if (words == NULL || words[0] == NULL || words[1] == NULL || words[2] == NULL)
		return false;
	value = value_of(words[1], SHIM_STAGE_OPTION);
	return value != NULL && strcmp(value, hp_stage_names[stage]) == 0 &&
	       value_of(words[2], SHIM_HOOKS_OPTION) != NULL;
}

static bool has_known_members(struct hp_json_value hook)
{
	struct hp_json_value key, value;

	HP_JSON_FOREACH (key, value, hook) {
		if (!hp_json_equals(key, "path") && !hp_json_equals(key, "args") &&
		    !hp_json_equals(key, "timeout"))
			return false;
	}
	return true;
}

/* False for an option that is not known. */
static bool read_options(char *const *words, struct shim_hook *ret)
{
	for (; *words != NULL; words++) {
		const char *hooks = value_of(*words, SHIM_HOOKS_OPTION);
		const char *address = value_of(*words, SHIM_ADDRESS_OPTION);
		const char *if_down = value_of(*words, SHIM_DOWN_OPTION);

		if (hooks != NULL)
			hp_buf_append(&ret->text, hooks, strlen(hooks));
		else if (address != NULL)
			ret->options.address = address;
		else if (if_down != NULL)
			ret->options.if_down = if_down;
		else
			return false;
	}
	return true;
}

/* Sets ret->hooks, and the timeout if it was set by --timeout or by hand. As shim_hook_read(). */
static int read_list(struct hp_json_value hook, enum hp_stage stage, struct hp_arena *arena,
		     struct shim_hook *ret)
{
	struct hp_json_value timeout = hp_json_member(hook, "timeout"), root;
	struct duration duration = {0};
	struct hp_hooks hooks;
	struct hp_err err;
	int r = ret->text.failed
		    ? -ENOMEM
		    : hp_json_parse(&ret->json, ret->text.data, ret->text.length, &err);

	if (r == 0) {
		root = hp_json_root(&ret->json);
		ret->hooks = hp_json_member(root, hp_stage_names[stage]);
		r = hp_hooks_read(root, HP_DIALECT_OCI, arena, &hooks, &err);
	}
	if (r == 0 && !hp_json_is_absent(timeout))
		r = hp_json_get_uint64(timeout, 1, HP_TIMEOUT_SECONDS_MAX, &ret->options.timeout_s,
				       &err);
	if (r < 0)
		return r == -ENOMEM ? r : SHIM_HOOK_FOREIGN;
	if (hp_json_count(root) != 1 || hp_json_count(ret->hooks) == 0)
		return SHIM_HOOK_FOREIGN;
	for (size_t i = 0; i < hooks.stages[stage].count; i++)
		duration_add(&duration, hooks.stages[stage].hooks[i].timeout_ns);
	if (ret->options.timeout_s == duration_timeout_s(&duration))
		ret->options.timeout_s = 0;
	return SHIM_HOOK_OURS;
}

static int read_words(struct hp_json_value hook, char *const *words, enum hp_stage stage,
		      struct hp_arena *arena, struct shim_hook *ret)
{
	int r = SHIM_HOOK_FOREIGN;

	*ret = (struct shim_hook){.text = HP_BUF_INIT};
	if (read_options(words + 2, ret))
		r = read_list(hook, stage, arena, ret);
	if (r != SHIM_HOOK_OURS)
		shim_hook_free(ret);
	return r;
}

/* *ret is NULL if the hook has no right args. */
static int read_args(struct hp_json_value hook, struct hp_arena *arena, char ***ret)
{
	struct hp_err err;
	int r;

	*ret = NULL;
	r = hp_json_get_strings(hp_json_member(hook, "args"), arena, HP_ARGS_MAX, ret, &err);
	return r == -ENOMEM ? r : 0;
}

int shim_hook_read(struct hp_json_value hook, enum hp_stage stage, const char *shim,
		   struct hp_arena *arena, struct shim_hook *ret)
{
	struct hp_err err;
	char *path, **words;
	int r = hp_json_get_string(hp_json_member(hook, "path"), arena, &path, &err);

	if (r < 0)
		return r == -ENOMEM ? r : SHIM_HOOK_NONE;
	r = read_args(hook, arena, &words);
	if (r < 0)
		return r;
	if (!looks_like_ours(words, stage))
		return shim_has_name(path) ? SHIM_HOOK_FOREIGN : SHIM_HOOK_NONE;
	if ((strcmp(path, shim) != 0 && !shim_has_name(path)) || !has_known_members(hook))
		return SHIM_HOOK_FOREIGN;
	return read_words(hook, words, stage, arena, ret);
}

void shim_hook_free(struct shim_hook *hook)
{
	hp_buf_free(&hook->text);
	hp_json_free(&hook->json);
}
