/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hook lists that a caller builds: commands and functions, by stage, in order. Adding checks what
 * hookd would refuse, so that a finished list can be sent. parts.c runs them.
 */

#include "client/libhookd/hook_list.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"

enum hp_stage hook_stage(const char *name)
{
	unsigned int stage = 0;

	while (stage < HP_STAGE_COUNT && strcmp(hp_stage_names[stage], name) != 0)
		stage++;
	return stage;
}

int hook_dialect(const char *name)
{
	if (!name)
		return HP_DIALECT_OCI;
	for (int dialect = 0; dialect < HP_DIALECT_COUNT; dialect++) {
		if (strcmp(hp_dialect_names[dialect], name) == 0)
			return dialect;
	}
	return -1;
}

int hookd_hooks_new(struct hookd_hooks **ret)
{
	struct hookd_hooks *hooks = calloc(1, sizeof(*hooks));

	if (!hooks)
		return -ENOMEM;
	*ret = hooks;
	return 0;
}

struct hookd_hooks *hookd_hooks_free(struct hookd_hooks *hooks)
{
	if (!hooks)
		return NULL;
	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		free(hooks->stages[stage].hooks);
		free(hooks->stages[stage].functions);
	}
	hp_arena_free(&hooks->arena);
	free(hooks);
	return NULL;
}

/* ---- adding ---- */

/* Room for `more` hooks; -EINVAL beyond what hookd takes in one stage. */
static int hook_list_reserve(struct hook_list *list, size_t more)
{
	size_t capacity = list->capacity ? list->capacity : 8;
	struct hook_function *functions;
	struct hp_hook *hooks;

	if (more > HP_HOOKS_MAX - list->count)
		return -EINVAL;
	while (capacity < list->count + more)
		capacity *= 2;
	if (capacity == list->capacity)
		return 0;
	hooks = reallocarray(list->hooks, capacity, sizeof(*hooks));
	if (!hooks)
		return -ENOMEM;
	list->hooks = hooks;
	functions = reallocarray(list->functions, capacity, sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	list->functions = functions;
	list->capacity = capacity;
	return 0;
}

static void hook_list_add(struct hook_list *list, const struct hp_hook *hook,
			  const struct hook_function *function)
{
	assert(list->count < list->capacity);
	list->hooks[list->count] = *hook;
	list->functions[list->count] = *function;
	list->count++;
}

int hookd_hooks_add_json(struct hookd_hooks *hooks, const char *json, const char *dialect)
{
	int dialect_index = hook_dialect(dialect);
	struct hp_json parsed = {0};
	struct hp_hooks read;
	struct hp_err err;
	int r;

	if (dialect_index < 0)
		return -EINVAL;
	r = hp_json_parse(&parsed, json, strlen(json), &err);
	if (r >= 0)
		r = hp_hooks_read(hp_json_root(&parsed), (enum hp_dialect)dialect_index,
				  &hooks->arena, &read, &err);
	hp_json_free(&parsed);
	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;

	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		r = hook_list_reserve(&hooks->stages[stage], read.stages[stage].count);
		if (r < 0)
			return r;
	}
	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		for (size_t i = 0; i < read.stages[stage].count; i++)
			hook_list_add(&hooks->stages[stage], &read.stages[stage].hooks[i],
				      &(struct hook_function){0});
	}
	return 0;
}

