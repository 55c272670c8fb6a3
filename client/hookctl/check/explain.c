/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb explain: which files of a hooks.d an engine would add to the container, and how hookd
 * would run its hooks and these, stage by stage.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/check/delegated.h"
#include "client/hookctl/check/explain.h"
#include "client/hookctl/hooks_d/files.h"
#include "client/hookctl/hooks_d/hooks_d.h"

#define NS_PER_S 1000000000u

/* ---- input ---- */

/* The config.json of a bundle, or the file itself. NULL: no memory. */
static const char *find_config(struct explain *explain, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return path;
	if (asprintf(&explain->config, "%s/config.json", path) < 0)
		explain->config = NULL;
	return explain->config;
}

/* 0, or an exit status after a message. */
static int read_input(struct explain *explain)
{
	const struct ctl *ctl = explain->ctl;
	const char *path = find_config(explain, ctl->options.operands[0]);

	if (path == NULL)
		return ctl_call_failed(ctl, -ENOMEM);
	explain->files[HOOKS] = (struct input_file){INPUT_HOOKS, path};
	explain->files[STATE] = (struct input_file){INPUT_STATE, ctl_option(ctl, OPTION_STATE)};
	explain->files[SETTINGS] =
	    (struct input_file){INPUT_SETTINGS, ctl_option(ctl, OPTION_SETTINGS)};
	return input_read(ctl, explain->files, FILE_COUNT, &explain->dialect);
}

static void free_input(struct explain *explain)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		input_file_free(&explain->files[i]);
	for (size_t i = 0; i < HP_STAGE_COUNT; i++)
		hp_buf_free(&explain->added[i]);
	hp_json_free(&explain->hooks);
	hp_buf_free(&explain->out);
	free(explain->config);
}

/* ---- hooks.d ---- */

static void write_stages_of(struct explain *explain, const struct hooks_d *hooks_d)
{
	for (unsigned int i = 0; i < HOOKS_D_STAGE_COUNT; i++) {
		if (!(hooks_d->stages & 1u << i))
			continue;
		if (explain_is_json(explain))
			hp_json_put_string(&explain->writer, hooks_d_stage_names[i]);
		else
			explain_print(explain, " %s", hooks_d_stage_names[i]);
	}
}

static void write_match(struct explain *explain, const struct hooks_d_file *file,
			enum hooks_d_answer answer, const char *reason,
			const struct hooks_d *hooks_d)
{
	static const char *const words[] = {
	    [HOOKS_D_NO] = "no match",
	    [HOOKS_D_YES] = "match",
	    [HOOKS_D_UNKNOWN] = "not known",
	};

	if (!explain_is_json(explain)) {
		explain_print(explain, "%s: %s: %s%s", file->path, words[answer], reason,
			      answer == HOOKS_D_YES ? "; at" : "");
		if (answer == HOOKS_D_YES)
			write_stages_of(explain, hooks_d);
		explain_print(explain, "\n");
		return;
	}
	hp_json_begin(&explain->writer, '{');
	hp_json_add_string(&explain->writer, "file", file->name);
	hp_json_add_string(&explain->writer, "path", file->path);
	if (answer != HOOKS_D_UNKNOWN)
		hp_json_add_bool(&explain->writer, "match", answer == HOOKS_D_YES);
	hp_json_add_string(&explain->writer, "reason", reason);
	hp_json_key(&explain->writer, "stages");
	hp_json_begin(&explain->writer, '[');
	write_stages_of(explain, hooks_d);
	hp_json_end(&explain->writer, ']');
	hp_json_end(&explain->writer, '}');
}

/* In runtime-spec's form. */
static void put_hook(struct hp_buf *buf, const struct hp_hook *hook)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	hp_buf_append(buf, ",", 1);
	hp_json_begin(&writer, '{');
	hp_json_add_string(&writer, "path", hook->path);
	if (hook->args != NULL) {
		hp_json_key(&writer, "args");
		hp_json_put_strings(&writer, hook->args);
	}
	if (hook->timeout_ns > 0)
		hp_json_add_int(&writer, "timeout", (int64_t)(hook->timeout_ns / NS_PER_S));
	hp_json_end(&writer, '}');
}

