/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb explain: how hookd would run the hooks of a file, stage by stage, and which files of a
 * hooks.d an engine would add to the container.
 */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/check/hooks_d.h"
#include "client/hookctl/input.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"

enum { HOOKS, STATE, SETTINGS, FILE_COUNT };

struct explain {
	struct ctl *ctl;
	struct input_file files[FILE_COUNT];
	enum hp_dialect dialect; /* of hooks and settings */
	struct hp_buf out;
	struct hp_json_writer writer; /* with --json */
	size_t hook_count;
	bool is_refused;
};

static bool is_json(const struct explain *explain)
{
	return explain->ctl->json != CTL_JSON_OFF;
}

static void __attribute__((format(printf, 2, 3)))
print(struct explain *explain, const char *format, ...)
{
	char *text;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		explain->out.failed = true;
		return;
	}
	escape_append(&explain->out, text, (size_t)length, ESCAPE_LINES);
	free(text);
}

/* ---- input ---- */

/* 0, or an exit status after a message. */
static int read_input(struct explain *explain)
{
	const struct ctl *ctl = explain->ctl;

	explain->files[HOOKS] = (struct input_file){INPUT_HOOKS, ctl->options.operands[0]};
	explain->files[STATE] = (struct input_file){INPUT_STATE, ctl_option(ctl, OPTION_STATE)};
	explain->files[SETTINGS] =
	    (struct input_file){INPUT_SETTINGS, ctl_option(ctl, OPTION_SETTINGS)};
	return input_read(ctl, explain->files, FILE_COUNT, &explain->dialect);
}

static void free_input(struct explain *explain)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		input_file_free(&explain->files[i]);
	hp_buf_free(&explain->out);
}

/* ---- one hook ---- */

/* As hookd decides it: io.hookd.hooks, Run. */
static bool enters_container(const struct explain *explain, enum hp_stage stage)
{
	const char *named = ctl_option(explain->ctl, OPTION_NAMESPACES);

	if (named != NULL && strcmp(named, "auto") != 0)
		return strcmp(named, "container") == 0;
	return hp_stage_is_container(stage);
}

static void print_where(struct explain *explain, enum hp_stage stage,
			const struct hookd_explained_hook *hook)
{
	const char *const *name = hook->namespaces;

	print(explain, "  where:    %s",
	      *name == NULL			 ? "the caller's namespaces"
	      : enters_container(explain, stage) ? "the container's"
						 : "those that the settings name:");
	for (; *name != NULL; name++)
		print(explain, " %s", *name);
	print(explain, " (%s)\n", hook->why_namespaces);
}

static bool has_settings(const struct hookd_explained_hook *hook)
{
	return strcmp(hook->why_settings, "request") == 0;
}

static void print_as(struct explain *explain, const struct hookd_explained_hook *hook)
{
	if (hook->uid < 0)
		print(explain, "  as:       the container's process, with its rights (%s)\n",
		      hook->why_ids);
	else
		print(explain, "  as:       uid %" PRId64 ", gid %" PRId64 "%s (%s)\n", hook->uid,
		      hook->gid, has_settings(hook) ? "" : ", hookd's capabilities", hook->why_ids);
}

static void print_settings(struct explain *explain, const struct hookd_explained_hook *hook,
			   const struct hookd_explanation *explanation)
{
	print(explain, "  settings: ");
	if (has_settings(hook))
		print(explain, "%s", ctl_option(explain->ctl, OPTION_SETTINGS));
	else if (explanation->default_count == 0)
		print(explain, "none");
	for (size_t i = 0; i < explanation->default_count; i++)
		print(explain, "%s%s=%" PRId64 " (%s)", i > 0 || has_settings(hook) ? ", " : "",
		      explanation->defaults[i].key, explanation->defaults[i].value,
		      explanation->defaults[i].source);
	print(explain, "\n");
}

static void print_timeout(struct explain *explain, const struct hookd_explained_hook *hook)
{
	bool is_of_hook = strcmp(hook->why_timeout, "request") == 0;
	char span[SPAN_SIZE] = "none";

	if (hook->timeout_us > 0)
		span_format((uint64_t)hook->timeout_us, span);
	print(explain, "  timeout:  %s (%s%s)\n", span, is_of_hook ? "" : "DefaultTimeoutSec=, ",
	      is_of_hook ? "of the hook" : hook->why_timeout);
}

