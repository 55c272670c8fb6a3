/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rewrites the files of a hooks.d so that hookd runs their hooks. The engines give a hook the same
 * arguments at each of its stages, and the shim has to know the stage, so a file of several stages
 * becomes several files.
 *
 * The engines run the hooks of a stage in the order of the names, which has to stay: so a new name
 * begins with all of the old one. "a.json-poststop.json" and "b.json-poststop.json" compare as
 * "a.json" and "b.json" do, unless one of two old names begins with the other.
 *
 * Files are edited as text, like a config.json. Pure: from text to text.
 */

#include "client/hookctl/hooks_d/delegate_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/delegate/shim.h"
#include "client/delegate/shim_hook.h"
#include "client/hookctl/hooks_d/files.h"
#include "proto/json/json_writer.h"

#define BIT(stage) (1u << (unsigned int)(stage))

/* ---- what is written ---- */

void delegated_list_free(struct delegated_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->list[i].name);
		hp_buf_free(&list->list[i].text);
	}
	free(list->list);
	*list = (struct delegated_list){0};
}

/* Takes the name, also on failure. */
static struct delegated *add(struct delegated_list *list, const struct delegate_source *source,
			     char *name, unsigned int stages)
{
	if (name != NULL && list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? list->capacity * 2 : 16;
		struct delegated *grown = realloc(list->list, capacity * sizeof(*grown));

		if (grown != NULL) {
			list->list = grown;
			list->capacity = capacity;
		}
	}
	if (name == NULL || list->count == list->capacity) {
		free(name);
		return NULL;
	}
	list->list[list->count] = (struct delegated){
	    .name = name,
	    .text = HP_BUF_INIT,
	    .stages = stages,
	    .source = source->index,
	    .source_name = source->name,
	    .mode = source->mode,
	};
	return &list->list[list->count++];
}

int delegate_file_copy(const struct delegate_source *source, struct delegated_list *ret,
		       struct hp_err *err)
{
	const struct hp_buf *text = &source->document->text;
	struct delegated *copy = add(ret, source, strdup(source->name), source->hooks_d->stages);

	if (copy == NULL)
		return hp_err_no_memory(err);
	hp_buf_append(&copy->text, text->data, text->length);
	return copy->text.failed ? hp_err_no_memory(err) : 0;
}

/* ---- editing ---- */

/* A value that is replaced in the text of the file. */
struct edit {
	size_t offset, length;
	const struct hp_buf *text; /* NULL: it stays */
};

static struct edit edit_of(const struct document *document, struct hp_json_value value,
			   const struct hp_buf *text)
{
	size_t length;
	const char *start = hp_json_text(value, &length);

	return (struct edit){(size_t)(start - document->text.data), length, text};
}

static void put_edits(const struct document *document, struct edit first, struct edit second,
		      struct hp_buf *out)
{
	const struct edit edits[] = {first.offset < second.offset ? first : second,
				     first.offset < second.offset ? second : first};
	const char *text = document->text.data;
	size_t done = 0;

	for (size_t i = 0; i < 2; i++) {
		if (edits[i].text == NULL)
			continue;
		hp_buf_append(out, text + done, edits[i].offset - done);
		hp_buf_append(out, edits[i].text->data, edits[i].text->length);
		done = edits[i].offset + edits[i].length;
	}
	hp_buf_append(out, text + done, document->text.length - done);
}

/* Those of the file that are in the set, as often as they stand there. */
static void put_stages(struct hp_json_value stages, unsigned int set, struct hp_buf *out)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(out);
	struct hp_json_value key, element;

	hp_json_begin(&writer, '[');
	HP_JSON_FOREACH (key, element, stages)
		for (int stage = 0; stage < HOOKS_D_STAGE_COUNT; stage++)
			if ((set & BIT(stage)) &&
			    hp_json_equals(element, hooks_d_stage_names[stage]))
				hp_json_put_string(&writer, hooks_d_stage_names[stage]);
	hp_json_end(&writer, ']');
}

