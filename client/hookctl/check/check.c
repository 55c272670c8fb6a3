/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds all mistakes in a file: tells what it is, gives it to the readers that hookd uses, and
 * turns what they find into lines and columns.
 */

#include "client/hookctl/check/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hooks_d/hooks_d.h"
#include "proto/messages/hooks.h"
#include "proto/settings/settings_json.h"

const char *const check_type_names[CHECK_TYPE_COUNT] = {
    [CHECK_CONFIG] = "config",	   [CHECK_HOOKS] = "hooks",	[CHECK_HOOKSD] = "hooksd",
    [CHECK_SETTINGS] = "settings", [CHECK_SECCOMP] = "seccomp", [CHECK_CONF] = "conf",
};

/* ---- findings ---- */

static bool make_room(struct findings *findings)
{
	size_t capacity = findings->capacity ? findings->capacity * 2 : 8;
	struct finding *list;

	if (findings->count < findings->capacity)
		return true;
	list = realloc(findings->list, capacity * sizeof(*list));
	if (!list)
		return false;
	findings->list = list;
	findings->capacity = capacity;
	return true;
}

void findings_add(struct findings *findings, const char *path, const char *message,
		  struct hp_json_place place)
{
	struct finding copy = {strdup(path), strdup(message), place};

	if (copy.path && copy.message && make_room(findings)) {
		findings->list[findings->count++] = copy;
		return;
	}
	free(copy.path);
	free(copy.message);
	findings->failed = true;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].path);
		free(findings->list[i].message);
	}
	free(findings->list);
	*findings = (struct findings){0};
}

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

void finding_print(const struct finding *finding, const char *file, struct hp_buf *buf)
{
	char place[32] = ": ";

	if (finding->place.line > 0)
		snprintf(place, sizeof(place), ":%u:%u: ", finding->place.line,
			 finding->place.column);
	append(buf, file);
	append(buf, place);
	append(buf, finding->path);
	append(buf, finding->path[0] ? ": " : "");
	append(buf, finding->message);
	append(buf, "\n");
}

static int compare_places(const void *a, const void *b)
{
	const struct finding *one = a, *other = b;

	if (one->place.line != other->place.line)
		return one->place.line < other->place.line ? -1 : 1;
	if (one->place.column != other->place.column)
		return one->place.column < other->place.column ? -1 : 1;
	return strcmp(one->path, other->path);
}

/* ---- what a file is ---- */

