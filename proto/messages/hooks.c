/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hook lists and the two JSON dialects they are read from and written in.
 *
 * One reader and one writer serve both. They differ in the unit of timeouts, and libcontainer has
 * `dir` and writes every field.
 */

#include "proto/messages/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/base/limits.h"
#include "proto/json/mistakes.h"

const char *const hp_stage_names[HP_STAGE_COUNT] = {
    [HP_STAGE_PRESTART] = "prestart",
    [HP_STAGE_CREATE_RUNTIME] = "createRuntime",
    [HP_STAGE_CREATE_CONTAINER] = "createContainer",
    [HP_STAGE_START_CONTAINER] = "startContainer",
    [HP_STAGE_POSTSTART] = "poststart",
    [HP_STAGE_POSTSTOP] = "poststop",
};

#define NANOSECONDS 1000000000ull

/* Nanoseconds in a dialect's unit of timeouts. */
static const uint64_t timeout_units[HP_DIALECT_COUNT] = {
    [HP_DIALECT_OCI] = NANOSECONDS,
    [HP_DIALECT_LIBCONTAINER] = 1,
};

bool hp_stage_is_container(enum hp_stage stage)
{
	return stage == HP_STAGE_CREATE_CONTAINER || stage == HP_STAGE_START_CONTAINER;
}

bool hp_stage_continues_on_failure(enum hp_stage stage)
{
	return stage == HP_STAGE_POSTSTOP;
}

/* ---- reading ---- */

enum field { FIELD_PATH, FIELD_ARGS, FIELD_ENV, FIELD_TIMEOUT, FIELD_DIR, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_PATH] = "path",	 [FIELD_ARGS] = "args", [FIELD_ENV] = "env",
    [FIELD_TIMEOUT] = "timeout", [FIELD_DIR] = "dir",
};

static int read_absolute_path(struct hp_json_value value, struct hp_arena *arena, char **ret,
			      struct hp_err *err)
{
	char *path;
	int r = hp_json_get_name(value, arena, HP_PATH_BYTES_MAX, &path, err);

	if (r < 0)
		return r;
	if (path[0] != '/')
		return hp_err_invalid(err, NULL, "must be an absolute path");
	*ret = path;
	return 0;
}

static int read_args(struct hp_json_value value, struct hp_arena *arena, char ***ret,
		     struct hp_err *err)
{
	if (hp_json_is_absent(value))
		return 0;
	return hp_json_get_strings(value, arena, HP_ARGS_MAX, ret, err);
}

static int read_env(struct hp_json_value value, struct hp_arena *arena, char ***ret,
		    struct hp_err *err)
{
	size_t mistakes = hp_json_mistake_count(value);
	char **env = NULL;
	int r = read_args(value, arena, &env, err);

	if (r < 0 || hp_json_mistake_count(value) > mistakes)
		return r;
	for (size_t i = 0; env && env[i]; i++) {
		/* execve(2) takes any text, and runtimes pass one without "=" on. */
		if (env[i][0])
			continue;
		r = hp_err_invalid(err, NULL, "must not be empty");
		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i), err);
		if (r < 0)
			return r;
	}
	*ret = env;
	return 0;
}

static int read_timeout(struct hp_json_value value, enum hp_dialect dialect, uint64_t *ret_ns,
			struct hp_err *err)
{
	uint64_t unit = timeout_units[dialect];
	uint64_t timeout;
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_uint64(value, 1, HP_TIMEOUT_SECONDS_MAX * (NANOSECONDS / unit), &timeout,
			       err);
	if (r < 0)
		return r;
	*ret_ns = timeout * unit;
	return 0;
}

/* Go writes a field that is not set as "". */
static int read_dir(struct hp_json_value value, struct hp_arena *arena, char **ret,
		    struct hp_err *err)
{
	if (hp_json_is_absent(value) || hp_json_equals(value, ""))
		return 0;
	return read_absolute_path(value, arena, ret, err);
}