/* Adds the file with these stages. `hook` replaces its own, unless it is NULL. */
static int add_edited(const struct delegate_source *source, char *name, unsigned int stages,
		      const struct hp_buf *hook, struct delegated_list *ret, struct hp_err *err)
{
	const struct document *document = source->document;
	struct hp_json_value root = hp_json_root(&document->json);
	struct hp_json_value own = hooks_d_member(root, "stages");
	struct delegated *file = add(ret, source, name, stages);
	struct hp_buf list = HP_BUF_INIT;
	bool is_part = stages != source->hooks_d->stages;
	int r = 0;

	if (file == NULL)
		return hp_err_no_memory(err);
	put_stages(own, stages, &list);
	put_edits(document, edit_of(document, hooks_d_member(root, "hook"), hook),
		  edit_of(document, own, is_part ? &list : NULL), &file->text);
	if (list.failed || file->text.failed)
		r = hp_err_no_memory(err);
	hp_buf_free(&list);
	return r;
}

/* ---- one stage ---- */

static void keep_reason(enum hp_stage stage, const char *why, void *userdata)
{
	(void)stage;
	*(const char **)userdata = why;
}

/* Appends the one hook of the list to *ret. */
static int take_hook(const struct hp_buf *config, const char *stage, struct hp_buf *ret,
		     struct hp_err *err)
{
	struct hp_json json = {0};
	struct hp_json_value list, key, hook;
	int r = hp_json_parse(&json, config->data, config->length, err);

	if (r == 0) {
		list = hp_json_member(hp_json_member(hp_json_root(&json), "hooks"), stage);
		if (hp_json_count(list) != 1)
			r = hp_err_invalid(err, NULL, "carries hooks that do not fit into one");
		HP_JSON_FOREACH (key, hook, list) {
			size_t length;
			const char *text = hp_json_text(hook, &length);

			hp_buf_append(ret, text, length);
		}
	}
	hp_json_free(&json);
	return r;
}

/* A config.json with the hook alone is what delegate_config() takes. *ret_why: the hook stays. */
static int delegate_stage(const struct delegate_file *how, struct hp_json_value hook,
			  enum hp_stage stage, struct hp_buf *ret, const char **ret_why,
			  struct hp_err *err)
{
	struct delegate delegate = *how->delegate;
	struct hp_buf config = HP_BUF_INIT, rewritten = HP_BUF_INIT;
	bool names_shim = false;
	size_t length;
	const char *text = hp_json_text(hook, &length);
	int r;

	delegate.left = keep_reason;
	delegate.userdata = ret_why;
	delegate.names_shim = &names_shim;
	hp_buf_format(&config, "{\"hooks\":{\"%s\":[", hp_stage_names[stage]);
	hp_buf_append(&config, text, length);
	hp_buf_append(&config, "]}}", 3);
	r = config.failed ? hp_err_no_memory(err)
			  : delegate_config(config.data, config.length, &delegate, &rewritten, err);
	assert(r < 0 || names_shim == (*ret_why == NULL));
	if (r == 0 && names_shim)
		r = take_hook(&rewritten, hp_stage_names[stage], ret, err);
	if (r == 0 && ret->failed)
		r = hp_err_no_memory(err);
	/* Its path is that in the config, where there is nothing but the hook. */
	if (r < 0)
		snprintf(err->path, sizeof(err->path), "hook");
	hp_buf_free(&config);
	hp_buf_free(&rewritten);
	return r;
}

/* ---- a file ---- */