static bool has(struct hp_json_value object, const char *name)
{
	return !hp_json_is_absent(hp_json_member(object, name));
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool has_stage(struct hp_json_value object)
{
	for (size_t i = 0; i < HP_STAGE_COUNT; i++)
		if (has(object, hp_stage_names[i]))
			return true;
	return false;
}

enum hp_dialect check_guess_dialect(struct hp_json_value root)
{
	enum hp_dialect dialect = hp_settings_find_dialect(root);

	return dialect == HP_DIALECT_COUNT ? HP_DIALECT_OCI : dialect;
}

int check_guess_type(const char *file, const struct document *document)
{
	struct hp_json_value root = hp_json_root(&document->json);

	if (ends_with(file, ".conf"))
		return CHECK_CONF;
	if (has(root, "hook") && !has(root, "ociVersion"))
		return CHECK_HOOKSD;
	if (has(root, "defaultAction") || has(root, "default_action"))
		return CHECK_SECCOMP;
	if (has(root, "ociVersion") || has(root, "hooks") || has(root, "Hooks") ||
	    has(root, "rootfs") || has(root, "config"))
		return CHECK_CONFIG;
	if (has_stage(root))
		return CHECK_HOOKS;
	if (has(root, "process") || has(root, "linux") || has(root, "cgroups"))
		return CHECK_SETTINGS;
	return -ENOENT;
}

/* ---- documents ---- */

/* hookd takes a number in quotes in a call, but no runtime does in a file. */
static int check_timeout(struct hp_json_value hook)
{
	struct hp_json_value timeout = hp_json_member(hook, "timeout");
	struct hp_err err = {0};
	uint64_t number;

	/* What is no number at all is a mistake for hookd, too. */
	if (hp_json_type(timeout) != HP_JSON_STRING ||
	    hp_json_get_uint64(timeout, 1, UINT64_MAX, &number, &err) < 0)
		return 0;
	return hp_json_go_on(hook, hp_err_invalid(&err, "timeout", "must be an integer"), &err);
}

static int check_list(struct hp_json_value list)
{
	struct hp_json_value key, hook;
	int r = 0;

	if (hp_json_type(list) == HP_JSON_ARRAY)
		HP_JSON_FOREACH (key, hook, list)
			r = r == 0 ? check_timeout(hook) : r;
	return r;
}

static int check_timeouts(struct hp_json_value hooks)
{
	struct hp_json_value key, list;
	int r = 0;

	HP_JSON_FOREACH (key, list, hooks)
		r = r == 0 ? check_list(list) : r;
	return r;
}

/* A mistake that ends the reading of a part belongs to the part as a whole. */
static int read_hooks(struct check *check, struct hp_json_value value)
{
	struct hp_hooks hooks;
	struct hp_err err = {0};
	int r = hp_hooks_read(value, check->dialect, &check->arena, &hooks, &err);

	r = hp_json_go_on(value, r, &err);
	return r == 0 ? check_timeouts(value) : r;
}

static int read_settings(struct check *check, struct hp_json_value value)
{
	struct hp_settings *settings;
	struct hp_err err = {0};

	return hp_json_go_on(
	    value, hp_settings_read(value, check->dialect, &check->arena, &settings, &err), &err);
}

static int read_seccomp(struct check *check, struct hp_json_value value)
{
	struct hp_seccomp *seccomp;
	struct hp_err err = {0};

	return hp_json_go_on(
	    value, hp_seccomp_read(value, check->dialect, &check->arena, &seccomp, &err), &err);
}

static int read_hooks_d(struct check *check, struct hp_json_value value)
{
	struct hooks_d hooks_d;
	struct hp_err err = {0};

	int r = hp_json_go_on(value, hooks_d_read(value, &check->arena, &hooks_d, &err), &err);

	return r == 0 ? check_timeout(hp_json_member(value, "hook")) : r;
}

/* runc's state.json has the Config as a member. */
static int read_config(struct check *check)
{
	struct hp_json_value config = check->root, hooks = {0};
	int r = 0;

	if (check->dialect == HP_DIALECT_LIBCONTAINER && has(config, "config"))
		config = hp_json_member(config, "config");
	if (check->dialect == HP_DIALECT_LIBCONTAINER)
		hooks = hp_json_member(config, "Hooks");
	if (hp_json_is_absent(hooks))
		hooks = hp_json_member(config, "hooks");
	if (!hp_json_is_absent(hooks))
		r = read_hooks(check, hooks);
	return r == 0 ? read_settings(check, config) : r;
}

int check_read(struct check *check, enum check_type type)
{
	switch (type) {
	case CHECK_CONFIG:
		return read_config(check);
	case CHECK_HOOKS:
		return read_hooks(check, check->root);
	case CHECK_HOOKSD:
		return read_hooks_d(check, check->root);
	case CHECK_SETTINGS:
		return read_settings(check, check->root);
	case CHECK_SECCOMP:
		return read_seccomp(check, check->root);
	case CHECK_CONF:
	case CHECK_TYPE_COUNT:
		break;
	}
	return -EINVAL;
}

static void add_mistakes(const struct hp_json *json, struct findings *findings)
{
	for (size_t i = 0; i < json->mistakes->count; i++) {
		const struct hp_json_mistake *mistake = &json->mistakes->list[i];
		struct hp_json_place place =
		    hp_json_place(json->text, hp_json_mistake_offset(json, mistake));
		struct hp_buf path = HP_BUF_INIT;

		hp_json_mistake_path(json, mistake, &path);
		hp_buf_append(&path, "", 1);
		if (path.failed)
			findings->failed = true;
		else
			findings_add(findings, path.data, mistake->err.reason, place);
		hp_buf_free(&path);
	}
	if (findings->count > 1)
		qsort(findings->list, findings->count, sizeof(findings->list[0]), compare_places);
}

static int check_document(struct document *document, enum check_type type, int dialect,
			  struct findings *findings)
{
	struct hp_json_mistakes mistakes = {0};
	struct check check = {.root = hp_json_root(&document->json), .arena = HP_ARENA_INIT};
	int r;

	check.dialect = dialect < 0 ? check_guess_dialect(check.root) : (enum hp_dialect)dialect;
	document->json.mistakes = &mistakes;
	r = check_read(&check, type);
	/* The list is full: what was found is shown. */
	if (r == -EINVAL && mistakes.count == HP_JSON_MISTAKES_MAX)
		r = 0;
	if (r == 0)
		add_mistakes(&document->json, findings);
	document->json.mistakes = NULL;
	hp_json_mistakes_free(&mistakes);
	hp_arena_free(&check.arena);
	return r;
}

static void add_syntax_error(const struct document *document, struct findings *findings)
{
	struct hp_json_place place =
	    hp_json_place(document->text.data, document->json.error_offset);
	struct hp_buf path = HP_BUF_INIT;

	document_duplicate_key(document, &path);
	findings_add(findings, path.failed ? "" : path.data, document->json.error, place);
	hp_buf_free(&path);
}

static int guess(const char *file, const struct document *document, struct hp_err *err)
{
	int type = check_guess_type(file, document);

	if (type < 0)
		hp_err_invalid(err, NULL, "what kind of file this is cannot be told; give --type=");
	return type;
}

int check_file(const char *file, int type, int dialect, struct findings *findings,
	       struct hp_err *err)
{
	struct document document = {0};
	int r = document_read(&document, file, err);

	if (r < 0 && document.json.error) {
		add_syntax_error(&document, findings);
		r = 0;
	} else if (r == 0) {
		if (type < 0)
			type = guess(file, &document, err);
		r = type < 0 ? type
			     : check_document(&document, (enum check_type)type, dialect, findings);
	}
	document_free(&document);
	if (r == 0 && findings->failed)
		r = -ENOMEM;
	return r;
}
