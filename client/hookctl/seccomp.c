/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb seccomp: has hookd compile a profile, lists the program, and writes its bytes where
 * --output says, ready for seccomp(2) or for bubblewrap's --seccomp.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/bpf.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/output_file.h"

/* ---- the answer ---- */

/* What the installer of the program needs to know, as comments above it. */
static void write_legend(const struct hookd_seccomp *seccomp, struct hp_buf *text)
{
	hp_buf_format(text, "; %u instructions, flags 0x%x\n", seccomp->count, seccomp->flags);
	if (seccomp->needs_listener)
		hp_buf_format(text,
			      "; a rule asks a listener: add SECCOMP_FILTER_FLAG_NEW_LISTENER\n");
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
		ctl_note(ctl, "%s: a system call that hookd's machine does not know; ignored",
			 *name);
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

/* The bounding set that --caps names, "CAP_A,CAP_B" or "none". NULL: out of memory. */
static char **split_capabilities(const char *text, struct hp_arena *arena)
{
	char *names = hp_arena_copy(arena, text, strlen(text)), *state;
	char **list = hp_arena_calloc(arena, strlen(text) + 1, sizeof(*list));
	size_t count = 0;

	if (names == NULL || list == NULL)
		return NULL;
	if (strcmp(text, "none") == 0)
		return list;
	for (char *name = strtok_r(names, ",", &state); name; name = strtok_r(NULL, ",", &state))
		list[count++] = name;
	return list;
}

/* That of --caps, or of the config.json; NULL: none is given. */
static int find_capabilities(const struct ctl *ctl, struct hp_json_value root,
			     struct hp_arena *arena, char ***ret)
{
	struct hp_json_value process = hp_json_member(root, "process");
	struct hp_json_value given =
	    hp_json_member(hp_json_member(process, "capabilities"), "bounding");
	const char *names = ctl_option(ctl, OPTION_CAPS);
	struct hp_err err;

	*ret = NULL;
	if (names != NULL) {
		*ret = split_capabilities(names, arena);
		return *ret != NULL ? 0 : -ENOMEM;
	}
	if (hp_json_is_absent(given))
		return 0;
	return hp_json_get_strings(given, arena, SIZE_MAX, ret, &err);
}

static int compile(struct ctl *ctl, const struct input_file *file, enum hp_dialect dialect)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hookd_reply *reply = NULL;
	char **capabilities;
	int r = ctl_open(ctl);

	if (r == 0)
		r = find_capabilities(ctl, hp_json_root(&file->document.json), &arena,
				      &capabilities);
	if (r == 0)
		r = hookd_compile_seccomp_for(ctl->client, file->text, input_dialect_name(dialect),
					      (const char *const *)capabilities, &reply);
	if (r == 0)
		r = show(ctl, reply);
	r = r < 0 ? input_call_failed(ctl, r, file, 1)
		  : write_program(ctl, hookd_reply_seccomp(reply));
	hookd_reply_free(reply);
	hp_arena_free(&arena);
	return r;
}

int verb_seccomp(struct ctl *ctl)
{
	struct input_file file = {INPUT_SECCOMP, ctl->options.operands[0]};
	enum hp_dialect dialect;
	int r = input_read(ctl, &file, 1, &dialect);

	if (r == 0)
		r = compile(ctl, &file, dialect);
	input_file_free(&file);
	return r;
}
