/* SPDX-License-Identifier: Apache-2.0 */

/* The verb validate: all mistakes of all files that it is given. */

#include <errno.h>
#include <string.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/table/escape.h"
#include "proto/json/json_writer.h"

/* The index in a list of names, or -1 if the option was not given. */
static int index_of(const struct ctl *ctl, enum option_id id, const char *const names[],
		    size_t count)
{
	const char *value = ctl_option(ctl, id);

	for (size_t i = 0; value != NULL && i < count; i++)
		if (strcmp(names[i], value) == 0)
			return (int)i;
	return -1;
}

static bool is_conf(const char *file, int type)
{
	size_t length = strlen(file);

	return type == CHECK_CONF ||
	       (type < 0 && length > 5 && strcmp(file + length - 5, ".conf") == 0);
}

static void report_warnings(const struct ctl *ctl, const char *file,
			    const struct findings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++) {
		struct hp_buf line = HP_BUF_INIT;

		finding_print(&warnings->list[i], file, &line);
		if (!line.failed)
			ctl_note(ctl, "warning: %.*s", (int)line.length - 1, line.data);
		hp_buf_free(&line);
	}
}

/* 0, or an exit status after a message. */
static int check_one(const struct ctl *ctl, const char *file, struct findings *findings)
{
	int type = index_of(ctl, OPTION_TYPE, check_type_names, CHECK_TYPE_COUNT);
	int dialect = index_of(ctl, OPTION_DIALECT, hp_dialect_names, HP_DIALECT_COUNT);
	struct findings warnings = {0};
	struct hp_err err = {0};
	int r;

	if (is_conf(file, type))
		r = check_conf(file, findings, &warnings, &err);
	else
		r = check_file(file, type, dialect, findings, &err);
	report_warnings(ctl, file, &warnings);
	findings_free(&warnings);
	if (r == 0)
		return 0;
	return ctl_usage("%s: %s", file, err.reason[0] != '\0' ? err.reason : strerror(-r));
}

/* ---- output ---- */

static void write_json(struct hp_json_writer *writer, const char *file,
		       const struct findings *findings)
{
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "file", file);
	hp_json_key(writer, "errors");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		hp_json_begin(writer, '{');
		hp_json_add_string(writer, "path", finding->path);
		if (finding->place.line > 0) {
			hp_json_add_int(writer, "line", finding->place.line);
			hp_json_add_int(writer, "column", finding->place.column);
		}
		hp_json_add_string(writer, "message", finding->message);
		hp_json_end(writer, '}');
	}
	hp_json_end(writer, ']');
	hp_json_end(writer, '}');
}

static void write_text(struct hp_buf *text, const char *file, const struct findings *findings)
{
	struct hp_buf line = HP_BUF_INIT;

	if (findings->count == 0) {
		hp_buf_append(&line, file, strlen(file));
		hp_buf_append(&line, ": OK\n", strlen(": OK\n"));
	}
	for (size_t i = 0; i < findings->count; i++)
		finding_print(&findings->list[i], file, &line);
	if (line.failed)
		text->failed = true;
	else
		escape_append(text, line.data, line.length, ESCAPE_LINES);
	hp_buf_free(&line);
}

static int put(const struct ctl *ctl, struct hp_buf *text)
{
	struct hp_json json = {0};
	struct hp_err err;
	int r;

	if (ctl->json == CTL_JSON_OFF || text->failed)
		return ctl_put(text);
	r = hp_json_parse(&json, text->data, text->length, &err);
	if (r == 0)
		r = ctl_put_json(ctl, hp_json_root(&json));
	hp_json_free(&json);
	hp_buf_free(text);
	return r;
}

int verb_validate(struct ctl *ctl)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	int exit_status = CTL_EXIT_OK;
	bool is_json = ctl->json != CTL_JSON_OFF;

	if (is_json)
		hp_json_begin(&writer, '[');
	for (size_t i = 0; i < ctl->options.operand_count; i++) {
		const char *file = ctl->options.operands[i];
		struct findings findings = {0};
		int status = check_one(ctl, file, &findings);

		if (status == 0 && is_json)
			write_json(&writer, file, &findings);
		else if (status == 0)
			write_text(&text, file, &findings);
		if (status == 0 && findings.count > 0)
			status = CTL_EXIT_FAILED;
		exit_status = status > exit_status ? status : exit_status;
		findings_free(&findings);
	}
	if (is_json)
		hp_json_end(&writer, ']');
	if (put(ctl, &text) < 0)
		return ctl_stdout_error() != 0 ? ctl_stdout_failed() : CTL_EXIT_UNREACHABLE;
	return exit_status;
}
