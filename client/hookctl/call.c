/* SPDX-License-Identifier: Apache-2.0 */

/* What all verbs use: the connection to hookd, and writes to stdout, as text, JSON or a template.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/json_print.h"
#include "client/hookctl/terminal/pager.h"
#include "client/hookctl/terminal/terminal.h"

static int stdout_error; /* errno of the first failed write */

/* ---- hookd ---- */

int ctl_open(struct ctl *ctl)
{
	return ctl->client != NULL
		   ? 0
		   : hookd_client_new(ctl_option(ctl, OPTION_ADDRESS), &ctl->client);
}

int ctl_read_reply(const struct hookd_reply *reply, struct hp_json *json)
{
	const char *text = hookd_reply_json(reply);
	struct hp_err err;

	return hp_json_parse(json, text, strlen(text), &err);
}

/* ---- stdout ---- */

int ctl_keep_stdout_error(void)
{
	if (stdout_error == 0)
		stdout_error = errno;
	return -stdout_error;
}

int ctl_stdout_error(void)
{
	return stdout_error;
}

int ctl_stdout_failed(void)
{
	assert(stdout_error != 0);
	ctl_error("write error: %s", strerror(stdout_error));
	return CTL_EXIT_UNREACHABLE;
}

int ctl_put(struct hp_buf *buf)
{
	int r = buf->failed ? -ENOMEM : 0;

	if (r == 0 && buf->length > 0 && fwrite(buf->data, 1, buf->length, stdout) != buf->length)
		r = ctl_keep_stdout_error();
	hp_buf_free(buf);
	return r;
}

/* Lines that are wider than the screen take more than one row; that is left to the pager. */
static bool is_beyond_screen(const struct hp_buf *buf)
{
	size_t lines = 0;

	for (size_t i = 0; i < buf->length; i++)
		lines += buf->data[i] == '\n';
	return lines >= terminal_size(STDOUT_FILENO).rows;
}

int ctl_page(const struct ctl *ctl, struct hp_buf *buf)
{
	if (!ctl->has_pager || buf->failed || !is_beyond_screen(buf))
		return ctl_put(buf);
	fflush(stdout);
	if (pager_show(buf->data, buf->length) < 0)
		return ctl_put(buf);
	hp_buf_free(buf);
	return 0;
}

/* ---- JSON ---- */

int ctl_put_json(const struct ctl *ctl, struct hp_json_value value)
{
	struct hp_buf text = HP_BUF_INIT;

	assert(ctl->json != CTL_JSON_OFF);
	json_print(&text, value,
		   ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT, 0);
	hp_buf_append(&text, "\n", 1);
	return ctl_page(ctl, &text);
}

int ctl_put_reply(const struct ctl *ctl, const struct hookd_reply *reply, const char *member)
{
	struct hp_json json = {0};
	int r = ctl_read_reply(reply, &json);

	if (r == 0) {
		struct hp_json_value root = hp_json_root(&json);

		r = ctl_put_json(ctl, member != NULL ? hp_json_member(root, member) : root);
	}
	hp_json_free(&json);
	return r;
}

/* ---- --format ---- */

static int put_template(const struct ctl *ctl, struct template *template,
			const struct ctl_row *rows, size_t count)
{
	const struct table_style style = ctl_table_style(ctl);
	struct hp_buf text = HP_BUF_INIT;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = template_add(template, rows[i].object, rows[i].extras);
	if (r == 0)
		r = template_write(template, &style, &text);
	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	return r;
}

int ctl_put_formatted(const struct ctl *ctl, const char *names, const struct ctl_row *rows,
		      size_t count)
{
	const char *format = ctl_option(ctl, OPTION_FORMAT);
	struct template template;
	char error[512];
	int r;

	assert(format != NULL);
	r = template_read(&template, format, names, ctl->is_terminal, error, sizeof(error));
	if (r == -EINVAL)
		return ctl_usage("--format: %s", error);
	if (r == 0) {
		r = put_template(ctl, &template, rows, count);
		template_free(&template);
	}
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}

int ctl_put_formatted_reply(const struct ctl *ctl, const char *names,
			    const struct hookd_reply *reply, int *ret_exit)
{
	struct hp_json json = {0};
	int r = ctl_read_reply(reply, &json);

	if (r == 0)
		*ret_exit = ctl_put_formatted(ctl, names,
					      &(struct ctl_row){.object = hp_json_root(&json)}, 1);
	hp_json_free(&json);
	return r;
}

int ctl_put_formatted_array(const struct ctl *ctl, const char *names, struct hp_json_value array)
{
	struct ctl_row *rows = calloc(hp_json_count(array) + 1, sizeof(*rows));
	struct hp_json_value key, value;
	size_t count = 0;
	int exit_status;

	if (rows == NULL)
		return ctl_call_failed(ctl, -ENOMEM);
	HP_JSON_FOREACH (key, value, array)
		rows[count++].object = value;
	exit_status = ctl_put_formatted(ctl, names, rows, count);
	free(rows);
	return exit_status;
}
