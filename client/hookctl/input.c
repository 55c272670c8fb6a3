/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files that run, apply, update, seccomp and explain get on the command line: read, checked as
 * JSON, and copied into the call byte for byte.
 */

#include "client/hookctl/input.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/mistakes.h"
#include "proto/settings/settings_json.h"

/* As hookd's interfaces name the parameter, and as the option is named. */
static const char *const parameters[] = {
    [INPUT_STATE] = "state",
    [INPUT_HOOKS] = "hooks",
    [INPUT_SETTINGS] = "settings",
    [INPUT_SECCOMP] = "seccomp",
};

static int fail(const struct input_file *file, int r, const struct hp_err *err)
{
	char text[DOCUMENT_ERROR_SIZE];

	document_print_error(&file->document, file->path, r, err, text);
	return ctl_usage("%s", text);
}

/* ---- the dialect ---- */

/* HP_DIALECT_COUNT: the file does not tell. */
static enum hp_dialect dialect_of(const struct input_file *file)
{
	if (file->path == NULL || file->kind == INPUT_STATE)
		return HP_DIALECT_COUNT;
	return hp_settings_find_dialect(hp_json_root(&file->document.json));
}

static int find_dialect(const struct ctl *ctl, const struct input_file *files, size_t count,
			enum hp_dialect *ret)
{
	const char *name = ctl_option(ctl, OPTION_DIALECT);
	enum hp_dialect found = HP_DIALECT_COUNT;

	if (name != NULL) {
		*ret = strcmp(name, hp_dialect_names[HP_DIALECT_LIBCONTAINER]) == 0
			   ? HP_DIALECT_LIBCONTAINER
			   : HP_DIALECT_OCI;
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		enum hp_dialect other = dialect_of(&files[i]);

		if (found != HP_DIALECT_COUNT && other != HP_DIALECT_COUNT && found != other)
			return ctl_usage(
			    "one file is %s's, the other %s's: write both in the same form",
			    hp_dialect_names[found], hp_dialect_names[other]);
		if (found == HP_DIALECT_COUNT)
			found = other;
	}
	*ret = found == HP_DIALECT_COUNT ? HP_DIALECT_OCI : found;
	return 0;
}

const char *input_dialect_name(enum hp_dialect dialect)
{
	return dialect != HP_DIALECT_OCI ? hp_dialect_names[dialect] : NULL;
}

/* ---- reading ---- */

static int find_slice(struct input_file *file, enum hp_dialect dialect, struct hp_err *err)
{
	struct hp_json_value root = hp_json_root(&file->document.json);

	switch (file->kind) {
	case INPUT_STATE:
		file->slice.text = hp_json_text(root, &file->slice.length);
		return 0;
	case INPUT_HOOKS:
		return run_slice_hooks(root, dialect, &file->slice, err);
	case INPUT_SETTINGS:
		file->slice = run_slice_settings(root, dialect);
		return 0;
	case INPUT_SECCOMP:
		return run_slice_seccomp(root, dialect, &file->slice, err);
	}
	assert(false);
	return -EINVAL;
}

static int copy_slice(const struct ctl *ctl, struct input_file *file, enum hp_dialect dialect)
{
	struct hp_err err = {0};
	int r = find_slice(file, dialect, &err);

	if (r < 0)
		return fail(file, r, &err);
	file->text = strndup(file->slice.text, file->slice.length);
	return file->text != NULL ? 0 : ctl_call_failed(ctl, -ENOMEM);
}

int input_read(const struct ctl *ctl, struct input_file *files, size_t count,
	       enum hp_dialect *ret_dialect)
{
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		struct hp_err err = {0};

		if (files[i].path != NULL)
			r = document_read(&files[i].document, files[i].path, &err);
		if (r < 0)
			return fail(&files[i], r, &err);
	}
	r = find_dialect(ctl, files, count, ret_dialect);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (files[i].path != NULL)
			r = copy_slice(ctl, &files[i], *ret_dialect);
	}
	return r;
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
	char text[DOCUMENT_ERROR_SIZE];

	document_print_mistake(json, file->path, find_token(json, &file->slice), rest, reason,
			       text);
	return ctl_usage("%s", text);
}

int input_call_failed(const struct ctl *ctl, int r, const struct input_file *files, size_t count)
{
	const struct hookd_error *error =
	    ctl->client != NULL ? hookd_client_last_error(ctl->client) : NULL;

	if (error == NULL || error->error != r || r != -EINVAL || error->reason[0] == '\0')
		return ctl_call_failed(ctl, r);
	for (size_t i = 0; i < count; i++) {
		const char *rest = rest_of(error->parameter, parameters[files[i].kind]);

		if (rest != NULL && files[i].document.json.count > 0)
			return fail_at(&files[i], rest, error->reason);
	}
	return ctl_call_failed(ctl, r);
}