static int read_field(enum field field, struct hp_json_value value, enum hp_dialect dialect,
		      struct hp_arena *arena, struct hp_hook *hook, struct hp_err *err)
{
	switch (field) {
	case FIELD_PATH:
		return read_absolute_path(value, arena, &hook->path, err);
	case FIELD_ARGS:
		return read_args(value, arena, &hook->args, err);
	case FIELD_ENV:
		return read_env(value, arena, &hook->env, err);
	case FIELD_TIMEOUT:
		return read_timeout(value, dialect, &hook->timeout_ns, err);
	case FIELD_DIR:
		return dialect == HP_DIALECT_OCI ? 0 : read_dir(value, arena, &hook->dir, err);
	case FIELD_COUNT:
		break;
	}
	return 0;
}

/* A runtime written in Go would take such a name for the other; here it would say nothing. */
static int refuse_other_case(struct hp_json_value hook, struct hp_err *err)
{
	struct hp_json_value key, value;
	int r = 0;

	HP_JSON_FOREACH (key, value, hook) {
		size_t length;
		const char *text = hp_json_text(key, &length);

		for (unsigned int i = 0; r == 0 && i < FIELD_COUNT; i++) {
			const char *name = field_names[i];
			char written[sizeof("timeout")];

			if (length != strlen(name) + 2 ||
			    strncasecmp(text + 1, name, length - 2) != 0 ||
			    hp_json_equals(key, name))
				continue;
			snprintf(written, sizeof(written), "%.*s", (int)length - 2, text + 1);
			r = hp_err_invalid(err, written, "unknown; did you mean \"%s\"?", name);
			r = hp_json_go_on(hook, r, err);
		}
	}
	return r;
}

int hp_hook_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		 struct hp_hook *hook, struct hp_err *err)
{
	struct hp_json_value fields[FIELD_COUNT];
	int r = hp_json_members(value, field_names, FIELD_COUNT, false, fields, err);

	if (r == 0)
		r = refuse_other_case(value, err);
	for (unsigned int i = 0; r == 0 && i < FIELD_COUNT; i++) {
		r = read_field((enum field)i, fields[i], dialect, arena, hook, err);
		r = hp_json_go_on(value, hp_err_prefix(err, r, field_names[i]), err);
	}
	return r;
}

static int read_list(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		     struct hp_hook_list *list, struct hp_err *err)
{
	struct hp_json_value key, element;

	if (hp_json_is_absent(value))
		return 0;
	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list of hooks");
	if (hp_json_count(value) > HP_HOOKS_MAX)
		return hp_err_invalid(err, NULL, "must not have more than %d hooks", HP_HOOKS_MAX);
	list->hooks = hp_arena_calloc(arena, hp_json_count(value), sizeof(*list->hooks));
	if (!list->hooks)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, element, value) {
		int r = hp_hook_read(element, dialect, arena, &list->hooks[list->count], err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, list->count), err);
		if (r < 0)
			return r;
		list->count++;
	}
	return 0;
}

int hp_hooks_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		  struct hp_hooks *ret_hooks, struct hp_err *err)
{
	struct hp_json_value lists[HP_STAGE_COUNT];
	struct hp_hooks hooks = {0};
	int r;

	if (!hp_json_is_absent(value)) {
		r = hp_json_members(value, hp_stage_names, HP_STAGE_COUNT, true, lists, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < HP_STAGE_COUNT; i++) {
			r = read_list(lists[i], dialect, arena, &hooks.stages[i], err);
			r = hp_json_go_on(value, hp_err_prefix(err, r, hp_stage_names[i]), err);
			if (r < 0)
				return r;
		}
	}
	*ret_hooks = hooks;
	return 0;
}

/* ---- writing ---- */

static void write_strings(struct hp_json_writer *writer, const char *key, char *const *strings)
{
	hp_json_key(writer, key);
	hp_json_put_strings(writer, strings);
}