/* As the engines add it: prestart hooks to those of createRuntime. precreate is none of hookd's. */
static void add_hook(struct explain *explain, const struct hooks_d *hooks_d)
{
	for (unsigned int i = 0; i < HP_STAGE_COUNT; i++)
		if (hooks_d->stages & 1u << i)
			put_hook(
			    &explain->added[i == HP_STAGE_PRESTART ? HP_STAGE_CREATE_RUNTIME : i],
			    &hooks_d->hook);
}

static void add_missing(char reason[static HOOKS_D_REASON_SIZE], const char *program)
{
	size_t length = strlen(reason);

	snprintf(reason + length, HOOKS_D_REASON_SIZE - length,
		 ", but podman leaves it out without its program %s", program);
}

static int match_read(struct explain *explain, const struct hooks_d_file *file,
		      const struct document *document, struct hp_err *err)
{
	struct hp_json_value config = hp_json_root(&explain->files[HOOKS].document.json);
	struct hp_arena arena = HP_ARENA_INIT;
	char reason[HOOKS_D_REASON_SIZE];
	enum hooks_d_answer answer;
	struct hooks_d hooks_d;
	int r = hooks_d_read(hp_json_root(&document->json), &arena, &hooks_d, err);

	if (r == 0) {
		answer = hooks_d_match(&hooks_d, config, reason);
		if (answer == HOOKS_D_YES && access(hooks_d.hook.path, F_OK) < 0)
			add_missing(reason, hooks_d.hook.path);
		write_match(explain, file, answer, reason, &hooks_d);
		if (answer == HOOKS_D_YES && explain->dialect == HP_DIALECT_OCI)
			add_hook(explain, &hooks_d);
	}
	hp_arena_free(&arena);
	return r;
}

/* 0, or an exit status after a message. */
static int match_file(struct explain *explain, const struct hooks_d_file *file)
{
	struct document document = {0};
	char text[DOCUMENT_ERROR_SIZE];
	struct hp_err err = {0};
	int r = document_read(&document, file->path, &err);

	if (r == 0)
		r = match_read(explain, file, &document, &err);
	if (r < 0) {
		document_print_error(&document, file->path, r, &err, text);
		r = ctl_usage("%s", text);
	}
	document_free(&document);
	return r;
}

static void write_replaced(struct explain *explain, const struct hooks_d_file *file)
{
	char reason[HOOKS_D_REASON_SIZE];

	snprintf(reason, sizeof(reason), "replaced by that in %s", file->replaced_by);
	write_match(explain, file, HOOKS_D_NO, reason, &(struct hooks_d){0});
}

static int explain_hooks_dirs(struct explain *explain)
{
	const struct ctl_options *options = &explain->ctl->options;
	struct hooks_d_files files = {0};
	const char *directory = NULL;
	int exit_status = 0, r;

	if (options->hooks_dir_count == 0)
		return 0;
	r = hooks_d_files_find(options->hooks_dirs, options->hooks_dir_count, &files, &directory);
	if (r < 0)
		exit_status = ctl_usage("--hooks-dir=%s: %s", directory != NULL ? directory : "",
					strerror(-r));
	hp_json_key(&explain->writer, "hooksDir");
	hp_json_begin(&explain->writer, '[');
	for (size_t i = 0; r == 0 && i < files.count; i++) {
		int status = 0;

		if (files.list[i].replaced_by != NULL)
			write_replaced(explain, &files.list[i]);
		else
			status = match_file(explain, &files.list[i]);
		exit_status = status != 0 ? status : exit_status;
	}
	hp_json_end(&explain->writer, ']');
	hooks_d_files_free(&files);
	return exit_status;
}

/* ---- a stage ---- */

/* The shim of a delegated config is executed by the runtime, not by hookd. */
static void note_failures(struct explain *explain, const struct hookd_explanation *explanation)
{
	struct hp_buf hooks = HP_BUF_INIT;
	const char *stage;

	explain->is_refused |= !explanation->allowed || explanation->fails != NULL;
	for (size_t i = 0; i < explanation->hook_count; i++) {
		const struct hookd_explained_hook *hook = &explanation->hooks[i];

		if (hook->fails != NULL && !delegated_read(hook->path, hook->args, &hooks, &stage))
			explain->is_refused = true;
	}
	hp_buf_free(&hooks);
}

static void put_explanation(struct explain *explain, const struct hookd_reply *reply)
{
	const char *json = hookd_reply_json(reply);

	hp_json_key(&explain->writer, "explanation");
	hp_json_put_raw(&explain->writer, json, strlen(json));
}