static void print_hook(struct explain *explain, enum hp_stage stage, size_t index,
		       const struct hookd_explanation *explanation)
{
	const struct hookd_explained_hook *hook = &explanation->hooks[index];

	print(explain, "%s #%zu %s; a failure %s\n", hp_stage_names[stage], index, hook->path,
	      hp_stage_continues_on_failure(stage) ? "does not stop the others" : "ends the stage");
	print_where(explain, stage, hook);
	print_as(explain, hook);
	print_settings(explain, hook, explanation);
	print_timeout(explain, hook);
}

/* ---- a stage ---- */

static void write_stage(struct explain *explain, enum hp_stage stage,
			const struct hookd_reply *reply)
{
	const struct hookd_explanation *explanation = hookd_reply_explanation(reply);

	explain->is_refused |= !explanation->allowed;
	explain->hook_count += explanation->hook_count;
	if (is_json(explain)) {
		const char *json = hookd_reply_json(reply);

		hp_json_begin(&explain->writer, '{');
		hp_json_add_string(&explain->writer, "stage", hp_stage_names[stage]);
		hp_json_key(&explain->writer, "explanation");
		hp_json_put_raw(&explain->writer, json, strlen(json));
		hp_json_end(&explain->writer, '}');
		return;
	}
	if (!explanation->allowed)
		print(explain, "%s: refused: %s\n", hp_stage_names[stage], explanation->reason);
	for (size_t i = 0; i < explanation->hook_count; i++)
		print_hook(explain, stage, i, explanation);
}

static int ask(struct explain *explain, enum hp_stage stage)
{
	const struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = hp_stage_names[stage],
	    .hooks = explain->files[HOOKS].text,
	    .state = explain->files[STATE].text,
	    .settings = explain->files[SETTINGS].text,
	    .dialect = input_dialect_name(explain->dialect),
	    .namespaces = ctl_option(explain->ctl, OPTION_NAMESPACES),
	};
	struct hookd_reply *reply = NULL;
	int r = ctl_open(explain->ctl);

	if (r == 0)
		r = hookd_explain(explain->ctl->client, &request, &reply);
	if (r < 0)
		return input_call_failed(explain->ctl, r, explain->files, FILE_COUNT);
	write_stage(explain, stage, reply);
	hookd_reply_free(reply);
	return 0;
}

/* The stage that was asked for, or each that has hooks. */
static bool is_wanted(const struct explain *explain, enum hp_stage stage)
{
	const char *wanted = ctl_option(explain->ctl, OPTION_STAGE);
	struct hp_json_value root = hp_json_root(&explain->files[HOOKS].document.json),
			     hooks = root;
	struct hp_json_value key, value;

	if (wanted != NULL)
		return strcmp(wanted, hp_stage_names[stage]) == 0;
	HP_JSON_FOREACH (key, value, root) {
		size_t length;

		if (hp_json_text(value, &length) == explain->files[HOOKS].slice.text)
			hooks = value;
	}
	value = hp_json_member(hooks, hp_stage_names[stage]);
	return !hp_json_is_absent(value) &&
	       (hp_json_type(value) != HP_JSON_ARRAY || hp_json_count(value) > 0);
}

static int explain_stages(struct explain *explain)
{
	int r = 0;

	hp_json_key(&explain->writer, "stages");
	hp_json_begin(&explain->writer, '[');
	for (unsigned int i = 0; r == 0 && i < HP_STAGE_COUNT; i++) {
		if (!is_wanted(explain, (enum hp_stage)i))
			continue;
		r = ask(explain, (enum hp_stage)i);
	}
	hp_json_end(&explain->writer, ']');
	return r;
}

/* ---- hooks.d ---- */

static void write_stages_of(struct explain *explain, const struct hooks_d *hooks_d)
{
	for (unsigned int i = 0; i < HP_STAGE_COUNT; i++) {
		if (!(hooks_d->stages & 1u << i))
			continue;
		if (is_json(explain))
			hp_json_put_string(&explain->writer, hp_stage_names[i]);
		else
			print(explain, " %s", hp_stage_names[i]);
	}
}

