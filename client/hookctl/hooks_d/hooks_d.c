/* SPDX-License-Identifier: Apache-2.0 */

/* Reads files of hooks.d. No state. */

#include "client/hookctl/hooks_d/hooks_d.h"

#include <errno.h>
#include <string.h>

#include "client/hookctl/hooks_d/files.h"
#include "client/hookctl/hooks_d/go_regex.h"
#include "proto/base/limits.h"
#include "proto/json/mistakes.h"

#define VERSION	    "1.0.0"
#define OLD_VERSION "0.1.0"

const char *const hooks_d_stage_names[HOOKS_D_STAGE_COUNT] = {
    [HP_STAGE_PRESTART] = "prestart",
    [HP_STAGE_CREATE_RUNTIME] = "createRuntime",
    [HP_STAGE_CREATE_CONTAINER] = "createContainer",
    [HP_STAGE_START_CONTAINER] = "startContainer",
    [HP_STAGE_POSTSTART] = "poststart",
    [HP_STAGE_POSTSTOP] = "poststop",
    [HOOKS_D_PRECREATE] = "precreate",
};

/* ---- members ---- */

static bool is_other_case(struct hp_json_value key, const char *name)
{
	char text[32];
	size_t length;
	const char *quoted = hp_json_text(key, &length);

	if (hp_json_equals(key, name) || length != strlen(name) + 2 || length > sizeof(text))
		return false;
	memcpy(text, quoted + 1, length - 2);
	text[length - 2] = '\0';
	return hooks_d_compare_names(text, name) == 0;
}

/* That of the name in other letters, as "Stages". */
static struct hp_json_value member_in_other_case(struct hp_json_value object, const char *name)
{
	struct hp_json_value key, value;

	HP_JSON_FOREACH (key, value, object)
		if (is_other_case(key, name))
			return value;
	return (struct hp_json_value){0};
}

struct hp_json_value hooks_d_member(struct hp_json_value object, const char *name)
{
	struct hp_json_value value = hp_json_member(object, name);

	return hp_json_is_absent(value) ? member_in_other_case(object, name) : value;
}

/* In either case, but not in two: Go takes the last of them then. */
static int read_members(struct hp_json_value object, const char *const names[], size_t count,
			struct hp_json_value ret_values[], struct hp_err *err)
{
	int r = hp_json_members(object, names, count, false, ret_values, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct hp_json_value other = member_in_other_case(object, names[i]);

		if (hp_json_is_absent(other))
			continue;
		if (!hp_json_is_absent(ret_values[i]))
			r = hp_json_go_on(
			    object, hp_err_invalid(err, names[i], "is there in other letters, too"),
			    err);
		else
			ret_values[i] = other;
	}
	return r;
}

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
	int r = read_members(value, condition_names, CONDITION_COUNT, values, err);

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
		int r = hp_json_get_enum(element, hooks_d_stage_names, HOOKS_D_STAGE_COUNT, &stage,
					 err);

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

/* ---- version 1.0.0 ---- */

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

static int read_current(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *hooks_d,
			struct hp_err *err)
{
	struct hp_json_value values[MEMBER_COUNT];
	int r = read_members(root, member_names, MEMBER_COUNT, values, err);

	for (unsigned int i = 0; r == 0 && i < MEMBER_COUNT; i++) {
		r = read_member((enum member)i, values[i], arena, hooks_d, err);
		r = hp_json_go_on(root, hp_err_prefix(err, r, member_names[i]), err);
	}
	return r;
}

/* ---- version 0.1.0 ---- */

enum old_member {
	OLD_HOOK,
	OLD_ARGUMENTS,
	OLD_STAGES,
	OLD_STAGE,
	OLD_CMDS,
	OLD_CMD,
	OLD_ANNOTATIONS,
	OLD_ANNOTATION,
	OLD_HAS_BIND_MOUNTS,
	OLD_COUNT,
};
static const char *const old_names[OLD_COUNT] = {
    [OLD_HOOK] = "hook",
    [OLD_ARGUMENTS] = "arguments",
    [OLD_STAGES] = "stages",
    [OLD_STAGE] = "stage",
    [OLD_CMDS] = "cmds",
    [OLD_CMD] = "cmd",
    [OLD_ANNOTATIONS] = "annotations",
    [OLD_ANNOTATION] = "annotation",
    [OLD_HAS_BIND_MOUNTS] = "hasbindmounts",
};