/* Asks about hooks of a stage. -errno. */
static int ask_about(struct explain *explain, enum hp_stage stage, const char *hooks,
		     bool is_delegated, struct hookd_reply **ret)
{
	const struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = hp_stage_names[stage],
	    .hooks = hooks,
	    .state = explain->files[STATE].text,
	    .settings = is_delegated ? NULL : explain->files[SETTINGS].text,
	    .dialect = is_delegated ? NULL : input_dialect_name(explain->dialect),
	    .namespaces = is_delegated ? NULL : ctl_option(explain->ctl, OPTION_NAMESPACES),
	};
	int r = ctl_open(explain->ctl);

	return r == 0 ? hookd_explain(explain->ctl->client, &request, ret) : r;
}

/* Hooks that the hook has hookd run. 0, an exit status after a message, or -ENOENT: it has none. */
static int write_delegated(struct explain *explain, enum hp_stage stage, size_t index,
			   const struct hookd_explained_hook *shim)
{
	struct hookd_reply *reply = NULL;
	struct hp_buf hooks = HP_BUF_INIT;
	const char *name;
	int r = -ENOENT;

	if (delegated_read(shim->path, shim->args, &hooks, &name)) {
		/* Without one, or with a wrong one, the hook fails. */
		for (int i = 0; name != NULL && i < HP_STAGE_COUNT; i++)
			if (strcmp(name, hp_stage_names[i]) == 0)
				stage = (enum hp_stage)i;
		r = hooks.failed ? -ENOMEM : ask_about(explain, stage, hooks.data, true, &reply);
		r = r < 0 ? ctl_call_failed(explain->ctl, r) : 0;
	}
	if (r == 0) {
		note_failures(explain, hookd_reply_explanation(reply));
		if (explain_is_json(explain)) {
			hp_json_begin(&explain->writer, '{');
			hp_json_add_int(&explain->writer, "hook", (int64_t)index);
			put_explanation(explain, reply);
			hp_json_end(&explain->writer, '}');
		} else {
			explain_print_delegated(explain, stage, index, shim,
						hookd_reply_explanation(reply));
		}
	}
	hookd_reply_free(reply);
	hp_buf_free(&hooks);
	return r;
}

/* 0, or an exit status after a message. */
static int write_stage(struct explain *explain, enum hp_stage stage,
		       const struct hookd_reply *reply)
{
	const struct hookd_explanation *explanation = hookd_reply_explanation(reply);
	int r = 0;

	note_failures(explain, explanation);
	explain->hook_count += explanation->hook_count;
	hp_json_begin(&explain->writer, '{');
	hp_json_add_string(&explain->writer, "stage", hp_stage_names[stage]);
	put_explanation(explain, reply);
	hp_json_key(&explain->writer, "delegated");
	hp_json_begin(&explain->writer, '[');
	if (!explanation->allowed)
		explain_print(explain, "%s: refused: %s\n", hp_stage_names[stage],
			      explanation->reason);
	for (size_t i = 0; r == 0 && i < explanation->hook_count; i++) {
		r = write_delegated(explain, stage, i, &explanation->hooks[i]);
		if (r != -ENOENT)
			continue;
		explain_print_hook(explain, stage, i, explanation);
		r = 0;
	}
	hp_json_end(&explain->writer, ']');
	hp_json_end(&explain->writer, '}');
	return r;
}

static int ask(struct explain *explain, enum hp_stage stage)
{
	struct hookd_reply *reply = NULL;
	int r = ask_about(explain, stage, explain->files[HOOKS].text, false, &reply);

	if (r < 0)
		return input_call_failed(explain->ctl, r, explain->files, FILE_COUNT);
	r = write_stage(explain, stage, reply);
	hookd_reply_free(reply);
	return r;
}

/* Of a stage that the config has no list for, or an empty one, without the comma. */
static void put_added(struct hp_buf *buf, const struct hp_buf *added, bool is_first)
{
	if (added->length > 0)
		hp_buf_append(buf, added->data + is_first, added->length - is_first);
	buf->failed |= added->failed;
}

/* The list with what is added to it. What is no list stays, and hookd will say so. */
static void put_list(struct hp_buf *buf, struct hp_json_value list, const struct hp_buf *added)
{
	size_t length;
	const char *text = hp_json_text(list, &length);

	if (hp_json_type(list) != HP_JSON_ARRAY) {
		hp_buf_append(buf, text, length);
		return;
	}
	hp_buf_append(buf, text, length - 1);
	put_added(buf, added, hp_json_count(list) == 0);
	hp_buf_append(buf, "]", 1);
}