static void write_match(struct explain *explain, const char *name, enum hooks_d_answer answer,
			const char *reason, const struct hooks_d *hooks_d)
{
	static const char *const words[] = {
	    [HOOKS_D_NO] = "no match",
	    [HOOKS_D_YES] = "match",
	    [HOOKS_D_UNKNOWN] = "not known",
	};

	if (!is_json(explain)) {
		print(explain, "%s: %s: %s%s", name, words[answer], reason,
		      answer == HOOKS_D_YES ? "; at" : "");
		if (answer == HOOKS_D_YES)
			write_stages_of(explain, hooks_d);
		print(explain, "\n");
		return;
	}
	hp_json_begin(&explain->writer, '{');
	hp_json_add_string(&explain->writer, "file", name);
	if (answer != HOOKS_D_UNKNOWN)
		hp_json_add_bool(&explain->writer, "match", answer == HOOKS_D_YES);
	hp_json_add_string(&explain->writer, "reason", reason);
	hp_json_key(&explain->writer, "stages");
	hp_json_begin(&explain->writer, '[');
	write_stages_of(explain, hooks_d);
	hp_json_end(&explain->writer, ']');
	hp_json_end(&explain->writer, '}');
}

/* 0, or an exit status after a message. */
static int match_file(struct explain *explain, const char *folder, const char *name)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct document document = {0};
	struct hooks_d hooks_d = {0};
	char reason[HOOKS_D_REASON_SIZE], text[DOCUMENT_ERROR_SIZE], *path;
	struct hp_err err = {0};
	int r = asprintf(&path, "%s/%s", folder, name) < 0 ? -ENOMEM : 0;

	if (r < 0)
		return ctl_usage("%s", strerror(ENOMEM));
	r = document_read(&document, path, &err);
	if (r == 0)
		r = hooks_d_read(hp_json_root(&document.json), &arena, &hooks_d, &err);
	if (r == 0) {
		write_match(explain, name,
			    hooks_d_match(&hooks_d,
					  hp_json_root(&explain->files[HOOKS].document.json),
					  reason),
			    reason, &hooks_d);
	} else {
		document_print_error(&document, path, r, &err, text);
		r = ctl_usage("%s", text);
	}
	hp_arena_free(&arena);
	document_free(&document);
	free(path);
	return r;
}

/* As the engines: files that end in .json, sorted by name. */
static int is_hooks_d_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int explain_hooks_dir(struct explain *explain)
{
	const char *folder = ctl_option(explain->ctl, OPTION_HOOKS_DIR);
	struct dirent **entries;
	int count, exit_status = 0;

	if (folder == NULL)
		return 0;
	count = scandir(folder, &entries, is_hooks_d_file, by_name);
	if (count < 0)
		return ctl_usage("--hooks-dir=%s: %s", folder, strerror(errno));
	hp_json_key(&explain->writer, "hooksDir");
	hp_json_begin(&explain->writer, '[');
	for (int i = 0; i < count; i++) {
		int r = match_file(explain, folder, entries[i]->d_name);

		exit_status = r != 0 ? r : exit_status;
		free(entries[i]);
	}
	hp_json_end(&explain->writer, ']');
	free(entries);
	return exit_status;
}

/* ---- all ---- */

/* The writer writes into a buffer of its own, which is dropped without --json. */
static int put(struct explain *explain, struct hp_buf *json_text)
{
	struct hp_json json = {0};
	struct hp_err err;
	int r;

	if (!is_json(explain))
		return ctl_page(explain->ctl, &explain->out);
	r = json_text->failed ? -ENOMEM
			      : hp_json_parse(&json, json_text->data, json_text->length, &err);
	if (r == 0)
		r = ctl_put_json(explain->ctl, hp_json_root(&json));
	hp_json_free(&json);
	return r;
}

static int explain_all(struct explain *explain)
{
	struct hp_buf json_text = HP_BUF_INIT;
	int exit_status, r = 0;

	explain->writer = HP_JSON_WRITER_INIT(&json_text);
	hp_json_begin(&explain->writer, '{');
	exit_status = explain_stages(explain);
	if (exit_status == 0) {
		exit_status = explain_hooks_dir(explain);
		hp_json_end(&explain->writer, '}');
		r = put(explain, &json_text);
	}
	hp_buf_free(&json_text);
	if (r < 0)
		return ctl_call_failed(explain->ctl, r);
	if (exit_status == 0 && explain->hook_count == 0 && !explain->is_refused &&
	    !ctl_has(explain->ctl, OPTION_HOOKS_DIR))
		ctl_note(explain->ctl, "No hooks");
	return exit_status == 0 && explain->is_refused ? CTL_EXIT_FAILED : exit_status;
}

int verb_explain(struct ctl *ctl)
{
	struct explain explain = {.ctl = ctl};
	int r = read_input(&explain);

	if (r == 0)
		r = explain_all(&explain);
	free_input(&explain);
	return r;
}