/* As runtime-spec's Go type with its omitempty, except that [] is kept apart from absent. */
static int write_oci_hook(struct hp_json_writer *writer, const struct hp_hook *hook,
			  struct hp_err *err)
{
	if (hook->dir) {
		hp_err_invalid(err, "dir", "cannot be expressed in the oci dialect");
		return -ENOTSUP;
	}
	if (hook->timeout_ns % NANOSECONDS != 0) {
		hp_err_invalid(err, "timeout",
			       "must be a whole number of seconds in the oci dialect");
		return -ENOTSUP;
	}
	hp_json_begin(writer, '{');
	hp_json_key(writer, "path");
	hp_json_put_string(writer, hook->path);
	if (hook->args)
		write_strings(writer, "args", hook->args);
	if (hook->env)
		write_strings(writer, "env", hook->env);
	if (hook->timeout_ns > 0) {
		hp_json_key(writer, "timeout");
		hp_json_put_uint(writer, hook->timeout_ns / NANOSECONDS);
	}
	hp_json_end(writer, '}');
	return 0;
}

/* As runc's configs.Command: every field, in the order of the struct. */
static int write_libcontainer_hook(struct hp_json_writer *writer, const struct hp_hook *hook)
{
	hp_json_begin(writer, '{');
	hp_json_key(writer, "path");
	hp_json_put_string(writer, hook->path);
	write_strings(writer, "args", hook->args);
	write_strings(writer, "env", hook->env);
	hp_json_key(writer, "dir");
	hp_json_put_string(writer, hook->dir ? hook->dir : "");
	hp_json_key(writer, "timeout");
	if (hook->timeout_ns > 0)
		hp_json_put_uint(writer, hook->timeout_ns);
	else
		hp_json_put_null(writer);
	hp_json_end(writer, '}');
	return 0;
}

static int write_list(struct hp_json_writer *writer, const struct hp_hook_list *list,
		      enum hp_dialect dialect, struct hp_err *err)
{
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < list->count; i++) {
		int r;

		if (dialect == HP_DIALECT_OCI)
			r = write_oci_hook(writer, &list->hooks[i], err);
		else
			r = write_libcontainer_hook(writer, &list->hooks[i]);
		if (r < 0)
			return hp_err_prefix_index(err, r, i);
	}
	hp_json_end(writer, ']');
	return 0;
}

/* Go writes a struct in its order, and a map, which libcontainer's Hooks is, sorted by key. */
static const enum hp_stage write_order[HP_DIALECT_COUNT][HP_STAGE_COUNT] = {
    [HP_DIALECT_OCI] = {HP_STAGE_PRESTART, HP_STAGE_CREATE_RUNTIME, HP_STAGE_CREATE_CONTAINER,
			HP_STAGE_START_CONTAINER, HP_STAGE_POSTSTART, HP_STAGE_POSTSTOP},
    [HP_DIALECT_LIBCONTAINER] = {HP_STAGE_CREATE_CONTAINER, HP_STAGE_CREATE_RUNTIME,
				 HP_STAGE_POSTSTART, HP_STAGE_POSTSTOP, HP_STAGE_PRESTART,
				 HP_STAGE_START_CONTAINER},
};

int hp_hooks_write(struct hp_json_writer *writer, const struct hp_hooks *hooks,
		   enum hp_dialect dialect, struct hp_err *err)
{
	hp_json_begin(writer, '{');
	for (size_t i = 0; i < HP_STAGE_COUNT; i++) {
		enum hp_stage stage = write_order[dialect][i];
		const struct hp_hook_list *list = &hooks->stages[stage];
		int r;

		if (list->count == 0 && dialect == HP_DIALECT_OCI)
			continue;
		hp_json_key(writer, hp_stage_names[stage]);
		if (list->count == 0) {
			hp_json_put_null(writer);
			continue;
		}
		r = write_list(writer, list, dialect, err);
		if (r < 0)
			return hp_err_prefix(err, r, hp_stage_names[stage]);
	}
	hp_json_end(writer, '}');
	return 0;
}
