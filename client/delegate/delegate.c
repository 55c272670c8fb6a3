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

#include "client/delegate/user_namespace.h"
#include "client/hookctl/table/json_print.h"
#include "proto/base/limits.h"

#define STAGE_OPTION   "--stage="
#define HOOKS_OPTION   "--hooks-json="
#define ADDRESS_OPTION "--address="
#define DOWN_OPTION    "--if-down="
#define SPOOL	       "spool" /* a value of it */

/* MAX_ARG_STRLEN of execve(2), with its NUL: 32 pages of the smallest size. */
#define ARGUMENT_BYTES_MAX (32 * 4096)
/* Of the list in one shim hook. With the runtime's environment it stays below execve(2)'s 2 MiB. */
#define PART_BYTES_MAX (1024 * 1024)
/* The other half of a message's bound is for the state and for inherited environments. */
#define PART_TOKENS_MAX (HP_JSON_TOKENS_MAX / 2)

#define NS_PER_S 1000000000ull

/* One config while it is rewritten. */
struct rewrite {
	const struct delegate *delegate;
	struct hp_arena arena; /* decoded strings */
	struct hp_buf *out;
	const char *text;
	size_t copied;		 /* bytes of `text` that are in `out` already */
	bool has_user_namespace; /* from which hookd takes no requests */
};

/* The options of a shim hook, without its list. NULL and 0: the default. */
struct shim_options {
	const char *address, *if_down;
	uint64_t timeout_s;
};

/* How long a sequence of hooks may take. */
struct duration {
	uint64_t sum_ns;
	bool is_endless; /* one of them has no timeout */
};

/* What a shim hook contains. */
struct carried {
	struct hp_buf hooks; /* the list, as JSON */
	struct shim_options options;
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

/* ---- shim hooks ---- */

static bool has_option(const char *word, const char *option)
{
	return strncmp(word, option, strlen(option)) == 0;
}

/* True for a shim hook of the stage; then the caller frees ret->hooks. */
static bool carried_read(struct rewrite *rewrite, struct hp_json_value hook, enum hp_stage stage,
			 struct carried *ret)
{
	struct carried carried = {.hooks = HP_BUF_INIT};
	struct hp_err err;
	char **words;

	if (hp_json_get_strings(hp_json_member(hook, "args"), &rewrite->arena, HP_ARGS_MAX, &words,
				&err) < 0 ||
	    !words[0] || !words[1] || !words[2] || !has_option(words[1], STAGE_OPTION) ||
	    strcmp(words[1] + strlen(STAGE_OPTION), hp_stage_names[stage]) != 0 ||
	    !has_option(words[2], HOOKS_OPTION))
		return false;
	for (char **word = words + 2; *word; word++) {
		if (has_option(*word, HOOKS_OPTION))
			hp_buf_append(&carried.hooks, *word + strlen(HOOKS_OPTION),
				      strlen(*word + strlen(HOOKS_OPTION)));
		if (has_option(*word, ADDRESS_OPTION))
			carried.options.address = *word + strlen(ADDRESS_OPTION);
		if (has_option(*word, DOWN_OPTION))
			carried.options.if_down = *word + strlen(DOWN_OPTION);
	}
	*ret = carried;
	return true;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool are_same(const struct shim_options *a, const struct shim_options *b)
{
	return is_same(a->address, b->address) && is_same(a->if_down, b->if_down) &&
	       a->timeout_s == b->timeout_s;
}

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

/*
 * True for a hook that runs a shim in another form, as a file of hooks.d can. It stays as it is: as
 * a hook of hookd it would wait for its own run to end, since runs of a container do not overlap.
 */
static bool is_foreign_shim(struct hp_json_value hook)
{
	static const char end[] = "/hookd-oci-hook\"";
	size_t length;
	const char *text = hp_json_text(hp_json_member(hook, "path"), &length);

	return text != NULL && length >= strlen(end) &&
	       memcmp(text + length - strlen(end), end, strlen(end)) == 0;
}

/* True if all are shim hooks that need no change. */
static bool is_delegated(struct rewrite *rewrite, struct hp_json_value list, enum hp_stage stage)
{
	struct hp_json_value key, hook;
	struct shim_options options;
	struct carried carried;

	if (rewrite->delegate->timeout_s > 0)
		return false;
	HP_JSON_FOREACH (key, hook, list) {
		if (!carried_read(rewrite, hook, stage, &carried)) {
			if (is_foreign_shim(hook))
				continue;
			return false;
		}
		hp_buf_free(&carried.hooks);
		options = new_options(rewrite, &carried.options, stage);
		if (!are_same(&options, &carried.options) ||
		    !hp_json_equals(hp_json_member(hook, "path"), rewrite->delegate->shim))
			return false;
	}
	return true;
}

/* ---- one part ---- */

/*
 * 0 for none: if one hook has no timeout the runtime must not kill the shim, nor if the sum exceeds
 * the bound of timeouts, where it could overflow in a runtime.
 */
static uint64_t usual_timeout_s(const struct duration *duration)
{
	uint64_t sum_s = duration->sum_ns / NS_PER_S + DELEGATE_SPARE_S;

	return duration->is_endless || sum_s > HP_TIMEOUT_SECONDS_MAX ? 0 : sum_s;
}

static void add_timeout(struct duration *duration, uint64_t timeout_ns)
{
	if (timeout_ns == 0 ||
	    __builtin_add_overflow(duration->sum_ns, timeout_ns, &duration->sum_ns))
		duration->is_endless = true;
}

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
	const size_t room = ARGUMENT_BYTES_MAX - 1 - strlen(HOOKS_OPTION);
	const char *text = list->part.data;
	size_t left = list->part.length;
	int r = 0;

