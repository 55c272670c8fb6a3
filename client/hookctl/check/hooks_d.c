/* SPDX-License-Identifier: Apache-2.0 */

/* Reads files of hooks.d. No state. */

#include "client/hookctl/check/hooks_d.h"

#include <errno.h>
#include <string.h>

#include "client/hookctl/check/go_regex.h"
#include "proto/base/limits.h"
#include "proto/json/mistakes.h"

#define VERSION "1.0.0"

/* ---- when ---- */

static int check_expression(const char *expression, struct hp_err *err)
{
	char reason[GO_REGEX_REASON_SIZE];

	if (go_regex_check(expression, reason))
		return 0;
	return hp_err_invalid(err, NULL, "'%.60s' is not a regular expression: %s", expression,
			      reason);
}

static int read_bool(struct hp_json_value value, bool *ret_has, bool *ret, struct hp_err *err)
{
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_bool(value, ret, err);
	*ret_has = r == 0;
	return r;
}

static int read_annotation(struct hp_json_value key, struct hp_json_value value,
			   struct hp_arena *arena, struct hooks_d_pattern *pattern,
			   struct hp_err *err)
{
	int r = hp_json_get_string(key, arena, &pattern->key, err);

	if (r == 0)
		r = check_expression(pattern->key, err);
	if (r == 0)
		r = hp_json_get_string(value, arena, &pattern->value, err);
	if (r == 0)
		r = check_expression(pattern->value, err);
	return pattern->key ? hp_err_prefix(err, r, pattern->key) : r;
}

static int read_annotations(struct hp_json_value value, struct hp_arena *arena,
			    struct hooks_d *hooks_d, struct hp_err *err)
{
	struct hp_json_value key, member;
	int r = 0;

	if (hp_json_is_absent(value))
		return 0;
	if (hp_json_type(value) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	hooks_d->annotations =
	    hp_arena_calloc(arena, hp_json_count(value), sizeof(*hooks_d->annotations));
	if (!hooks_d->annotations)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, member, value) {
		r = read_annotation(key, member, arena,
				    &hooks_d->annotations[hooks_d->annotation_count], err);
		r = hp_json_go_on(value, r, err);
		if (r < 0)
			return r;
		hooks_d->annotation_count++;
	}
	return 0;
}

static int read_commands(struct hp_json_value value, struct hp_arena *arena,
			 struct hooks_d *hooks_d, struct hp_err *err)
{
	size_t mistakes = hp_json_mistake_count(value);
	int r = 0;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_strings(value, arena, HP_ARGS_MAX, &hooks_d->commands, err);
	if (r < 0 || hp_json_mistake_count(value) > mistakes)
		return r;
	for (size_t i = 0; r == 0 && hooks_d->commands[i]; i++) {
		r = check_expression(hooks_d->commands[i], err);
		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i), err);
	}
	return r;
}

enum condition { ALWAYS, ANNOTATIONS, COMMANDS, HAS_BIND_MOUNTS, CONDITION_COUNT };
static const char *const condition_names[CONDITION_COUNT] = {
    [ALWAYS] = "always",
    [ANNOTATIONS] = "annotations",
    [COMMANDS] = "commands",
    [HAS_BIND_MOUNTS] = "hasBindMounts",
};

static int read_condition(enum condition condition, struct hp_json_value value,
			  struct hp_arena *arena, struct hooks_d *hooks_d, struct hp_err *err)
{
	switch (condition) {
	case ALWAYS:
		return read_bool(value, &hooks_d->has_always, &hooks_d->always, err);
	case ANNOTATIONS:
		return read_annotations(value, arena, hooks_d, err);
	case COMMANDS:
		return read_commands(value, arena, hooks_d, err);
	case HAS_BIND_MOUNTS:
		return read_bool(value, &hooks_d->has_bind_mounts_set, &hooks_d->bind_mounts, err);
	case CONDITION_COUNT:
		break;
	}
	return 0;
}

static int read_when(struct hp_json_value value, struct hp_arena *arena, struct hooks_d *hooks_d,
		     struct hp_err *err)
{
	struct hp_json_value values[CONDITION_COUNT];
	int r = hp_json_members(value, condition_names, CONDITION_COUNT, false, values, err);

	for (unsigned int i = 0; r == 0 && i < CONDITION_COUNT; i++) {
		r = read_condition((enum condition)i, values[i], arena, hooks_d, err);
		r = hp_json_go_on(value, hp_err_prefix(err, r, condition_names[i]), err);
	}
	return r;
}

/* ---- the other members ---- */

static int read_stages(struct hp_json_value value, struct hooks_d *hooks_d, struct hp_err *err)
{
	struct hp_json_value key, element;
	unsigned long index = 0;

	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "%s",
				      value.json ? "must be a list of stages" : "is required");
	HP_JSON_FOREACH (key, element, value) {
		int stage = 0;
		int r = hp_json_get_enum(element, hp_stage_names, HP_STAGE_COUNT, &stage, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, index++), err);
		if (r < 0)
			return r;
		hooks_d->stages |= 1u << stage;
	}
	return 0;
}

static int read_version(struct hp_json_value value, struct hp_err *err)
{
	if (hp_json_equals(value, VERSION))
		return 0;
	return hp_err_invalid(err, NULL, "%s",
			      value.json ? "must be \"" VERSION "\"" : "is required");
}

enum member { MEMBER_VERSION, MEMBER_HOOK, MEMBER_WHEN, MEMBER_STAGES, MEMBER_COUNT };
static const char *const member_names[MEMBER_COUNT] = {
    [MEMBER_VERSION] = "version",
    [MEMBER_HOOK] = "hook",
    [MEMBER_WHEN] = "when",
    [MEMBER_STAGES] = "stages",
};

static int read_member(enum member member, struct hp_json_value value, struct hp_arena *arena,
		       struct hooks_d *hooks_d, struct hp_err *err)
{
	switch (member) {
	case MEMBER_VERSION:
		return read_version(value, err);
	case MEMBER_HOOK:
		return hp_hook_read(value, HP_DIALECT_OCI, arena, &hooks_d->hook, err);
	case MEMBER_WHEN:
		return read_when(value, arena, hooks_d, err);
	case MEMBER_STAGES:
		return read_stages(value, hooks_d, err);
	case MEMBER_COUNT:
		break;
	}
	return 0;
}

int hooks_d_read(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *ret,
		 struct hp_err *err)
{
	struct hp_json_value values[MEMBER_COUNT];
	int r = hp_json_members(root, member_names, MEMBER_COUNT, false, values, err);

	*ret = (struct hooks_d){0};
	for (unsigned int i = 0; r == 0 && i < MEMBER_COUNT; i++) {
		r = read_member((enum member)i, values[i], arena, ret, err);
		r = hp_json_go_on(root, hp_err_prefix(err, r, member_names[i]), err);
	}
	return r;
}
