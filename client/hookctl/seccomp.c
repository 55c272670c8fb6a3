/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb seccomp: has hookd compile a profile, lists the program, and writes its bytes where
 * --output says, ready for seccomp(2) or for bubblewrap's --seccomp.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/bpf.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "proto/json/base64.h"

struct answer {
	const struct ctl *ctl;
	struct hp_buf program; /* its bytes */
};

static bool is_for_stdout(const struct ctl *ctl)
{
	const char *output = ctl_option(ctl, OPTION_OUTPUT);

	return output != NULL && strcmp(output, "-") == 0;
}

/* ---- the answer ---- */

static int take_program(struct hp_json_value value, struct hp_buf *program)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	size_t length;
	char *text;
	int r = hp_json_get_string(value, &arena, &text, &err);

	if (r == 0)
		r = hp_base64_decode(text, text, strlen(text), &length);
	if (r == 0 && length % sizeof(struct sock_filter) != 0)
		r = -EINVAL;
	if (r == 0)
		hp_buf_append(program, text, length);
	hp_arena_free(&arena);
	return r == -EINVAL ? -EBADMSG : r;
}

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
static int write_legend(struct hp_json_value root, size_t count, struct hp_buf *text)
{
	struct hp_err err;
	uint64_t flags;
	bool needs_listener;
	int r = hp_json_get_uint64(hp_json_member(root, "flags"), 0, UINT32_MAX, &flags, &err);

	if (r == 0)
		r = hp_json_get_bool(hp_json_member(root, "needsListener"), &needs_listener, &err);
	if (r < 0)
		return -EBADMSG;
	put_line(text, "; %zu instructions, flags 0x%x\n", count, (unsigned int)flags);
	if (needs_listener)
		put_line(text, "; a rule asks a listener: add SECCOMP_FILTER_FLAG_NEW_LISTENER\n");
	return 0;
}

static int list(const struct answer *answer, struct hp_json_value root)
{
	size_t count = answer->program.length / sizeof(struct sock_filter);
	struct hp_buf text = HP_BUF_INIT;
	int r = answer->ctl->has_legend ? write_legend(root, count, &text) : 0;

	if (r == 0)
		r = bpf_list((const struct sock_filter *)(const void *)answer->program.data, count,
			     &text);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

static int tell_unknown(struct hp_json_value value)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	char **unknown;
	int r = hp_json_get_strings(value, &arena, SIZE_MAX, &unknown, &err);

	for (; r == 0 && *unknown != NULL; unknown++)
		ctl_error("hookd's machine does not know %s; it was ignored", *unknown);
	hp_arena_free(&arena);
	return r == -EINVAL ? -EBADMSG : r;
}

static int on_program(struct hp_json_value root, bool continues, void *userdata)
{
	struct answer *answer = userdata;
	int r = take_program(hp_json_member(root, "bpfBase64"), &answer->program);

	(void)continues;
	if (r == 0)
		r = tell_unknown(hp_json_member(root, "unknownSyscalls"));
	if (r < 0 || is_for_stdout(answer->ctl))
		return r;
	return answer->ctl->json != CTL_JSON_OFF ? ctl_put_json(answer->ctl, root)
						 : list(answer, root);
}

/* ---- the bytes ---- */

static int write_all(int fd, const struct hp_buf *program)
{
	for (size_t done = 0; done < program->length;) {
		ssize_t n = write(fd, program->data + done, program->length - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

/* 0, or an exit status after a message. */
static int write_program(const struct ctl *ctl, const struct hp_buf *program)
{
	const char *path = ctl_option(ctl, OPTION_OUTPUT);
	int fd, r;

	if (path == NULL)
		return CTL_EXIT_OK;
	fd = is_for_stdout(ctl) ? dup(STDOUT_FILENO)
				: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	r = fd < 0 ? -errno : write_all(fd, program);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	return r < 0 ? ctl_usage("--output=%s: %s", path, strerror(-r)) : CTL_EXIT_OK;
}

/* ---- the question ---- */

static int compile(struct ctl *ctl, const struct slice *profile)
{
	struct answer answer = {.ctl = ctl};
	struct hp_buf parameters = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&parameters);
	int r = -ENOMEM;

	hp_json_begin(&writer, '{');
	input_put_slice(&writer, "seccomp", profile);
	input_put_text(&writer, "dialect", ctl_option(ctl, OPTION_DIALECT));
	hp_json_end(&writer, '}');
	hp_buf_append(&parameters, "", 1);
	if (!parameters.failed)
		r = ctl_call(ctl, "io.hookd.settings.CompileSeccomp", parameters.data, false,
			     on_program, &answer);
	hp_buf_free(&parameters);
	r = r < 0 ? ctl_setting_failed(ctl, r) : write_program(ctl, &answer.program);
	hp_buf_free(&answer.program);
	return r;
}

int verb_seccomp(struct ctl *ctl)
{
	const char *path = ctl->options.operands[0];
	struct document document = {0};
	struct slice profile;
	struct hp_err err = {0};
	int r = document_read(&document, path, &err);

	if (r == 0)
		r = run_slice_seccomp(hp_json_root(&document.json), input_dialect(ctl), &profile,
				      &err);
	if (r < 0)
		r = ctl_usage("%s: %s", path, err.reason[0] != '\0' ? err.reason : strerror(-r));
	else
		r = compile(ctl, &profile);
	document_free(&document);
	return r;
}
