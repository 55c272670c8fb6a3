/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rewrites a config.json so that hookd runs its hooks, for a runtime that does not know hookd: the
 * hooks of a stage become one shim hook, which runs hookd-oci-hook with the list in its arguments.
 * A list that does not fit into one request becomes several shim hooks in a row.
 *
 * Some lists are left as they are. Programs of startContainer are looked up in the container, where
 * there is no shim. createContainer hooks run in the container's user namespace, if it has one, and
 * from there hookd accepts requests of its own user only.
 *
 * The config is edited as text, so that numbers of any size stay as they are and a diff shows the
 * changed hooks only. Pure: from text to text.
 */

#include "client/delegate/delegate.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/delegate/key_case.h"
#include "client/delegate/shim_hook.h"
#include "client/delegate/user_namespace.h"
#include "client/hookctl/table/json_print.h"
#include "proto/base/limits.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define SPOOL		"spool" /* a value of it */

/* MAX_ARG_STRLEN of execve(2), with its NUL: 32 pages of the smallest size. */
#define ARGUMENT_BYTES_MAX (32 * 4096)
/* Of the list in one shim hook. With the runtime's environment it stays below execve(2)'s 2 MiB. */
#define PART_BYTES_MAX (1024 * 1024)
/* The other half of a message's bound is for the state and for inherited environments. */
#define PART_TOKENS_MAX (HP_JSON_TOKENS_MAX / 2)

/* One config while it is rewritten. */
struct rewrite {
	const struct delegate *delegate;
	struct hp_arena arena; /* decoded strings */
	struct hp_buf *out;
	const char *text;
	size_t copied;		 /* bytes of `text` that are in `out` already */
	bool has_user_namespace; /* from which hookd takes no requests */
};

/* One list of hooks while it is rewritten. */
struct list {
	struct rewrite *rewrite;
	enum hp_stage stage;
	struct hp_json_writer writer; /* into rewrite->out */
	size_t count;		      /* hooks so far */
	struct shim_options options;  /* of the hooks that are being added */

	/* The part that is being collected; all of its hooks have `options`. */
	struct hp_buf part;
	size_t part_count, part_tokens;
	struct duration part_duration;

	const char *why_left; /* why the list has to stay as it is; NULL: it has not */
};

/* ---- options ---- */

/*
 * Nobody repeats a poststop hook, so it waits for the next hookd. At the other stages the runtime
 * waits for the hooks.
 */
static const char *new_if_down(const char *given, const char *own, enum hp_stage stage)
{
	bool is_poststop = stage == HP_STAGE_POSTSTOP;

	if (given != NULL && (is_poststop || strcmp(given, SPOOL) != 0))
		return given;
	return own == NULL && is_poststop ? SPOOL : own;
}

/* The new options of hooks that have `own`: those of the command line replace their own. */
static struct shim_options new_options(const struct rewrite *rewrite,
				       const struct shim_options *own, enum hp_stage stage)
{
	const struct delegate *delegate = rewrite->delegate;

	return (struct shim_options){
	    .address = delegate->address != NULL ? delegate->address : own->address,
	    .if_down = new_if_down(delegate->if_down, own->if_down, stage),
	    .timeout_s = delegate->timeout_s > 0 ? delegate->timeout_s : own->timeout_s,
	};
}

static int read_hook(struct list *list, struct hp_json_value hook, struct shim_hook *ret)
{
	struct rewrite *rewrite = list->rewrite;

	return shim_hook_read(hook, list->stage, rewrite->delegate->shim, &rewrite->arena, ret);
}

/* True if the hook is one of ours with the options and the shim that it is to have. */
static bool is_up_to_date(const struct list *list, struct hp_json_value hook,
			  const struct shim_hook *read)
{
	const struct rewrite *rewrite = list->rewrite;
	struct shim_options options = new_options(rewrite, &read->options, list->stage);

	return shim_options_are_same(&options, &read->options) &&
	       hp_json_equals(hp_json_member(hook, "path"), rewrite->delegate->shim);
}

