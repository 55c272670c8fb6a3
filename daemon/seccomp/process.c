/* SPDX-License-Identifier: Apache-2.0 */
/* The process that compiles one profile: enters its sandbox, reads, compiles, writes, exits. */
#include "daemon/seccomp/process.h"

#include <string.h>

#include "daemon/seccomp/answer.h"
#include "daemon/seccomp/confine.h"
#include "daemon/seccomp/seccomp.h"
#include "proto/base/buf.h"
#include "proto/settings/settings_json.h"

/* A canonical text can be longer than the profile in the request, but not by much. */
#define TEXT_BYTES_MAX (8u * 1024 * 1024)

bool compiler_is_asked_for(int argc, char **argv)
{
	return argc > 0 && strcmp(argv[0], COMPILER_NAME) == 0;
}

static int read_text(struct hp_buf *text)
{
	ssize_t n = 1;

	while (n > 0 && text->length < TEXT_BYTES_MAX) {
		char *space = hp_buf_reserve(text, 65536);

		if (!space)
			return -ENOMEM;
		n = read(STDIN_FILENO, space, 65536);
		if (n > 0)
			text->length += (size_t)n;
	}
	return n < 0 ? -errno : 0;
}

static int read_profile(struct hp_json *json, const struct hp_buf *text, struct hp_arena *arena,
			struct hp_seccomp **ret_profile, struct hp_err *err)
{
	int r = hp_json_parse(json, text->data ? text->data : "", text->length, err);

	if (r == 0)
		r = hp_seccomp_read(hp_json_root(json), HP_DIALECT_LIBCONTAINER, arena, ret_profile,
				    err);
	if (r == 0 && !*ret_profile)
		r = hp_err_invalid(err, NULL, "the profile is empty");
	return r;
}

static int write_all(const struct hp_buf *buf)
{
	for (size_t done = 0; done < buf->length;) {
		ssize_t n = write(STDOUT_FILENO, buf->data + done, buf->length - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int write_program(const struct seccomp_program *program, struct hp_err *err)
{
	struct compiled compiled = {
	    .count = (uint32_t)program->count,
	    .flags = program->flags,
	    .needs_listener = program->needs_listener,
	};
	struct hp_buf buf = HP_BUF_INIT;
	int r;

	for (char **name = program->unknown_syscalls; *name; name++)
		compiled.names_length += (uint32_t)strlen(*name) + 1;
	if (compiled.names_length > COMPILED_NAMES_BYTES_MAX)
		return hp_err_invalid(err, NULL,
				      "the profile has too many names of unknown system calls");
	hp_buf_append(&buf, &compiled, sizeof(compiled));
	hp_buf_append(&buf, program->instructions, program->count * sizeof(struct sock_filter));
	for (char **name = program->unknown_syscalls; *name; name++)
		hp_buf_append(&buf, *name, strlen(*name) + 1);
	r = buf.failed ? hp_err_no_memory(err) : write_all(&buf);
	hp_buf_free(&buf);
	return r;
}

static int compile(const struct hp_buf *text, struct hp_err *err)
{
	struct hp_json json = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct seccomp_program program;
	struct hp_seccomp *profile;
	int r = read_profile(&json, text, &arena, &profile, err);

	if (r == 0)
		r = seccomp_program_compile(profile, &program, err);
	if (r == 0) {
		r = write_program(&program, err);
		seccomp_program_clear(&program);
	}
	hp_arena_free(&arena);
	hp_json_free(&json);
	return r;
}

/* Not by stdio, which makes system calls that the filter does not allow. */
static void tell_failure(int error, const char *sentence)
{
	struct compiled failed = {.error = error};

	(void)!write(STDOUT_FILENO, &failed, sizeof(failed));
	(void)!write(STDERR_FILENO, sentence, strlen(sentence));
}

static bool is_compiler;

/*
 * Switches LeakSanitizer off, where hookd is built with it: at exit it clones a process that traces
 * this one, which the filter does not allow.
 */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return is_compiler;
}

/* Always -EIO, since other errors are taken for those of the profile. */
static int confine(struct hp_err *err)
{
	const char *step;
	int r = compiler_confine(&step);

	if (r == 0)
		return 0;
	(void)hp_err_setting(err, -EIO, NULL, "the compiler cannot confine itself: %s: %s", step,
			     strerror(-r));
	return -EIO;
}

int compiler_main(void)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_err err = {0};
	int r;

	is_compiler = true;
	r = confine(&err);
	if (r == 0)
		r = read_text(&text);
	if (r == 0)
		r = compile(&text, &err);
	hp_buf_free(&text);
	if (r < 0)
		tell_failure(-r, err.reason[0] ? err.reason : strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
