/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files that run, apply and update get on the command line: read, checked as JSON, and copied
 * into the call byte for byte.
 */

#include "client/hookctl/input.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/mistakes.h"

enum hp_dialect input_dialect(const struct ctl *ctl)
{
	const char *name = ctl_option(ctl, OPTION_DIALECT);

	return name != NULL && strcmp(name, hp_dialect_names[HP_DIALECT_LIBCONTAINER]) == 0
		   ? HP_DIALECT_LIBCONTAINER
		   : HP_DIALECT_OCI;
}

static int slice_document(const struct ctl *ctl, enum option_id id, struct hp_json_value root,
			  struct slice *ret, struct hp_err *err)
{
	if (id == OPTION_HOOKS)
		return run_slice_hooks(root, input_dialect(ctl), ret, err);
	if (id == OPTION_SETTINGS)
		*ret = run_slice_settings(root, input_dialect(ctl));
	else
		ret->text = hp_json_text(root, &ret->length);
	return 0;
}

int input_file_read(const struct ctl *ctl, enum option_id id, const char *path,
		    struct input_file *ret)
{
	char text[DOCUMENT_ERROR_SIZE];
	struct hp_err err = {0};
	int r;

	assert(id == OPTION_STATE || id == OPTION_HOOKS || id == OPTION_SETTINGS);
	ret->parameter = id == OPTION_STATE ? "state" : id == OPTION_HOOKS ? "hooks" : "settings";
	ret->path = path;
	if (path == NULL)
		return 0;
	r = document_read(&ret->document, path, &err);
	if (r == 0)
		r = slice_document(ctl, id, hp_json_root(&ret->document.json), &ret->slice, &err);
	if (r == 0) {
		ret->text = strndup(ret->slice.text, ret->slice.length);
		return ret->text != NULL ? 0 : ctl_call_failed(ctl, -ENOMEM);
	}
	document_print_error(&ret->document, path, r, &err, text);
	return ctl_usage("%s", text);
}

void input_file_free(struct input_file *file)
{
	document_free(&file->document);
	free(file->text);
}

/* ---- where a mistake is ---- */

/* The value whose text the slice is; the root if it is in no document. */
static uint32_t find_token(const struct hp_json *json, const struct slice *slice)
{
	for (uint32_t i = 0; i < json->count; i++)
		if (json->text + json->tokens[i].offset == slice->text)
			return i;
	return 0;
}

/* What of the path is behind the parameter: ".path", "[0]", "". NULL: it is about another one. */
static const char *rest_of(const char *path, const char *parameter)
{
	size_t length = strlen(parameter);

	if (strncmp(path, parameter, length) != 0 || strchr(".[", path[length]) == NULL)
		return NULL;
	return path + length + (path[length] == '.');
}

static int fail_at(const struct input_file *file, const char *rest, const char *reason)
{
	const struct hp_json *json = &file->document.json;
	struct hp_json_mistake mistake = {.index = find_token(json, &file->slice)};
	struct hp_json_place place;
	struct hp_buf path = HP_BUF_INIT;

	snprintf(mistake.err.path, sizeof(mistake.err.path), "%s", rest);
	place = hp_json_place(json->text, hp_json_mistake_offset(json, &mistake));
	hp_json_mistake_path(json, &mistake, &path);
	(void)ctl_usage("%s:%u:%u: %.*s%s%s", file->path, place.line, place.column,
			(int)path.length, path.data ? path.data : "", path.length > 0 ? ": " : "",
			reason);
	hp_buf_free(&path);
	return CTL_EXIT_USAGE;
}

int input_call_failed(const struct ctl *ctl, int r, const struct input_file *files, size_t count)
{
	const struct hookd_error *error =
	    ctl->client != NULL ? hookd_client_last_error(ctl->client) : NULL;

	if (error == NULL || error->error != r || r != -EINVAL || error->reason[0] == '\0')
		return ctl_call_failed(ctl, r);
	for (size_t i = 0; i < count; i++) {
		const char *rest = rest_of(error->parameter, files[i].parameter);

		if (rest != NULL && files[i].document.json.count > 0)
			return fail_at(&files[i], rest, error->reason);
	}
	return ctl_call_failed(ctl, r);
}

void input_put_text(struct hp_json_writer *writer, const char *key, const char *text)
{
	if (text == NULL)
		return;
	hp_json_key(writer, key);
	hp_json_put_string(writer, text);
}

void input_put_slice(struct hp_json_writer *writer, const char *key, const struct slice *slice)
{
	if (slice->text == NULL)
		return;
	hp_json_key(writer, key);
	hp_json_put_raw(writer, slice->text, slice->length);
}