/* The config's hooks and those that are added. */
static void put_all_hooks(struct explain *explain, struct hp_json_value hooks, struct hp_buf *buf)
{
	static const struct hp_buf nothing;
	struct hp_json_value key, list;
	const char *divider = "{";

	HP_JSON_FOREACH (key, list, hooks) {
		const struct hp_buf *added = &nothing;
		size_t length;
		const char *text = hp_json_text(key, &length);

		for (unsigned int i = 0; i < HP_STAGE_COUNT; i++)
			if (hp_json_equals(key, hp_stage_names[i]) && !hp_json_is_absent(list))
				added = &explain->added[i];
		hp_buf_format(buf, "%s%.*s:", divider, (int)length, text);
		put_list(buf, list, added);
		divider = ",";
	}
	for (unsigned int i = 0; i < HP_STAGE_COUNT; i++) {
		if (explain->added[i].length == 0 ||
		    !hp_json_is_absent(hp_json_member(hooks, hp_stage_names[i])))
			continue;
		hp_buf_format(buf, "%s\"%s\":[", divider, hp_stage_names[i]);
		put_added(buf, &explain->added[i], true);
		hp_buf_append(buf, "]", 1);
		divider = ",";
	}
	hp_buf_format(buf, "%s}%c", *divider == '{' ? "{" : "", '\0');
}

/* Makes the hooks that are sent to hookd those of the config and those that are added. */
static int merge_hooks(struct explain *explain)
{
	struct input_file *file = &explain->files[HOOKS];
	struct hp_buf all = HP_BUF_INIT;
	struct hp_err err;
	int r = hp_json_parse(&explain->hooks, file->text, strlen(file->text), &err);
	bool is_added = false;

	for (unsigned int i = 0; i < HP_STAGE_COUNT; i++)
		is_added |= explain->added[i].length > 0 || explain->added[i].failed;
	if (r < 0 || !is_added)
		return r;
	put_all_hooks(explain, hp_json_root(&explain->hooks), &all);
	if (all.failed) {
		hp_buf_free(&all);
		return -ENOMEM;
	}
	free(file->text);
	file->text = all.data;
	return hp_json_parse(&explain->hooks, file->text, strlen(file->text), &err);
}

/* The stage that was asked for, or each that has hooks. */
static bool is_wanted(const struct explain *explain, enum hp_stage stage)
{
	const char *wanted = ctl_option(explain->ctl, OPTION_STAGE);
	struct hp_json_value value =
	    hp_json_member(hp_json_root(&explain->hooks), hp_stage_names[stage]);

	if (wanted != NULL)
		return strcmp(wanted, hp_stage_names[stage]) == 0;
	return !hp_json_is_absent(value) &&
	       (hp_json_type(value) != HP_JSON_ARRAY || hp_json_count(value) > 0);
}

static int explain_stages(struct explain *explain)
{
	int r = merge_hooks(explain);

	if (r < 0)
		return ctl_call_failed(explain->ctl, r);
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

/* ---- all ---- */

/* The writer writes into a buffer of its own, which is dropped without --json. */
static int put(struct explain *explain, struct hp_buf *json_text)
{
	struct hp_json json = {0};
	struct hp_err err;
	int r;

	if (!explain_is_json(explain))
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
	bool has_hooks_dir = ctl_has(explain->ctl, OPTION_HOOKS_DIR);
	int hooks_d_status, exit_status, r = 0;

	explain->writer = HP_JSON_WRITER_INIT(&json_text);
	hp_json_begin(&explain->writer, '{');
	hooks_d_status = explain_hooks_dirs(explain);
	exit_status = explain_stages(explain);
	hp_json_end(&explain->writer, '}');
	/* Without hookd the matches are shown nevertheless. */
	if (exit_status == 0 || has_hooks_dir)
		r = put(explain, &json_text);
	hp_buf_free(&json_text);
	if (r < 0)
		return ctl_call_failed(explain->ctl, r);
	if (exit_status != 0 || hooks_d_status != 0)
		return exit_status != 0 ? exit_status : hooks_d_status;
	if (explain->hook_count == 0 && !explain->is_refused && !has_hooks_dir)
		ctl_note(explain->ctl, "No hooks");
	return explain->is_refused ? CTL_EXIT_FAILED : CTL_EXIT_OK;
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