/* 1 if all run a shim and need no change, else 0; or -ENOMEM. */
static int is_delegated(struct list *list, struct hp_json_value hooks, struct hp_err *err)
{
	struct hp_json_value key, hook;
	int is_right = list->rewrite->delegate->timeout_s == 0;

	HP_JSON_FOREACH (key, hook, hooks) {
		struct shim_hook read;
		int kind = is_right ? read_hook(list, hook, &read) : SHIM_HOOK_NONE;

		if (kind < 0)
			return hp_err_no_memory(err);
		is_right = kind == SHIM_HOOK_FOREIGN ||
			   (kind == SHIM_HOOK_OURS && is_up_to_date(list, hook, &read));
		if (kind == SHIM_HOOK_OURS)
			shim_hook_free(&read);
	}
	return is_right;
}

/* ---- one part ---- */

/* "--name=value" as one word of args. */
static int put_option(struct list *list, const char *option, const char *value, size_t length)
{
	size_t option_length = strlen(option);
	char *word;

	word = hp_arena_alloc(&list->rewrite->arena, option_length + length);
	if (word == NULL)
		return -ENOMEM;
	memcpy(word, option, option_length);
	memcpy(word + option_length, value, length);
	hp_json_put_bytes(&list->writer, word, option_length + length);
	return 0;
}