	while (left > 0 && r == 0) {
		size_t length = left < room ? left : room;

		while (length < left && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		assert(length > 0);
		r = put_option(list, HOOKS_OPTION, text, length);
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
	    options->timeout_s > 0 ? options->timeout_s : usual_timeout_s(&list->part_duration);
	int r;

	assert(shim[0] == '/');
	hp_json_begin(writer, '{');
	hp_json_key(writer, "path");
	hp_json_put_string(writer, shim);
	hp_json_key(writer, "args");
	hp_json_begin(writer, '[');
	hp_json_put_string(writer, strrchr(shim, '/') + 1);
	r = put_option(list, STAGE_OPTION, stage, strlen(stage));
	if (r == 0)
		r = put_hooks(list);
	if (r == 0 && options->address != NULL)
		r = put_option(list, ADDRESS_OPTION, options->address, strlen(options->address));
	if (r == 0 && options->if_down != NULL)
		r = put_option(list, DOWN_OPTION, options->if_down, strlen(options->if_down));
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
	size_t tokens = value.json->tokens[value.index].next - value.index;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_hook hook = {0};
	int r;

	if (has_too_many_strings(value)) {
		list->why_left = "one of its hooks has more than 4096 arguments or variables";
		list->count++;
		return 0;
	}
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
	add_timeout(&list->part_duration, hook.timeout_ns);
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
	int r = is_for_all && are_same(&options, &list->options) ? 0 : end_part(list, err);

	list->options = options;
	return r;
}

/*
 * The timeout of a shim hook if it was set by --timeout or by hand; 0 if it is the sum of its
 * hooks. Errors in the hooks are found when they are added.
 */
static uint64_t given_timeout_s(struct list *list, struct hp_json_value hook,
				struct hp_json_value carried_hooks)
{
	struct hp_arena *arena = &list->rewrite->arena;
	struct duration duration = {0};
	struct hp_json_value key, carried;
	uint64_t timeout_s;
	struct hp_err err;

	if (hp_json_get_uint64(hp_json_member(hook, "timeout"), 1, HP_TIMEOUT_SECONDS_MAX,
			       &timeout_s, &err) < 0)
		return 0;
	HP_JSON_FOREACH (key, carried, carried_hooks) {
		struct hp_hook read = {0};

		if (hp_hook_read(carried, HP_DIALECT_OCI, arena, &read, &err) == 0)
			add_timeout(&duration, read.timeout_ns);
	}
	return timeout_s == usual_timeout_s(&duration) ? 0 : timeout_s;
}

/* Adds the hooks that a shim hook carries: the list has got other hooks since it was rewritten. */
static int add_carried(struct list *list, struct hp_json_value ours, const struct carried *carried,
		       struct hp_err *err)
{
	const char *stage = hp_stage_names[list->stage];
	struct hp_json json = {0};
	struct shim_options own = carried->options;
	struct hp_json_value hooks = {0}, key, hook;
	int r = carried->hooks.failed
		    ? hp_err_no_memory(err)
		    : hp_json_parse(&json, carried->hooks.data, carried->hooks.length, err);

	if (r == 0) {
		hooks = hp_json_member(hp_json_root(&json), stage);
		own.timeout_s = given_timeout_s(list, ours, hooks);
		r = set_options(list, &own, err);
	}
	if (r == 0)
		HP_JSON_FOREACH (key, hook, hooks)
			r = r < 0 ? r : add_hook(list, hook, err);
	hp_json_free(&json);
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

static int add_all(struct list *list, struct hp_json_value hooks, struct hp_err *err)
{
	struct hp_json_value key, hook;
	struct carried carried;
	int r = 0;

	hp_json_begin(&list->writer, '[');
	HP_JSON_FOREACH (key, hook, hooks) {
		if (carried_read(list->rewrite, hook, list->stage, &carried)) {
			r = add_carried(list, hook, &carried, err);
			hp_buf_free(&carried.hooks);
		} else if (is_foreign_shim(hook)) {
			r = keep_hook(list, hook, err);
		} else {
			r = add_own(list, hook, err);
		}
		if (r < 0)
			return hp_err_prefix(err, r, hp_stage_names[list->stage]);
	}
	r = end_part(list, err);
	hp_json_end(&list->writer, ']');
	return r;
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

static int rewrite_list(struct rewrite *rewrite, struct hp_json_value value, enum hp_stage stage,
			struct hp_err *err)
{
	size_t copied = rewrite->copied, length = rewrite->out->length;
	struct list list = {
	    .rewrite = rewrite,
	    .stage = stage,
	    .writer = HP_JSON_WRITER_INIT(rewrite->out),
	    .part = HP_BUF_INIT,
	};
	int r;

	copy_up_to(rewrite, value);
	r = add_all(&list, value, err);
	hp_buf_free(&list.part);
	if (r == 0 && list.why_left != NULL) {
		rewrite->copied = copied;
		rewrite->out->length = length;
		leave(rewrite, stage, list.why_left);
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
			  struct hp_json_value list, struct hp_err *err)
{
	int stage = 0;

	while (stage < HP_STAGE_COUNT && !hp_json_equals(key, hp_stage_names[stage]))
		stage++;
	if (stage == HP_STAGE_COUNT || hp_json_is_absent(list))
		return 0;
	if (hp_json_type(list) != HP_JSON_ARRAY)
		return hp_err_prefix(
		    err, hp_err_invalid(err, hp_stage_names[stage], "must be an array"), "hooks");
	if (hp_json_count(list) == 0 || !can_be_delegated(rewrite, (enum hp_stage)stage))
		return 0;
	if (is_delegated(rewrite, list, (enum hp_stage)stage)) {
		note_shim(rewrite);
		return 0;
	}
	return rewrite_list(rewrite, list, (enum hp_stage)stage, err);
}

/* ---- the config ---- */

static int rewrite_hooks(struct rewrite *rewrite, struct hp_json_value root, struct hp_err *err)
{
	struct hp_json_value hooks = hp_json_member(root, "hooks"), key, list;

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	if (!hp_json_is_absent(hooks) && hp_json_type(hooks) != HP_JSON_OBJECT)
		return hp_err_invalid(err, "hooks", "must be an object");
	rewrite->has_user_namespace = has_other_user_namespace(root, rewrite->delegate->own_uid);
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
