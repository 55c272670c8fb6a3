/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Puts hookd between a runtime that does not know it and the hooks of a bundle: the hooks of a
 * stage become one hook, hookd-oci-hook, whose argument is the list that stood there.
 * startContainer stays: its programs are looked up in the container, where there is no shim.
 *
 * A config.json is edited as text. It holds numbers that a tree of int64 and double would spoil,
 * and an operator who compares the two files shall see the hooks change and nothing else. Pure:
 * from text to text.
 */

#include "client/hookctl/delegate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/json_print.h"
#include "proto/hooks.h"
#include "proto/limits.h"

#define HOOKS_OPTION "--hooks-json="

/* MAX_ARG_STRLEN of execve(2), with its NUL: 32 pages of the smallest size. */
#define ARGUMENT_BYTES_MAX (32 * 4096)

#define NS_PER_S 1000000000ull

/* One config while it is rewritten. */
struct rewrite {
	const struct delegate *delegate;
	struct hp_arena arena; /* decoded strings */
	struct hp_buf *out;
	const char *text;
	size_t copied; /* of text: what is before stands in `out` */
};

/* The list that a hook of ours carries for the stage, as JSON; NULL for any other hook. */
static const char *carried_list(struct rewrite *rewrite, struct hp_json_value hook,
				const char *stage)
{
	struct hp_json_value key, value, words[3] = {0};
	char stage_option[64];
	size_t count = 0;
	struct hp_err err;
	char *list;

	HP_JSON_FOREACH (key, value, hp_json_member(hook, "args"))
		if (count < 3)
			words[count++] = value;
	snprintf(stage_option, sizeof(stage_option), "--stage=%s", stage);
	if (!hp_json_equals(words[1], stage_option) ||
	    hp_json_get_string(words[2], &rewrite->arena, &list, &err) < 0 ||
	    strncmp(list, HOOKS_OPTION, strlen(HOOKS_OPTION)) != 0)
		return NULL;
	return list + strlen(HOOKS_OPTION);
}

static void append_hook(struct hp_buf *buf, struct hp_json_value hook)
{
	if (buf->length > 0 && buf->data[buf->length - 1] != '[')
		hp_buf_append(buf, ",", 1);
	json_print(buf, hook, JSON_PRINT_COMPACT, 0);
}

/* Takes the hooks out of a hook of ours again: somebody has put others beside it since. */
static int append_carried(struct hp_buf *buf, const char *carried, const char *stage,
			  struct hp_err *err)
{
	struct hp_json json = {0};
	struct hp_json_value key, hook;
	int r = hp_json_parse(&json, carried, strlen(carried), err);

	if (r == 0)
		HP_JSON_FOREACH (key, hook, hp_json_member(hp_json_root(&json), stage))
			append_hook(buf, hook);
	hp_json_free(&json);
	return r;
}

/* {"createRuntime":[...]} on one line, with nothing of ours among the hooks. */
static int collect(struct rewrite *rewrite, struct hp_json_value list, const char *stage,
		   struct hp_buf *ret, struct hp_err *err)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(ret);
	struct hp_json_value key, hook;

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, stage);
	hp_json_begin(&writer, '[');
	HP_JSON_FOREACH (key, hook, list) {
		const char *carried = carried_list(rewrite, hook, stage);
		int r = 0;

		if (carried == NULL)
			append_hook(ret, hook);
		else
			r = append_carried(ret, carried, stage, err);
		if (r < 0)
			return r;
	}
	hp_json_end(&writer, ']');
	hp_json_end(&writer, '}');
	return ret->failed ? hp_err_no_memory(err) : 0;
}

/* Checks the list as hookd will, so that a config that was rewritten is one that runs. */
static int check(struct rewrite *rewrite, const struct hp_buf *lists, struct hp_hooks *ret,
		 struct hp_err *err)
{
	struct hp_json json = {0};
	int r = hp_json_parse(&json, lists->data, lists->length, err);

	if (r == 0)
		r = hp_hooks_read(hp_json_root(&json), HP_DIALECT_OCI, &rewrite->arena, ret, err);
	hp_json_free(&json);
	return hp_err_prefix(err, r, "hooks");
}

/*
 * 0 for none: with one hook that may take for ever the runtime must not kill the shim; and neither
 * where the sum is more than a timeout can be, which a runtime might take for a negative one.
 */
static uint64_t outer_timeout_s(const struct delegate *delegate, const struct hp_hook_list *list)
{
	uint64_t sum_ns = 0, sum_s;

	if (delegate->timeout_s > 0)
		return delegate->timeout_s;
	for (size_t i = 0; i < list->count; i++) {
		if (list->hooks[i].timeout_ns == 0 ||
		    __builtin_add_overflow(sum_ns, list->hooks[i].timeout_ns, &sum_ns))
			return 0;
	}
	sum_s = sum_ns / NS_PER_S + DELEGATE_SPARE_S;
	return sum_s > HP_TIMEOUT_SECONDS_MAX ? 0 : sum_s;
}

/* "--name=value" as one word of args. */
static int put_option(struct rewrite *rewrite, struct hp_json_writer *writer, const char *option,
		      const char *value, size_t length)
{
	size_t option_length = strlen(option);
	char *word;

	word = hp_arena_alloc(&rewrite->arena, option_length + length);
	if (word == NULL)
		return -ENOMEM;
	memcpy(word, option, option_length);
	memcpy(word + option_length, value, length);
	hp_json_put_bytes(writer, word, option_length + length);
	return 0;
}

