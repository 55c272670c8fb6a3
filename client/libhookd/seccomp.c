/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_compile_seccomp(): one call, one reply, which becomes an object with an arena of its own.
 * The method changes nothing, so it is sent again if hookd has closed an idle connection.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libhookd/call.h"
#include "client/libhookd/deadline.h"
#include "proto/json/base64.h"

#define COMPILE "io.hookd.settings.CompileSeccomp"

#define INSTRUCTION_BYTES 8    /* sizeof(struct sock_filter) */
#define INSTRUCTIONS_MAX  4096 /* BPF_MAXINSNS */

struct seccomp {
	struct hookd_seccomp view; /* first: the caller's pointer */
	struct hp_arena arena;
};

static_assert(offsetof(struct seccomp, view) == 0, "hookd_seccomp_free() casts");

/* ---- the reply ---- */

static int read_filter(struct hp_json_value bytes, struct hp_json_value instructions,
		       struct seccomp *seccomp, struct hp_err *err)
{
	uint64_t count;
	size_t length;
	char *text;
	int r = hp_json_get_uint64(instructions, 1, INSTRUCTIONS_MAX, &count, err);

	if (r < 0)
		return hp_err_prefix(err, r, "instructions");
	r = hp_json_get_string(bytes, &seccomp->arena, &text, err);
	if (r == 0 && (hp_base64_decode(text, text, strlen(text), &length) < 0 ||
		       length != count * INSTRUCTION_BYTES))
		r = hp_err_invalid(err, NULL, "is not that number of instructions");
	if (r < 0)
		return hp_err_prefix(err, r, "bpfBase64");
	seccomp->view.filter = (const struct sock_filter *)(const void *)text;
	seccomp->view.count = (unsigned short)count;
	return 0;
}

static int read_reply(struct hp_json_value reply, struct seccomp *seccomp, struct hp_err *err)
{
	struct hookd_seccomp *view = &seccomp->view;
	char **unknown = NULL;
	uint64_t flags = 0;
	int r = read_filter(hp_json_member(reply, "bpfBase64"),
			    hp_json_member(reply, "instructions"), seccomp, err);

	if (r < 0)
		return r;
	r = hp_json_get_uint64(hp_json_member(reply, "flags"), 0, UINT32_MAX, &flags, err);
	if (r < 0)
		return hp_err_prefix(err, r, "flags");
	r = hp_json_get_bool(hp_json_member(reply, "needsListener"), &view->needs_listener, err);
	if (r < 0)
		return hp_err_prefix(err, r, "needsListener");
	r = hp_json_get_strings(hp_json_member(reply, "unknownSyscalls"), &seccomp->arena, SIZE_MAX,
				&unknown, err);
	if (r < 0)
		return hp_err_prefix(err, r, "unknownSyscalls");
	view->flags = (unsigned int)flags;
	view->unknown_syscalls = (const char *const *)unknown;
	return 0;
}

/* ---- the call ---- */

static void write_call(struct hookd_client *client, const char *profile, const char *dialect)
{
	struct hp_json_writer writer = hp_call_begin(&client->call, COMPILE, false, false);

	hp_json_key(&writer, "seccomp");
	hp_json_put_raw(&writer, profile, strlen(profile));
	if (dialect) {
		hp_json_key(&writer, "dialect");
		hp_json_put_string(&writer, dialect);
	}
	hp_call_end(&writer);
}

static int take_reply(struct hookd_client *client, struct hp_json_value reply,
		      struct hookd_seccomp **ret)
{
	struct seccomp *seccomp = calloc(1, sizeof(*seccomp));
	struct hp_err err = {0};
	int r = seccomp ? read_reply(reply, seccomp, &err) : -ENOMEM;

	if (r == 0) {
		*ret = &seccomp->view;
		return 0;
	}
	if (seccomp)
		hookd_seccomp_free(&seccomp->view);
	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	return fault_set(&client->fault, -EBADMSG, "hookd's reply: %s %s", err.path, err.reason);
}

int hookd_compile_seccomp(struct hookd_client *client, const char *profile, const char *dialect,
			  struct hookd_seccomp **ret)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hp_reply reply;
	int r = client_begin(client);

	if (r >= 0 && !profile)
		r = fault_set_parameter(&client->fault, "seccomp", "is required");
	if (r >= 0)
		r = client_check_object(client, "seccomp", profile);
	if (r < 0)
		return r;
	write_call(client, profile, dialect);
	r = call_once(client, COMPILE, deadline, &reply);
	return r < 0 ? r : take_reply(client, reply.parameters, ret);
}

struct hookd_seccomp *hookd_seccomp_free(struct hookd_seccomp *view)
{
	struct seccomp *seccomp = (struct seccomp *)view;

	if (!seccomp)
		return NULL;
	hp_arena_free(&seccomp->arena);
	free(seccomp);
	return NULL;
}
