/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb seccomp: has hookd compile a profile, lists the program, and writes its bytes where
 * --output says, ready for seccomp(2) or for bubblewrap's --seccomp.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/bpf.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/output_file.h"

/* ---- the answer ---- */

static void put_line(struct hp_buf *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_line(struct hp_buf *text, const char *format, ...)
{
	char line[128];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	hp_buf_append(text, line, (size_t)length);
}

/* What the installer of the program needs to know, as comments above it. */
static void write_legend(const struct hookd_seccomp *seccomp, struct hp_buf *text)
{
	put_line(text, "; %u instructions, flags 0x%x\n", seccomp->count, seccomp->flags);
	if (seccomp->needs_listener)
		put_line(text, "; a rule asks a listener: add SECCOMP_FILTER_FLAG_NEW_LISTENER\n");
}

static int list(const struct ctl *ctl, const struct hookd_seccomp *seccomp)
{
	struct hp_buf text = HP_BUF_INIT;
	int r;

	if (ctl->has_legend)
		write_legend(seccomp, &text);
	r = bpf_list(seccomp->filter, seccomp->count, &text);
	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	return r;
}

static int show(const struct ctl *ctl, const struct hookd_reply *reply)
{
	const struct hookd_seccomp *seccomp = hookd_reply_seccomp(reply);

	for (const char *const *name = seccomp->unknown_syscalls; *name != NULL; name++)
		ctl_note(ctl, "%s: unknown to hookd's machine, ignored", *name);
	if (output_file_is_stdout(ctl))
		return 0;
	return ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL) : list(ctl, seccomp);
}

/* 0, or an exit status after a message. */
static int write_program(const struct ctl *ctl, const struct hookd_seccomp *seccomp)
{
	if (!ctl_has(ctl, OPTION_OUTPUT))
		return CTL_EXIT_OK;
	return output_file_write(ctl, seccomp->filter, seccomp->count * sizeof(struct sock_filter));
}

/* ---- the question ---- */

static int compile(struct ctl *ctl, const struct input_file *file)
{
	struct hookd_reply *reply = NULL;
	int r = file->text != NULL ? ctl_open(ctl) : -ENOMEM;

	if (r == 0)
		r = hookd_compile_seccomp(ctl->client, file->text, ctl_option(ctl, OPTION_DIALECT),
					  &reply);
	if (r == 0)
		r = show(ctl, reply);
	r = r < 0 ? input_call_failed(ctl, r, file, 1)
		  : write_program(ctl, hookd_reply_seccomp(reply));
	hookd_reply_free(reply);
	return r;
}

int verb_seccomp(struct ctl *ctl)
{
	struct input_file file = {.parameter = "seccomp", .path = ctl->options.operands[0]};
	char text[DOCUMENT_ERROR_SIZE];
	struct hp_err err = {0};
	int r = document_read(&file.document, file.path, &err);

	if (r == 0)
		r = run_slice_seccomp(hp_json_root(&file.document.json), input_dialect(ctl),
				      &file.slice, &err);
	if (r == 0) {
		file.text = strndup(file.slice.text, file.slice.length);
		r = compile(ctl, &file);
	} else {
		document_print_error(&file.document, file.path, r, &err, text);
		r = ctl_usage("%s", text);
	}
	input_file_free(&file);
	return r;
}