/*
 * The hook that takes the place of the list. It has no env, so that the shim gets the runtime's
 * own, which is what hooks without an env of theirs would have had.
 */
static int put_hook(struct rewrite *rewrite, const char *stage, const struct hp_buf *lists,
		    uint64_t timeout_s)
{
	const struct delegate *delegate = rewrite->delegate;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(rewrite->out);
	const char *address = delegate->address, *if_down = delegate->if_down;
	int r;

	hp_json_begin(&writer, '[');
	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "path");
	hp_json_put_string(&writer, delegate->shim);
	hp_json_key(&writer, "args");
	hp_json_begin(&writer, '[');
	hp_json_put_string(&writer, strrchr(delegate->shim, '/') + 1);
	r = put_option(rewrite, &writer, "--stage=", stage, strlen(stage));
	if (r == 0)
		r = put_option(rewrite, &writer, HOOKS_OPTION, lists->data, lists->length);
	if (r == 0 && address != NULL)
		r = put_option(rewrite, &writer, "--address=", address, strlen(address));
	if (r == 0 && if_down != NULL)
		r = put_option(rewrite, &writer, "--if-down=", if_down, strlen(if_down));
	hp_json_end(&writer, ']');
	if (timeout_s > 0) {
		hp_json_key(&writer, "timeout");
		hp_json_put_uint(&writer, timeout_s);
	}
	hp_json_end(&writer, '}');
	hp_json_end(&writer, ']');
	return r;
}

/* Appends the text up to the value, and goes on behind it. */
static void copy_up_to(struct rewrite *rewrite, struct hp_json_value value)
{
	size_t length;
	size_t start = (size_t)(hp_json_text(value, &length) - rewrite->text);

	hp_buf_append(rewrite->out, rewrite->text + rewrite->copied, start - rewrite->copied);
	rewrite->copied = start + length;
}

static bool is_delegated(struct rewrite *rewrite, struct hp_json_value list, const char *stage)
{
	struct hp_json_value key, hook;

	HP_JSON_FOREACH (key, hook, list)
		return hp_json_count(list) == 1 && carried_list(rewrite, hook, stage) != NULL;
	return false;
}

static int rewrite_list(struct rewrite *rewrite, struct hp_json_value list, enum hp_stage stage,
			struct hp_err *err)
{
	const char *name = hp_stage_names[stage];
	struct hp_buf lists = HP_BUF_INIT;
	struct hp_hooks hooks;
	int r = collect(rewrite, list, name, &lists, err);

	if (r == 0)
		r = check(rewrite, &lists, &hooks, err);
	if (r == 0 && strlen(HOOKS_OPTION) + lists.length >= ARGUMENT_BYTES_MAX) {
		hp_err_invalid(err, name, "is too long for one argument of a program");
		r = hp_err_prefix(err, -E2BIG, "hooks");
	}
	if (r == 0) {
		copy_up_to(rewrite, list);
		r = put_hook(rewrite, name, &lists,
			     outer_timeout_s(rewrite->delegate, &hooks.stages[stage]));
		if (r < 0)
			hp_err_no_memory(err);
	}
	hp_buf_free(&lists);
	return r;
}

/* Stages of names unknown here are left alone, as runtimes do with them. */
static int rewrite_member(struct rewrite *rewrite, struct hp_json_value key,
			  struct hp_json_value list, struct hp_err *err)
{
	int stage = 0;

	while (stage < HP_STAGE_COUNT && !hp_json_equals(key, hp_stage_names[stage]))
		stage++;
	if (stage == HP_STAGE_COUNT || stage == HP_STAGE_START_CONTAINER || hp_json_is_absent(list))
		return 0;
	if (hp_json_type(list) != HP_JSON_ARRAY)
		return hp_err_prefix(
		    err, hp_err_invalid(err, hp_stage_names[stage], "must be an array"), "hooks");
	if (hp_json_count(list) == 0 || is_delegated(rewrite, list, hp_stage_names[stage]))
		return 0;
	return rewrite_list(rewrite, list, (enum hp_stage)stage, err);
}

static int rewrite_hooks(struct rewrite *rewrite, struct hp_json_value root, struct hp_err *err)
{
	struct hp_json_value hooks = hp_json_member(root, "hooks"), key, list;

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	if (!hp_json_is_absent(hooks) && hp_json_type(hooks) != HP_JSON_OBJECT)
		return hp_err_invalid(err, "hooks", "must be an object");
	HP_JSON_FOREACH (key, list, hooks) {
		int r = rewrite_member(rewrite, key, list, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int delegate_config(const char *text, size_t length, const struct delegate *delegate,
		    struct hp_buf *ret, struct hp_err *err)
{
	struct rewrite rewrite = {.delegate = delegate, .out = ret, .text = text};
	struct hp_json json = {0};
	int r = hp_json_parse(&json, text, length, err);

	if (r == 0)
		r = rewrite_hooks(&rewrite, hp_json_root(&json), err);
	if (r == 0)
		hp_buf_append(ret, text + rewrite.copied, length - rewrite.copied);
	if (r == 0 && ret->failed)
		r = hp_err_no_memory(err);
	hp_json_free(&json);
	hp_arena_free(&rewrite.arena);
	return r;
}
