/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files that run, apply and update get on the command line: read, checked as JSON, and copied
 * into the call byte for byte.
 */

#include "client/hookctl/input.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/json/mistakes.h"

enum hp_dialect input_dialect(const struct ctl *ctl)
{
	const char *name = ctl_option(ctl, OPTION_DIALECT);

	return name != NULL && strcmp(name, hp_dialect_names[HP_DIALECT_LIBCONTAINER]) == 0
		   ? HP_DIALECT_LIBCONTAINER
		   : HP_DIALECT_OCI;
}

int input_fail(const struct ctl *ctl, enum option_id id, int r, const struct hp_err *err)
{
	const char *option = id == OPTION_STATE	  ? "state"
			     : id == OPTION_HOOKS ? "hooks"
						  : "settings";

	assert(id == OPTION_STATE || id == OPTION_HOOKS || id == OPTION_SETTINGS);
	assert(r < 0);
	return ctl_usage("--%s=%s: %s", option, ctl_option(ctl, id),
			 err->reason[0] != '\0' ? err->reason : strerror(-r));
}

int input_read_document(const struct ctl *ctl, enum option_id id, struct document *ret)
{
	const char *path = ctl_option(ctl, id);
	char text[DOCUMENT_ERROR_SIZE];
	struct hp_err err = {0};
	int r = document_read(ret, path, &err);

	if (r == 0)
		return 0;
	document_print_error(ret, path, r, &err, text);
	return ctl_usage("%s", text);
}

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

static int fail_at(const struct input_part *part, const char *rest, const char *reason)
{
	const struct hp_json *json = &part->document->json;
	struct hp_json_mistake mistake = {.index = find_token(json, &part->slice)};
	struct hp_json_place place;
	struct hp_buf path = HP_BUF_INIT;

	snprintf(mistake.err.path, sizeof(mistake.err.path), "%s", rest);
	place = hp_json_place(json->text, hp_json_mistake_offset(json, &mistake));
	hp_json_mistake_path(json, &mistake, &path);
	(void)ctl_usage("%s:%u:%u: %.*s%s%s", part->path, place.line, place.column,
			(int)path.length, path.data ? path.data : "", path.length > 0 ? ": " : "",
			reason);
	hp_buf_free(&path);
	return CTL_EXIT_USAGE;
}

int input_call_failed(const struct ctl *ctl, int r, const struct input_part *parts, size_t count)
{
	const struct hookd_error *error =
	    ctl->client != NULL ? hookd_client_last_error(ctl->client) : NULL;

	for (size_t i = 0; error != NULL && error->error == r && r == -EINVAL && i < count; i++) {
		const char *rest = rest_of(error->parameter, parts[i].parameter);

		if (rest != NULL && parts[i].slice.text != NULL && error->reason[0] != '\0' &&
		    parts[i].document->json.count > 0)
			return fail_at(&parts[i], rest, error->reason);
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
