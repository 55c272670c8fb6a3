/* SPDX-License-Identifier: Apache-2.0 */

/* CompileSeccomp. */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/libhookd/ask.h"
#include "proto/json/base64.h"

#define INSTRUCTION_BYTES 8    /* sizeof(struct sock_filter) */
#define INSTRUCTIONS_MAX  4096 /* BPF_MAXINSNS */

/* ---- the reply ---- */

static int read_filter(struct hp_json_value bytes, struct hp_json_value instructions,
		       struct hookd_reply *reply, struct hp_err *err)
{
	uint64_t count;
	size_t length;
	char *text;
	int r = hp_json_get_uint64(instructions, 1, INSTRUCTIONS_MAX, &count, err);

	if (r < 0)
		return hp_err_prefix(err, r, "instructions");
	r = hp_json_get_string(bytes, &reply->arena, &text, err);
	if (r == 0 && (hp_base64_decode(text, text, strlen(text), &length) < 0 ||
		       length != count * INSTRUCTION_BYTES))
		r = hp_err_invalid(err, NULL, "is not that number of instructions");
	if (r < 0)
		return hp_err_prefix(err, r, "bpfBase64");
	reply->of.seccomp.filter = (const struct sock_filter *)(const void *)text;
	reply->of.seccomp.count = (unsigned short)count;
	return 0;
}

static int seccomp_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	struct hookd_seccomp *view = &reply->of.seccomp;
	char **unknown = NULL;
	uint64_t flags = 0;
	int r = read_filter(hp_json_member(parameters, "bpfBase64"),
			    hp_json_member(parameters, "instructions"), reply, err);

	if (r < 0)
		return r;
	r = hp_json_get_uint64(hp_json_member(parameters, "flags"), 0, UINT32_MAX, &flags, err);
	if (r < 0)
		return hp_err_prefix(err, r, "flags");
	r = hp_json_get_bool(hp_json_member(parameters, "needsListener"), &view->needs_listener,
			     err);
	if (r < 0)
		return hp_err_prefix(err, r, "needsListener");
	r = hp_json_get_strings(hp_json_member(parameters, "unknownSyscalls"), &reply->arena,
				SIZE_MAX, &unknown, err);
	if (r < 0)
		return hp_err_prefix(err, r, "unknownSyscalls");
	view->flags = (unsigned int)flags;
	view->unknown_syscalls = (const char *const *)unknown;
	return 0;
}

/* ---- the call ---- */

static int seccomp_ask(struct hookd_client *client, const char *profile, const char *dialect,
		       const char *const *capabilities, const struct asker *asker)
{
	static const struct method method = {"io.hookd.settings.CompileSeccomp", REPLY_SECCOMP,
					     seccomp_read};
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0 && !profile)
		r = fault_set_parameter(&client->fault, "seccomp", "is required");
	if (r >= 0)
		r = client_check_object(client, "seccomp", profile);
	if (r < 0)
		return r;
	writer = ask_write(client, &method);
	hp_json_key(&writer, "seccomp");
	hp_json_put_raw(&writer, profile, strlen(profile));
	hp_json_add_string(&writer, "dialect", dialect);
	if (capabilities) {
		hp_json_key(&writer, "capabilities");
		hp_json_put_strings(&writer, (char *const *)capabilities);
	}
	return ask_send(client, &method, &writer, NULL, asker);
}

int hookd_compile_seccomp(struct hookd_client *client, const char *profile, const char *dialect,
			  struct hookd_reply **ret)
{
	return seccomp_ask(client, profile, dialect, NULL, ASK_NOW(ret));
}

int hookd_compile_seccomp_for(struct hookd_client *client, const char *profile, const char *dialect,
			      const char *const *capabilities, struct hookd_reply **ret)
{
	return seccomp_ask(client, profile, dialect, capabilities, ASK_NOW(ret));
}

int hookd_compile_seccomp_start(struct hookd_client *client, const char *profile,
				const char *dialect, hookd_done_fn done, void *userdata)
{
	return seccomp_ask(client, profile, dialect, NULL, ASK_LATER(done, userdata));
}

int hookd_compile_seccomp_for_start(struct hookd_client *client, const char *profile,
				    const char *dialect, const char *const *capabilities,
				    hookd_done_fn done, void *userdata)
{
	return seccomp_ask(client, profile, dialect, capabilities, ASK_LATER(done, userdata));
}