static bool begins_with(const char *text, const char *beginning)
{
	return text != NULL && strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool runs_shim(const struct hp_hook *hook)
{
	return shim_has_name(hook->path);
}

bool delegate_file_has_made(const struct hp_hook *hook)
{
	return hook->args != NULL && hook->args[0] != NULL &&
	       begins_with(hook->args[1], SHIM_STAGE_OPTION) &&
	       begins_with(hook->args[2], SHIM_HOOKS_OPTION);
}

/* Such a hook runs the hooks of one stage, at whatever stage it is called. */
static int check_delegated(const struct hooks_d *hooks_d, struct hp_err *err)
{
	const char *own = hooks_d->hook.args[1] + strlen(SHIM_STAGE_OPTION);

	for (int stage = 0; stage < HOOKS_D_STAGE_COUNT; stage++)
		if ((hooks_d->stages & BIT(stage)) && strcmp(own, hooks_d_stage_names[stage]) != 0)
			return hp_err_invalid(err, "hook.args[1]",
					      "is for another stage than %s, which the file names",
					      hooks_d_stage_names[stage]);
	return 0;
}

static void leave(const struct delegate_file *how, const char *stage, const char *why)
{
	if (how->left != NULL)
		how->left(stage, why, how->userdata);
}

/* "a.json", or "a.json-poststop.json" beside files for other stages. */
static char *new_name(const struct delegate_source *source, int stage)
{
	char *name;

	if (source->hooks_d->stages == BIT(stage))
		return strdup(source->name);
	if (asprintf(&name, "%s-%s.json", source->name, hooks_d_stage_names[stage]) < 0)
		return NULL;
	return name;
}

/* *left gets the stages that stay. */
static int add_stage(const struct delegate_file *how, const struct delegate_source *source,
		     int stage, unsigned int *left, struct delegated_list *ret, struct hp_err *err)
{
	struct hp_json_value hook = hooks_d_member(hp_json_root(&source->document->json), "hook");
	const char *why = NULL;
	struct hp_buf text = HP_BUF_INIT;
	int r = 0;

	if (stage == HOOKS_D_PRECREATE)
		why = "its hooks change the config before there is a container";
	else
		r = delegate_stage(how, hook, (enum hp_stage)stage, &text, &why, err);
	if (r == 0 && why != NULL) {
		leave(how, hooks_d_stage_names[stage], why);
		*left |= BIT(stage);
	} else if (r == 0) {
		r = add_edited(source, new_name(source, stage), BIT(stage), &text, ret, err);
	}
	hp_buf_free(&text);
	return r;
}

int delegate_file(const struct delegate_file *how, const struct delegate_source *source,
		  struct delegated_list *ret, struct hp_err *err)
{
	const struct hooks_d *hooks_d = source->hooks_d;
	unsigned int left = 0;
	int r = 0;

	if (hooks_d->is_old) {
		leave(how, NULL, "it is of version 0.1.0");
		return delegate_file_copy(source, ret, err);
	}
	if (delegate_file_has_made(&hooks_d->hook)) {
		r = check_delegated(hooks_d, err);
	} else if (runs_shim(&hooks_d->hook)) {
		leave(how, NULL, "its program is " SHIM_NAME " already");
		return delegate_file_copy(source, ret, err);
	}
	for (int stage = 0; r == 0 && stage < HOOKS_D_STAGE_COUNT; stage++)
		if (hooks_d->stages & BIT(stage))
			r = add_stage(how, source, stage, &left, ret, err);
	if (r == 0 && left == hooks_d->stages)
		return delegate_file_copy(source, ret, err);
	if (r == 0 && left != 0)
		r = add_edited(source, strdup(source->name), left, NULL, ret, err);
	return r;
}

/* ---- all files ---- */

static int compare_names(const void *a, const void *b)
{
	const struct delegated *one = a, *other = b;
	int r = hooks_d_compare_names(one->name, other->name);

	return r != 0 ? r : strcmp(one->name, other->name);
}

/* The engines put both into createRuntime. */
static int stage_of_engines(int stage)
{
	return stage == HP_STAGE_PRESTART ? HP_STAGE_CREATE_RUNTIME : stage;
}

/* `before` has the last file so far of each stage. */
static int check_order(const struct delegated *file,
		       const struct delegated *before[static HOOKS_D_STAGE_COUNT],
		       struct hp_err *err)
{
	for (int i = 0; i < HOOKS_D_STAGE_COUNT; i++) {
		int stage = stage_of_engines(i);
		const struct delegated *other = before[stage];

		if (!(file->stages & BIT(i)))
			continue;
		if (other != NULL && other->source > file->source &&
		    hooks_d_compare_names(other->source_name, file->source_name) != 0)
			return hp_err_invalid(err, NULL,
					      "%s and %s would be run in another order at %s; one "
					      "of them needs another name",
					      file->source_name, other->source_name,
					      hooks_d_stage_names[i]);
		before[stage] = file;
	}
	return 0;
}

int delegated_sort(struct delegated_list *list, struct hp_err *err)
{
	const struct delegated *before[HOOKS_D_STAGE_COUNT] = {0};
	int r = 0;

	if (list->count > 1)
		qsort(list->list, list->count, sizeof(list->list[0]), compare_names);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const struct delegated *file = &list->list[i];

		if (i > 0 && strcmp(file[-1].name, file->name) == 0)
			r = hp_err_invalid(err, NULL, "%s and %s would both be written as %s",
					   file[-1].source_name, file->source_name, file->name);
		else
			r = check_order(file, before, err);
	}
	return r;
}
