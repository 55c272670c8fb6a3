/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all verbs use: calls to hookd, the messages for their errors, and the writes to stdout and
 * stderr. Text for stderr is escaped here, since messages quote names of hooks and containers.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/json_print.h"

static int stdout_error; /* errno of the first failed write */

static void error_va(const char *format, va_list arguments)
{
	struct hp_buf line = HP_BUF_INIT;
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	escape_append(&line, text, strlen(text), ESCAPE_LINE);
	fflush(stdout);
	if (!line.failed)
		fprintf(stderr, "hookctl: %.*s\n", (int)line.length, line.data);
	hp_buf_free(&line);
	free(text);
}

void ctl_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_va(format, arguments);
	va_end(arguments);
}

int ctl_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_va(format, arguments);
	va_end(arguments);
	return CTL_EXIT_USAGE;
}

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
	ctl_error("stdout: %s", strerror(stdout_error));
	return CTL_EXIT_UNREACHABLE;
}

struct reply_reader {
	struct hp_json json;
	ctl_reply_fn function;
	void *userdata;
	int error; /* our own, from reading the reply */
};

static int on_reply(const char *parameters, bool continues, void *userdata)
{
	struct reply_reader *reader = userdata;
	struct hp_err err;
	int r = hp_json_parse(&reader->json, parameters, strlen(parameters), &err);

	if (r == 0)
		r = reader->function(hp_json_root(&reader->json), continues, reader->userdata);
	reader->error = r == -EINVAL || r == -EMSGSIZE ? -EBADMSG : r;
	return reader->error;
}

int ctl_open(struct ctl *ctl)
{
	return ctl->client != NULL
		   ? 0
		   : hookd_client_new(ctl_option(ctl, OPTION_ADDRESS), &ctl->client);
}

int ctl_call(struct ctl *ctl, const char *method, const char *parameters, bool more,
	     ctl_reply_fn function, void *userdata)
{
	struct reply_reader reader = {.function = function, .userdata = userdata};
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_call(ctl->client, method, parameters, more,
			       function != NULL ? on_reply : NULL, &reader);
	ctl->reply_error = reader.error;
	hp_json_free(&reader.json);
	return r;
}

int ctl_call_failed(const struct ctl *ctl, int r)
{
	assert(r < 0);
	if (stdout_error != 0)
		return ctl_stdout_failed();
	if (ctl->client == NULL && r == -EINVAL)
		return ctl_usage("the address of hookd must be unix:PATH");
	if (ctl->reply_error == -EBADMSG)
		ctl_error("the reply of hookd cannot be understood");
	else if (ctl->client == NULL || ctl->reply_error < 0 ||
		 *hookd_client_error(ctl->client) == '\0')
		ctl_error("%s", strerror(-r));
	else
		ctl_error("%s", hookd_client_error(ctl->client));
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

int ctl_put_json(const struct ctl *ctl, struct hp_json_value value)
{
	struct hp_buf text = HP_BUF_INIT;

	assert(ctl->json != CTL_JSON_OFF);
	json_print(&text, value,
		   ctl->json == CTL_JSON_PRETTY ? JSON_PRINT_INDENT : JSON_PRINT_COMPACT, 0);
	hp_buf_append(&text, "\n", 1);
	return ctl_put(&text);
}

int ctl_read_reply(const struct hookd_reply *reply, struct hp_json *json)
{
	const char *text = hookd_reply_json(reply);
	struct hp_err err;

	return hp_json_parse(json, text, strlen(text), &err);
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

int ctl_finish(const struct ctl *ctl, struct hookd_reply *reply, int r)
{
	hookd_reply_free(reply);
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}