static int read_old_hook(struct hp_json_value value, struct hp_arena *arena,
			 struct hooks_d *hooks_d, struct hp_err *err)
{
	int r = hp_json_get_name(value, arena, HP_PATH_BYTES_MAX, &hooks_d->hook.path, err);

	if (r == 0 && hooks_d->hook.path[0] != '/')
		r = hp_err_invalid(err, NULL, "must be an absolute path");
	return r;
}

/* They are values of any key. */
static int read_old_annotations(struct hp_json_value value, struct hp_arena *arena,
				struct hooks_d *hooks_d, struct hp_err *err)
{
	static char any[] = ".*";
	size_t mistakes = hp_json_mistake_count(value);
	char **values;
	int r = hp_json_get_strings(value, arena, HP_ARGS_MAX, &values, err);

	if (r < 0 || hp_json_mistake_count(value) > mistakes)
		return r;
	hooks_d->annotations =
	    hp_arena_calloc(arena, hp_json_count(value), sizeof(*hooks_d->annotations));
	if (!hooks_d->annotations)
		return hp_err_no_memory(err);
	for (size_t i = 0; r == 0 && values[i]; i++) {
		r = check_expression(values[i], err);
		if (r == 0)
			hooks_d->annotations[hooks_d->annotation_count++] =
			    (struct hooks_d_pattern){any, values[i]};
		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i), err);
	}
	return r;
}

static int read_old_member(enum old_member member, struct hp_json_value value,
			   struct hp_arena *arena, struct hooks_d *hooks_d, struct hp_err *err)
{
	char **arguments;

	switch (member) {
	case OLD_HOOK:
		return read_old_hook(value, arena, hooks_d, err);
	case OLD_ARGUMENTS:
		return hp_json_get_strings(value, arena, HP_ARGS_MAX, &arguments, err);
	case OLD_STAGES:
	case OLD_STAGE:
		return read_stages(value, hooks_d, err);
	case OLD_CMDS:
	case OLD_CMD:
		return read_commands(value, arena, hooks_d, err);
	case OLD_ANNOTATIONS:
	case OLD_ANNOTATION:
		return read_old_annotations(value, arena, hooks_d, err);
	case OLD_HAS_BIND_MOUNTS:
		return read_bool(value, &hooks_d->has_bind_mounts_set, &hooks_d->bind_mounts, err);
	case OLD_COUNT:
		break;
	}
	return 0;
}

/* Some members have two names, of which a file has one. */
static int check_old_names(const struct hp_json_value values[static OLD_COUNT], struct hp_err *err)
{
	static const enum old_member plurals[] = {OLD_STAGES, OLD_CMDS, OLD_ANNOTATIONS};

	for (size_t i = 0; i < sizeof(plurals) / sizeof(plurals[0]); i++) {
		enum old_member plural = plurals[i], singular = plural + 1;

		if (!hp_json_is_absent(values[plural]) && !hp_json_is_absent(values[singular]))
			return hp_err_invalid(err, old_names[singular], "stands beside %s",
					      old_names[plural]);
	}
	if (hp_json_is_absent(values[OLD_STAGES]) && hp_json_is_absent(values[OLD_STAGE]))
		return hp_err_invalid(err, old_names[OLD_STAGES], "is required");
	return 0;
}

static int read_old(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *hooks_d,
		    struct hp_err *err)
{
	struct hp_json_value values[OLD_COUNT];
	int r = read_members(root, old_names, OLD_COUNT, values, err);

	hooks_d->is_old = true;
	if (r == 0)
		r = hp_json_go_on(root, check_old_names(values, err), err);
	for (unsigned int i = 0; r == 0 && i < OLD_COUNT; i++) {
		if (hp_json_is_absent(values[i]) && i != OLD_HOOK)
			continue;
		r = read_old_member((enum old_member)i, values[i], arena, hooks_d, err);
		r = hp_json_go_on(root, hp_err_prefix(err, r, old_names[i]), err);
	}
	return r;
}

/* ---- all ---- */

/* A file without a version is an old one; one whose hook is an object lacks it. */
static bool is_old(struct hp_json_value root)
{
	struct hp_json_value version = hooks_d_member(root, "version");

	if (hp_json_is_absent(version))
		return hp_json_type(hooks_d_member(root, "hook")) == HP_JSON_STRING;
	return hp_json_equals(version, OLD_VERSION);
}

int hooks_d_read(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *ret,
		 struct hp_err *err)
{
	*ret = (struct hooks_d){0};
	return is_old(root) ? read_old(root, arena, ret, err) : read_current(root, arena, ret, err);
}