/* Splits the text into as many arguments as it needs, never inside a character. */
static int put_hooks(struct list *list)
{
	const size_t room = ARGUMENT_BYTES_MAX - 1 - strlen(SHIM_HOOKS_OPTION);
	const char *text = list->part.data;
	size_t left = list->part.length;
	int r = 0;

	while (left > 0 && r == 0) {
		size_t length = left < room ? left : room;

		while (length < left && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		assert(length > 0);
		r = put_option(list, SHIM_HOOKS_OPTION, text, length);
		text += length;
		left -= length;
	}
	return r;
}

/*
 * Writes the shim hook of the part. It has no env, so that the shim inherits the runtime's
 * environment, as hooks without env would.
 */
static int put_hook(struct list *list)
{
	const char *shim = list->rewrite->delegate->shim, *stage = hp_stage_names[list->stage];
	const struct shim_options *options = &list->options;
	struct hp_json_writer *writer = &list->writer;
	uint64_t timeout_s =
	    options->timeout_s > 0 ? options->timeout_s : duration_timeout_s(&list->part_duration);
	int r;

	assert(shim[0] == '/');
	hp_json_begin(writer, '{');
	hp_json_key(writer, "path");
	hp_json_put_string(writer, shim);
	hp_json_key(writer, "args");
	hp_json_begin(writer, '[');
	hp_json_put_string(writer, strrchr(shim, '/') + 1);
	r = put_option(list, SHIM_STAGE_OPTION, stage, strlen(stage));
	if (r == 0)
		r = put_hooks(list);
	if (r == 0 && options->address != NULL)
		r = put_option(list, SHIM_ADDRESS_OPTION, options->address,
			       strlen(options->address));
	if (r == 0 && options->if_down != NULL)
		r = put_option(list, SHIM_DOWN_OPTION, options->if_down, strlen(options->if_down));
	hp_json_end(writer, ']');
	if (timeout_s > 0) {
		hp_json_key(writer, "timeout");
		hp_json_put_uint(writer, timeout_s);
	}
	hp_json_end(writer, '}');
	return r;
}

/* {"createRuntime":[...]} on one line. */
static int end_part(struct list *list, struct hp_err *err)
{
	assert(list->part_count <= HP_HOOKS_MAX);
	if (list->part_count == 0)
		return 0;
	hp_buf_append(&list->part, "]}", 2);
	if (list->part.failed || put_hook(list) < 0)
		return hp_err_no_memory(err);
	hp_buf_clear(&list->part);
	list->part_count = list->part_tokens = 0;
	list->part_duration = (struct duration){0};
	return 0;
}

static void begin_part(struct list *list)
{
	const char *stage = hp_stage_names[list->stage];

	hp_buf_append(&list->part, "{\"", 2);
	hp_buf_append(&list->part, stage, strlen(stage));
	hp_buf_append(&list->part, "\":[", 3);
}

/* Valid, but more than hookd accepts in one hook. */
static bool has_too_many_strings(struct hp_json_value hook)
{
	return hp_json_count(hp_json_member(hook, "args")) > HP_ARGS_MAX ||
	       hp_json_count(hp_json_member(hook, "env")) > HP_ARGS_MAX;
}

/* Checks the hook as hookd will, so that the rewritten config can be run. */
static int add_hook(struct list *list, struct hp_json_value value, struct hp_err *err)
{
	static const char *const keys[] = {"path", "args", "env", "timeout"};
	size_t tokens = value.json->tokens[value.index].next - value.index;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_hook hook = {0};
	int r;

	if (has_too_many_strings(value)) {
		list->why_left = "one of its hooks has more than 4096 arguments or variables";
		list->count++;
		return 0;
	}
	r = key_case_check(value, keys, ELEMENTS(keys), err);
	if (r == 0)
		r = hp_hook_read(value, HP_DIALECT_OCI, &list->rewrite->arena, &hook, err);
	if (r < 0)
		return hp_err_prefix_index(err, r, list->count);
	json_print(&text, value, JSON_PRINT_COMPACT, 0);
	if (text.length > PART_BYTES_MAX)
		list->why_left = "one of its hooks is too long for the arguments of a program";
	if (list->part_count == HP_HOOKS_MAX || list->part_tokens + tokens > PART_TOKENS_MAX ||
	    list->part.length + text.length > PART_BYTES_MAX)
		r = end_part(list, err);
	if (list->part_count == 0)
		begin_part(list);
	else
		hp_buf_append(&list->part, ",", 1);
	hp_buf_append(&list->part, text.data, text.length);
	if (r == 0 && text.failed)
		r = hp_err_no_memory(err);
	hp_buf_free(&text);
	duration_add(&list->part_duration, hook.timeout_ns);
	list->part_tokens += tokens;
	list->part_count++;
	list->count++;
	return r;
}

/* ---- a list ---- */

/*
 * Sets the options of the hooks that are added next. A new part begins if they differ from those
 * before, or if the hooks have a timeout of their own.
 */
static int set_options(struct list *list, const struct shim_options *own, struct hp_err *err)
{
	struct shim_options options = new_options(list->rewrite, own, list->stage);
	bool is_for_all = own->timeout_s == 0 || list->rewrite->delegate->timeout_s > 0;
	int r =
	    is_for_all && shim_options_are_same(&options, &list->options) ? 0 : end_part(list, err);

	list->options = options;
	return r;
}

/* Adds the hooks that a shim hook carries: the list has got other hooks since it was rewritten. */
static int add_carried(struct list *list, const struct shim_hook *ours, struct hp_err *err)
{
	struct hp_json_value key, hook;
	int r = set_options(list, &ours->options, err);

	HP_JSON_FOREACH (key, hook, ours->hooks)
		r = r < 0 ? r : add_hook(list, hook, err);
	return r;
}

static int add_own(struct list *list, struct hp_json_value hook, struct hp_err *err)
{
	int r = set_options(list, &(struct shim_options){0}, err);

	return r < 0 ? r : add_hook(list, hook, err);
}

static int keep_hook(struct list *list, struct hp_json_value hook, struct hp_err *err)
{
	size_t length;
	const char *text = hp_json_text(hook, &length);
	int r = end_part(list, err);

	hp_json_put_raw(&list->writer, text, length);
	list->count++;
	return r;
}

/*
 * A hook that runs a shim in a form that is not understood stays as it is. As a hook of hookd it
 * would wait for its own run to end, since runs of a container do not overlap.
 */
static int add_any(struct list *list, struct hp_json_value hook, struct hp_err *err)
{
	struct shim_hook ours;
	int r = read_hook(list, hook, &ours);

	switch (r) {
	case SHIM_HOOK_NONE:
		return add_own(list, hook, err);
	case SHIM_HOOK_FOREIGN:
		return keep_hook(list, hook, err);
	case SHIM_HOOK_OURS:
		r = add_carried(list, &ours, err);
		shim_hook_free(&ours);
		return r;
	default:
		return hp_err_no_memory(err);
	}
}

static int add_all(struct list *list, struct hp_json_value hooks, struct hp_err *err)
{
	struct hp_json_value key, hook;
	int r = 0;

	hp_json_begin(&list->writer, '[');
	HP_JSON_FOREACH (key, hook, hooks)
		r = r < 0 ? r : add_any(list, hook, err);
	if (r == 0)
		r = end_part(list, err);
	hp_json_end(&list->writer, ']');
	return hp_err_prefix(err, r, hp_stage_names[list->stage]);
}

/* Copies the text before the value, and skips the value. */
static void copy_up_to(struct rewrite *rewrite, struct hp_json_value value)
{
	size_t length;
	size_t start = (size_t)(hp_json_text(value, &length) - rewrite->text);

	assert(start >= rewrite->copied);
	hp_buf_append(rewrite->out, rewrite->text + rewrite->copied, start - rewrite->copied);
	rewrite->copied = start + length;
}

static void leave(struct rewrite *rewrite, enum hp_stage stage, const char *why)
{
	if (rewrite->delegate->left)
		rewrite->delegate->left(stage, why, rewrite->delegate->userdata);
}

static void note_shim(struct rewrite *rewrite)
{
	if (rewrite->delegate->names_shim)
		*rewrite->delegate->names_shim = true;
}

static int rewrite_list(struct list *list, struct hp_json_value value, struct hp_err *err)
{
	struct rewrite *rewrite = list->rewrite;
	size_t copied = rewrite->copied, length = rewrite->out->length;
	int r;

	copy_up_to(rewrite, value);
	r = add_all(list, value, err);
	hp_buf_free(&list->part);
	if (r == 0 && list->why_left != NULL) {
		rewrite->copied = copied;
		rewrite->out->length = length;
		leave(rewrite, list->stage, list->why_left);
	} else {
		note_shim(rewrite);
	}
	return hp_err_prefix(err, r, "hooks");
}

/* False, after a report, if the list stays as it is. */
static bool can_be_delegated(struct rewrite *rewrite, enum hp_stage stage)
{
	if (stage == HP_STAGE_START_CONTAINER)
		leave(rewrite, stage,
		      "its programs are the container's, where hookd-oci-hook is not");
	else if (stage == HP_STAGE_CREATE_CONTAINER && rewrite->has_user_namespace)
		leave(rewrite, stage,
		      "the runtime runs it in the container's user namespace, from where hookd "
		      "takes no requests");
	else
		return true;
	return false;
}

/* Unknown stages are left alone; runtimes ignore them. */
static int rewrite_member(struct rewrite *rewrite, struct hp_json_value key,
			  struct hp_json_value value, struct hp_err *err)
{
	struct list list = {
	    .rewrite = rewrite,
	    .writer = HP_JSON_WRITER_INIT(rewrite->out),
	    .part = HP_BUF_INIT,
	};
	int stage = 0, r;

	while (stage < HP_STAGE_COUNT && !hp_json_equals(key, hp_stage_names[stage]))
		stage++;
	if (stage == HP_STAGE_COUNT || hp_json_is_absent(value))
		return 0;
	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_prefix(
		    err, hp_err_invalid(err, hp_stage_names[stage], "must be an array"), "hooks");
	list.stage = (enum hp_stage)stage;
	if (hp_json_count(value) == 0 || !can_be_delegated(rewrite, list.stage))
		return 0;
	r = is_delegated(&list, value, err);
	if (r == 1)
		note_shim(rewrite);
	return r == 0 ? rewrite_list(&list, value, err) : r < 0 ? r : 0;
}

/* ---- the config ---- */

/* Of all that is looked at, outside of the hooks themselves. */
static int check_keys(struct hp_json_value root, struct hp_err *err)
{
	static const char *const root_keys[] = {"hooks", "linux"};
	static const char *const linux_keys[] = {"namespaces", "uidMappings"};
	int r = key_case_check(root, root_keys, ELEMENTS(root_keys), err);

	if (r == 0)
		r = hp_err_prefix(err,
				  key_case_check(hp_json_member(root, "linux"), linux_keys,
						 ELEMENTS(linux_keys), err),
				  "linux");
	if (r == 0)
		r = hp_err_prefix(err,
				  key_case_check(hp_json_member(root, "hooks"), hp_stage_names,
						 HP_STAGE_COUNT, err),
				  "hooks");
	return r;
}

static int rewrite_hooks(struct rewrite *rewrite, struct hp_json_value root, struct hp_err *err)
{
	struct hp_json_value hooks = hp_json_member(root, "hooks"), key, list;
	int r;

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	if (!hp_json_is_absent(hooks) && hp_json_type(hooks) != HP_JSON_OBJECT)
		return hp_err_invalid(err, "hooks", "must be an object");
	r = check_keys(root, err);
	if (r < 0)
		return r;
	rewrite->has_user_namespace = has_other_user_namespace(root, rewrite->delegate->own_uid);
	HP_JSON_FOREACH (key, list, hooks) {
		r = rewrite_member(rewrite, key, list, err);
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