/* A copy in the arena. -EINVAL for bytes that JSON cannot hold. */
static int hook_copy_string(struct hp_arena *arena, const char *string, char **ret)
{
	size_t length = strlen(string);
	char *copy;

	if (!hp_json_is_text(string, length))
		return -EINVAL;
	copy = hp_arena_copy(arena, string, length);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* The same for a vector; NULL differs from an empty one. */
static int hook_copy_strings(struct hp_arena *arena, const char *const *strings, char ***ret)
{
	size_t count = 0;
	char **copy;
	int r = 0;

	if (!strings) {
		*ret = NULL;
		return 0;
	}
	while (strings[count])
		count++;
	if (count > HP_ARGS_MAX)
		return -EINVAL;
	copy = hp_arena_calloc(arena, count + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < count && r >= 0; i++)
		r = hook_copy_string(arena, strings[i], &copy[i]);
	if (r >= 0)
		*ret = copy;
	return r;
}

static int hook_copy(struct hp_arena *arena, const struct hookd_hook *from, struct hp_hook *ret)
{
	struct hp_hook hook = {.timeout_ns = from->timeout_ns};
	int r;

	if (!from->path || from->path[0] != '/' || strlen(from->path) > HP_PATH_BYTES_MAX ||
	    from->timeout_ns > HP_TIMEOUT_SECONDS_MAX * 1000000000)
		return -EINVAL;
	r = hook_copy_string(arena, from->path, &hook.path);
	if (r >= 0)
		r = hook_copy_strings(arena, from->args, &hook.args);
	if (r >= 0)
		r = hook_copy_strings(arena, from->env, &hook.env);
	if (r >= 0 && from->dir)
		r = hook_copy_string(arena, from->dir, &hook.dir);
	if (r >= 0)
		*ret = hook;
	return r;
}

int hookd_hooks_add_command(struct hookd_hooks *hooks, const char *stage,
			    const struct hookd_hook *hook)
{
	enum hp_stage index = hook_stage(stage);
	struct hookd_hook known = {0};
	struct hp_hook copy;
	int r;

	if (index == HP_STAGE_COUNT || hook->size < sizeof(hook->size))
		return -EINVAL;
	memcpy(&known, hook, hook->size < sizeof(known) ? hook->size : sizeof(known));
	r = hook_list_reserve(&hooks->stages[index], 1);
	if (r >= 0)
		r = hook_copy(&hooks->arena, &known, &copy);
	if (r < 0)
		return r;
	hook_list_add(&hooks->stages[index], &copy, &(struct hook_function){0});
	return 0;
}

int hookd_hooks_add_function(struct hookd_hooks *hooks, const char *stage, const char *name,
			     hookd_function function, void *userdata)
{
	enum hp_stage index = hook_stage(stage);
	struct hp_hook hook = {0};
	int r;

	if (index == HP_STAGE_COUNT || !function)
		return -EINVAL;
	r = hook_list_reserve(&hooks->stages[index], 1);
	if (r >= 0)
		r = hook_copy_string(&hooks->arena, name, &hook.path);
	if (r < 0)
		return r;
	hook_list_add(&hooks->stages[index], &hook,
		      &(struct hook_function){.call = function, .userdata = userdata});
	return 0;
}

/* ---- writing ---- */

static int hooks_write(struct hp_buf *buf, const struct hp_hooks *hooks, enum hp_dialect dialect,
		       struct hp_err *err)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	int r = hp_hooks_write(&writer, hooks, dialect, err);

	if (r < 0)
		return r;
	hp_buf_append(buf, "", 1);
	return buf->failed ? hp_err_no_memory(err) : 0;
}

int hook_list_write(struct hp_buf *buf, enum hp_stage stage, struct hp_hook *hooks, size_t count,
		    enum hp_dialect dialect, struct hp_err *err)
{
	struct hp_hooks one = {0};

	assert(stage < HP_STAGE_COUNT);
	one.stages[stage] = (struct hp_hook_list){.hooks = hooks, .count = count};
	return hooks_write(buf, &one, dialect, err);
}

/* Copies the commands alone into arrays of the arena; *ret_left_out is the number of functions. */
static int hooks_commands(const struct hookd_hooks *hooks, struct hp_arena *arena,
			  struct hp_hooks *ret, size_t *ret_left_out)
{
	struct hp_hooks commands = {0};
	size_t left_out = 0;

	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		const struct hook_list *from = &hooks->stages[stage];
		struct hp_hook_list *to = &commands.stages[stage];

		to->hooks = hp_arena_calloc(arena, from->count, sizeof(*to->hooks));
		if (!to->hooks)
			return -ENOMEM;
		for (size_t i = 0; i < from->count; i++) {
			if (from->functions[i].call)
				left_out++;
			else
				to->hooks[to->count++] = from->hooks[i];
		}
	}
	*ret = commands;
	*ret_left_out = left_out;
	return 0;
}

int hookd_hooks_to_json(const struct hookd_hooks *hooks, const char *dialect, char **ret,
			size_t *ret_left_out)
{
	int dialect_index = hook_dialect(dialect);
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_hooks commands;
	struct hp_err err;
	size_t left_out;
	int r;

	if (dialect_index < 0)
		return -EINVAL;
	r = hooks_commands(hooks, &arena, &commands, &left_out);
	if (r >= 0)
		r = hooks_write(&buf, &commands, (enum hp_dialect)dialect_index, &err);
	hp_arena_free(&arena);
	if (r < 0) {
		hp_buf_free(&buf);
		return r;
	}
	/* A buffer's memory is malloc(3)'s: the caller frees it as such. */
	*ret = buf.data;
	if (ret_left_out)
		*ret_left_out = left_out;
	return 0;
}
