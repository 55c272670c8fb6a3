/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_apply(), hookd_update(), hookd_release(), hookd_holdings(): one call, one reply each. The
 * first three have no request id that would make it safe to send them twice: a connection lost
 * after sending is -EPIPE. The last changes nothing.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libhookd/applied.h"
#include "client/libhookd/call.h"
#include "client/libhookd/deadline.h"

#define APPLY	 "io.hookd.settings.Apply"
#define UPDATE	 "io.hookd.settings.Update"
#define RELEASE	 "io.hookd.settings.Release"
#define HOLDINGS "io.hookd.settings.Holdings"

/* ---- the request ---- */

/* The writer replaces invalid UTF-8, so hookd would hold things for another name. */
static int settings_check_container(struct hookd_client *client, const char *container)
{
	if (!container)
		return fault_set_parameter(&client->fault, "container", "is required");
	if (!hp_json_is_text(container, strlen(container)))
		return fault_set_parameter(&client->fault, "container", "must be UTF-8");
	return 0;
}

static int settings_check(struct hookd_client *client, const struct hookd_apply_request *request,
			  bool has_process)
{
	int r = settings_check_container(client, request->container);

	if (r < 0)
		return r;
	if (has_process && request->pid <= 0)
		return fault_set_parameter(&client->fault, "pid", "must be a process id");
	if (!has_process && request->pid != 0)
		return fault_set_parameter(&client->fault, "pid", "must be 0: no process is moved");
	if (!has_process && request->cgroup_manager)
		return fault_set_parameter(&client->fault, "cgroup_manager",
					   "must be NULL: the cgroup exists");
	if (!request->settings)
		return fault_set_parameter(&client->fault, "settings", "is required");
	return client_check_object(client, "settings", request->settings);
}

/* Copies and checks a request, whose size may be that of an older header. */
static int settings_read(struct hookd_client *client, const struct hookd_apply_request *request,
			 bool has_process, struct hookd_apply_request *ret)
{
	struct hookd_apply_request known = {0};
	int r;

	if (request->size < sizeof(request->size))
		return fault_set_parameter(&client->fault, "size", "must be set");
	memcpy(&known, request, request->size < sizeof(known) ? request->size : sizeof(known));
	r = settings_check(client, &known, has_process);
	if (r < 0)
		return r;
	*ret = known;
	return 0;
}

static void put_text(struct hp_json_writer *writer, const char *key, const char *text)
{
	if (!text)
		return;
	hp_json_key(writer, key);
	hp_json_put_string(writer, text);
}

static void settings_write(struct hookd_client *client, const char *method,
			   const struct hookd_apply_request *request)
{
	struct hp_json_writer writer = hp_call_begin(&client->call, method, false, false);

	put_text(&writer, "container", request->container);
	if (request->pid != 0) {
		hp_json_key(&writer, "pid");
		hp_json_put_int(&writer, request->pid);
	}
	hp_json_key(&writer, "settings");
	hp_json_put_raw(&writer, request->settings, strlen(request->settings));
	put_text(&writer, "dialect", request->dialect);
	put_text(&writer, "cgroupManager", request->cgroup_manager);
	hp_call_end(&writer);
}

/* ---- the reply ---- */

/* Reports an error `r` of reading `member` of a reply: 0, -ENOMEM, -EBADMSG. */
static int settings_end(struct hookd_client *client, int r, const char *member, struct hp_err *err)
{
	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	if (r < 0) {
		(void)hp_err_prefix(err, r, member);
		return fault_set(&client->fault, -EBADMSG, "hookd's reply: %s %s", err->path,
				 err->reason);
	}
	return 0;
}

static int settings_apply(struct hookd_client *client, const char *method,
			  const struct hookd_apply_request *request, struct hookd_applied **ret)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hookd_apply_request known = {0};
	struct hp_reply reply;
	struct hp_err err;
	int r = client_begin(client);

	if (r >= 0)
		r = settings_read(client, request, strcmp(method, APPLY) == 0, &known);
	if (r < 0)
		return r;
	settings_write(client, method, &known);
	r = call_once(client, method, deadline, &reply);
	if (r < 0)
		return r;
	r = applied_new(hp_json_member(reply.parameters, "applied"), known.container, ret, &err);
	return settings_end(client, r, "applied", &err);
}

int hookd_apply(struct hookd_client *client, const struct hookd_apply_request *request,
		struct hookd_applied **ret)
{
	return settings_apply(client, APPLY, request, ret);
}

int hookd_update(struct hookd_client *client, const struct hookd_apply_request *request,
		 struct hookd_applied **ret)
{
	return settings_apply(client, UPDATE, request, ret);
}

/* A vector and its strings in one block for free(3). */
static char **pack_strings(char *const *strings)
{
	size_t count = 0, bytes = 0;
	char **packed, *text;

	for (; strings[count]; count++)
		bytes += strlen(strings[count]) + 1;
	packed = malloc((count + 1) * sizeof(*packed) + bytes);
	if (!packed)
		return NULL;
	text = (char *)(packed + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(strings[i]) + 1;

		packed[i] = memcpy(text, strings[i], size);
		text += size;
	}
	packed[count] = NULL;
	return packed;
}

static int read_removed(struct hp_json_value value, char ***ret, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	char **strings, **packed = NULL;
	int r = hp_json_get_strings(value, &arena, SIZE_MAX, &strings, err);

	if (r == 0)
		packed = pack_strings(strings);
	hp_arena_free(&arena);
	if (r < 0)
		return r;
	if (!packed)
		return hp_err_no_memory(err);
	*ret = packed;
	return 0;
}

int hookd_release(struct hookd_client *client, const char *container, char ***ret)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hp_json_writer writer;
	struct hp_reply reply;
	struct hp_err err;
	int r = client_begin(client);

	if (r >= 0)
		r = settings_check_container(client, container);
	if (r < 0)
		return r;
	writer = hp_call_begin(&client->call, RELEASE, false, false);
	put_text(&writer, "container", container);
	hp_call_end(&writer);
	r = call_once(client, RELEASE, deadline, &reply);
	if (r < 0)
		return r;
	r = read_removed(hp_json_member(reply.parameters, "removed"), ret, &err);
	return settings_end(client, r, "removed", &err);
}

int hookd_holdings(struct hookd_client *client, struct hookd_holdings **ret)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hp_json_writer writer;
	struct hp_reply reply;
	struct hp_err err;
	int r = client_begin(client);

	if (r < 0)
		return r;
	writer = hp_call_begin(&client->call, HOLDINGS, false, false);
	hp_call_end(&writer);
	r = call_once(client, HOLDINGS, deadline, &reply);
	if (r < 0)
		return r;
	r = holdings_new(hp_json_member(reply.parameters, "containers"), ret, &err);
	return settings_end(client, r, "containers", &err);
}
