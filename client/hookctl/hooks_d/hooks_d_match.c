/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Decides whether a hook of hooks.d belongs to a container, by the rules of podman and CRI-O: all
 * conditions that are there have to hold, one command is enough, and without a condition nothing
 * matches. In files of version 0.1.0 one condition is enough. No state.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hooks_d/go_regex.h"
#include "client/hookctl/hooks_d/hooks_d.h"
#include "proto/base/arena.h"

struct matching {
	const struct hooks_d *hooks_d;
	struct hp_json_value config;
	struct hp_arena arena;
	char *reason;
	const char *unknown; /* an expression that cannot be judged here; NULL: none so far */
};

static enum hooks_d_answer __attribute__((format(printf, 3, 4)))
answer(struct matching *matching, enum hooks_d_answer answer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(matching->reason, HOOKS_D_REASON_SIZE, format, arguments);
	va_end(arguments);
	return answer;
}

/* Another condition may still decide. */
static enum hooks_d_answer cannot_tell(struct matching *matching, const char *expression)
{
	matching->unknown = expression;
	return HOOKS_D_UNKNOWN;
}

/* ---- always, hasBindMounts ---- */

static enum hooks_d_answer match_always(struct matching *matching)
{
	if (!matching->hooks_d->always)
		return answer(matching, HOOKS_D_NO, "always is false");
	return answer(matching, HOOKS_D_YES, "always");
}

static bool has_bind_mount(struct hp_json_value config)
{
	struct hp_json_value key, mount;

	HP_JSON_FOREACH (key, mount, hp_json_member(config, "mounts"))
		if (hp_json_equals(hp_json_member(mount, "type"), "bind"))
			return true;
	return false;
}

static enum hooks_d_answer match_bind_mounts(struct matching *matching)
{
	if (!matching->hooks_d->bind_mounts)
		return answer(matching, HOOKS_D_NO, "hasBindMounts is false");
	if (!has_bind_mount(matching->config))
		return answer(matching, HOOKS_D_NO, "the container has no bind mounts");
	return answer(matching, HOOKS_D_YES,
		      "it has bind mounts, of which engines count the user's");
}

/* ---- annotations ---- */

static enum go_regex_answer match_text(struct matching *matching, const char *expression,
				       struct hp_json_value value)
{
	struct hp_err err;
	char *text;

	if (hp_json_get_string(value, &matching->arena, &text, &err) < 0)
		return GO_REGEX_NO;
	return go_regex_match(expression, text);
}

static enum hooks_d_answer match_annotation(struct matching *matching,
					    const struct hooks_d_pattern *pattern)
{
	struct hp_json_value key, value;
	bool is_unknown = false;

	HP_JSON_FOREACH (key, value, hp_json_member(matching->config, "annotations")) {
		enum go_regex_answer of_key = match_text(matching, pattern->key, key);
		enum go_regex_answer of_value = match_text(matching, pattern->value, value);

		if (of_key == GO_REGEX_YES && of_value == GO_REGEX_YES)
			return answer(matching, HOOKS_D_YES, "annotation '%s' matches",
				      pattern->key);
		is_unknown |= of_key != GO_REGEX_NO && of_value != GO_REGEX_NO;
	}
	if (is_unknown)
		return cannot_tell(matching, pattern->key);
	return answer(matching, HOOKS_D_NO, "no annotation matches '%s' with '%s'", pattern->key,
		      pattern->value);
}

static enum hooks_d_answer match_annotations(struct matching *matching)
{
	bool is_old = matching->hooks_d->is_old;
	enum hooks_d_answer all = is_old ? HOOKS_D_NO : HOOKS_D_YES;

	for (size_t i = 0; i < matching->hooks_d->annotation_count; i++) {
		enum hooks_d_answer one =
		    match_annotation(matching, &matching->hooks_d->annotations[i]);

		if (one == (is_old ? HOOKS_D_YES : HOOKS_D_NO))
			return one;
		if (one == HOOKS_D_UNKNOWN)
			all = one;
	}
	return all;
}

/* ---- commands ---- */

static enum hooks_d_answer match_commands(struct matching *matching)
{
	char *const *commands = matching->hooks_d->commands;
	struct hp_json_value process = hp_json_member(matching->config, "process");
	struct hp_json_value key, args = hp_json_member(process, "args"), command = {0};
	struct hp_json_iterator iterator = hp_json_iterate(args);
	bool is_unknown = false;

	if (!hp_json_iterator_next(&iterator, &key, &command))
		return answer(matching, HOOKS_D_NO, "process.args is empty");
	for (size_t i = 0; commands[i]; i++) {
		enum go_regex_answer one = match_text(matching, commands[i], command);

		if (one == GO_REGEX_YES)
			return answer(matching, HOOKS_D_YES, "the command matches '%s'",
				      commands[i]);
		is_unknown |= one == GO_REGEX_UNKNOWN;
	}
	if (is_unknown)
		return cannot_tell(matching, commands[0]);
	return answer(matching, HOOKS_D_NO, "the command matches none of commands");
}

/* ---- all ---- */

/* Commands are no condition for a config without a process. */
static bool is_there(const struct matching *matching, size_t condition)
{
	const struct hooks_d *hooks_d = matching->hooks_d;

	switch (condition) {
	case 0:
		return hooks_d->has_always;
	case 1:
		return hooks_d->has_bind_mounts_set;
	case 2:
		return hooks_d->annotation_count > 0;
	default:
		return hooks_d->commands && hooks_d->commands[0] &&
		       !hp_json_is_absent(hp_json_member(matching->config, "process"));
	}
}

static enum hooks_d_answer (*const matchers[])(struct matching *) = {
    match_always, match_bind_mounts, match_annotations, match_commands};
#define CONDITION_COUNT (sizeof(matchers) / sizeof(matchers[0]))

static enum hooks_d_answer match_all(struct matching *matching)
{
	enum hooks_d_answer all = answer(matching, HOOKS_D_NO, "when has no condition");

	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		if (!is_there(matching, i))
			continue;
		all = matchers[i](matching);
		if (all == HOOKS_D_NO)
			return all;
	}
	return all;
}

static enum hooks_d_answer match_one(struct matching *matching)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (is_there(matching, i) && matchers[i](matching) == HOOKS_D_YES) {
			matching->unknown = NULL;
			return HOOKS_D_YES;
		}
	return matching->unknown != NULL
		   ? HOOKS_D_UNKNOWN
		   : answer(matching, HOOKS_D_NO, "none of its conditions holds");
}

enum hooks_d_answer hooks_d_match(const struct hooks_d *hooks_d, struct hp_json_value config,
				  char ret_reason[static HOOKS_D_REASON_SIZE])
{
	struct matching matching = {hooks_d, config, HP_ARENA_INIT, ret_reason, NULL};
	enum hooks_d_answer ret = hooks_d->is_old ? match_one(&matching) : match_all(&matching);

	if (ret != HOOKS_D_NO && matching.unknown != NULL)
		ret = answer(&matching, HOOKS_D_UNKNOWN, "'%s' can only be judged by Go",
			     matching.unknown);
	hp_arena_free(&matching.arena);
	return ret;
}
