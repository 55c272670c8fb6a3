/* SPDX-License-Identifier: Apache-2.0 */
/* The process that compiles one profile: limits itself, reads, compiles, writes, ends. */
#include "daemon/compiler.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "daemon/apply/seccomp.h"
#include "daemon/run/compiled.h"
#include "proto/buf.h"
#include "proto/settings_json.h"

/* A canonical text is longer than the message that it came in, but not by much. */
#define TEXT_BYTES_MAX (8u * 1024 * 1024)

/* AddressSanitizer has terabytes of address space for itself. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SPACE_MAX RLIM_INFINITY
#else
#define ADDRESS_SPACE_MAX (256u << 20)
#endif

bool compiler_is_asked_for(int argc, char **argv)
{
	return argc > 0 && strcmp(argv[0], COMPILER_NAME) == 0;
}

/*
 * What a second of work on a profile can need, and none of hookd's rights. Where memory is short,
 * this process is the one to go.
 */
static void confine(void)
{
	static const struct {
		int resource;
		struct rlimit limit;
	} limits[] = {
	    {RLIMIT_CPU, {1, 2}}, /* SIGXCPU at the first, which says why */
	    {RLIMIT_AS, {ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX}},
	    {RLIMIT_CORE, {0, 0}},
	    {RLIMIT_FSIZE, {1 << 20, 1 << 20}}, /* memory that libseccomp writes into is a file */
	    {RLIMIT_NOFILE, {16, 16}},
	};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
	for (size_t i = 0; i < ELEMENTS(limits); i++)
		(void)setrlimit(limits[i].resource, &limits[i].limit);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)syscall(SYS_capset, &header, none);
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
		r = hp_err_invalid(err, NULL, "the profile says nothing");
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
				      "it names too many system calls that nobody knows");
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

int compiler_main(void)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_err err = {0};
	int r;

	confine();
	r = read_text(&text);
	if (r == 0)
		r = compile(&text, &err);
	hp_buf_free(&text);
	if (r < 0) {
		struct compiled failed = {.error = -r};

		(void)!write(STDOUT_FILENO, &failed, sizeof(failed));
		dprintf(STDERR_FILENO, "%s", err.reason[0] ? err.reason : strerror(-r));
	}
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
