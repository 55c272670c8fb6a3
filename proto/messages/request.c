/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The request of io.hookd.hooks.Run. It is read as a whole or not at all, and an error names its
 * field. The request keeps one copy of the parameters' text; the state that hooks get on stdin is a
 * part of that copy.
 */

#include "proto/messages/request.h"

#include <errno.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_json.h"

enum parameter {
	PARAMETER_STAGE,
	PARAMETER_STATE,
	PARAMETER_HOOKS,
	PARAMETER_DIALECT,
	PARAMETER_SETTINGS,
	PARAMETER_NAMESPACES,
	EXPLAIN_PARAMETER_COUNT, /* those above are parameters of Explain, too */
	PARAMETER_REQUEST_ID = EXPLAIN_PARAMETER_COUNT,
	PARAMETER_ON_DISCONNECT,
	PARAMETER_TRACEPARENT,
	PARAMETER_COUNT,
};

static const char *const parameter_names[PARAMETER_COUNT] = {
    [PARAMETER_STAGE] = "stage",
    [PARAMETER_STATE] = "state",
    [PARAMETER_HOOKS] = "hooks",
    [PARAMETER_DIALECT] = "dialect",
    [PARAMETER_SETTINGS] = "settings",
    [PARAMETER_NAMESPACES] = "namespaces",
    [PARAMETER_REQUEST_ID] = "requestId",
    [PARAMETER_ON_DISCONNECT] = "onDisconnect",
    [PARAMETER_TRACEPARENT] = "traceparent",
};

static const char *const namespaces_names[] = {
    [HP_NAMESPACES_AUTO] = "auto",
    [HP_NAMESPACES_RUNTIME] = "runtime",
    [HP_NAMESPACES_CONTAINER] = "container",
};

static const char *const on_disconnect_names[] = {
    [HP_ON_DISCONNECT_CONTINUE] = "continue",
    [HP_ON_DISCONNECT_CANCEL] = "cancel",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the state ---- */

/* Names with control characters would break lines of logs. */
static bool has_control_characters(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static int read_container(struct hp_json_value value, struct hp_request *request,
			  struct hp_err *err)
{
	int r = hp_json_get_name(value, &request->arena, HP_ID_BYTES_MAX, &request->container, err);

	if (r < 0)
		return r;
	if (has_control_characters(request->container))
		return hp_err_invalid(err, NULL, "must not have control characters");
	return 0;
}

static int read_bundle(struct hp_json_value value, struct hp_request *request, struct hp_err *err)
{
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_string(value, &request->arena, &request->bundle, err);
	if (r < 0)
		return r;
	if (strlen(request->bundle) > HP_PATH_BYTES_MAX)
		return hp_err_invalid(err, NULL, "must not be longer than %d bytes",
				      HP_PATH_BYTES_MAX);
	return 0;
}

static int read_pid(struct hp_json_value value, struct hp_request *request, struct hp_err *err)
{
	int64_t pid;
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_int64(value, 0, INT32_MAX, &pid, err);
	if (r < 0)
		return r;
	request->pid = (pid_t)pid;
	return 0;
}

static int read_state(struct hp_json_value value, struct hp_request *request, struct hp_err *err)
{
	static const char *const names[] = {"id", "pid", "bundle"};
	struct hp_json_value members[COUNT(names)];
	int r = hp_json_members(value, names, COUNT(names), false, members, err);

	if (r < 0)
		return r;
	r = read_container(members[0], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "id");
	r = read_pid(members[1], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "pid");
	r = read_bundle(members[2], request, err);
	return hp_err_prefix(err, r, "bundle");
}

/* ---- the other parameters ---- */

/* An enum that may be absent, *ret is its default. */
static int read_optional_enum(struct hp_json_value value, const char *const names[], size_t count,
			      int *ret, struct hp_err *err)
{
	return hp_json_is_absent(value) ? 0 : hp_json_get_enum(value, names, count, ret, err);
}

static int read_enums(const struct hp_json_value *parameters, struct hp_request *request,
		      struct hp_err *err)
{
	int stage, dialect = HP_DIALECT_OCI, namespaces = HP_NAMESPACES_AUTO;
	int on_disconnect = HP_ON_DISCONNECT_CONTINUE;
	int r;

	r = hp_json_get_enum(parameters[PARAMETER_STAGE], hp_stage_names, HP_STAGE_COUNT, &stage,
			     err);
	if (r < 0)
		return hp_err_prefix(err, r, "stage");
	r = read_optional_enum(parameters[PARAMETER_DIALECT], hp_dialect_names, HP_DIALECT_COUNT,
			       &dialect, err);
	if (r < 0)
		return hp_err_prefix(err, r, "dialect");
	r = read_optional_enum(parameters[PARAMETER_NAMESPACES], namespaces_names,
			       COUNT(namespaces_names), &namespaces, err);
	if (r < 0)
		return hp_err_prefix(err, r, "namespaces");
	r = read_optional_enum(parameters[PARAMETER_ON_DISCONNECT], on_disconnect_names,
			       COUNT(on_disconnect_names), &on_disconnect, err);
	if (r < 0)
		return hp_err_prefix(err, r, "onDisconnect");
	request->stage = (enum hp_stage)stage;
	request->dialect = (enum hp_dialect)dialect;
	request->namespaces = (enum hp_namespaces)namespaces;
	request->on_disconnect = (enum hp_on_disconnect)on_disconnect;
	return 0;
}

static int read_hooks(struct hp_json_value value, struct hp_request *request, struct hp_err *err)
{
	struct hp_hooks hooks;
	int r = hp_hooks_read(value, request->dialect, &request->arena, &hooks, err);

	if (r < 0)
		return r;
	request->hooks = hooks.stages[request->stage];
	return 0;
}

static int read_settings(struct hp_json_value value, struct hp_request *request, struct hp_err *err)
{
	if (hp_json_is_absent(value))
		return 0;
	return hp_settings_read(value, request->dialect, &request->arena, &request->settings, err);
}

static int read_request_id(struct hp_json_value value, struct hp_request *request,
			   struct hp_err *err)
{
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_name(value, &request->arena, HP_ID_BYTES_MAX, &request->request_id, err);
	if (r < 0)
		return r;
	for (const char *c = request->request_id; *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return hp_err_invalid(err, NULL, "must be printable ASCII");
	}
	return 0;
}

/* "00-TRACE-PARENT-FLAGS": a '0' stands for any lower-case hex digit. */
static bool is_traceparent(const char *text)
{
	static const char form[] = "00-00000000000000000000000000000000-0000000000000000-00";

	if (strlen(text) != strlen(form) || memcmp(text, "00-", 3) != 0)
		return false;
	for (size_t i = 0; i < strlen(form); i++) {
		bool is_hex =
		    (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

		if (form[i] == '-' ? text[i] != '-' : !is_hex)
			return false;
	}
	/* An id of all zeros is not valid. */
	return memcmp(text + 3, form + 3, 32) != 0 && memcmp(text + 36, form + 36, 16) != 0;
}

static int read_traceparent(struct hp_json_value value, struct hp_request *request,
			    struct hp_err *err)
{
	int r;

	if (hp_json_is_absent(value))
		return 0;
	r = hp_json_get_string(value, &request->arena, &request->traceparent, err);
	if (r < 0)
		return r;
	if (!is_traceparent(request->traceparent))
		return hp_err_invalid(err, NULL, "must be a W3C traceparent of version 00");
	return 0;
}

static int read_parameters(const struct hp_json_value *parameters, struct hp_request *request,
			   struct hp_err *err)
{
	int r = read_enums(parameters, request, err);

	if (r < 0)
		return r;
	if (!hp_json_is_absent(parameters[PARAMETER_STATE]))
		r = read_state(parameters[PARAMETER_STATE], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "state");
	r = read_hooks(parameters[PARAMETER_HOOKS], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "hooks");
	r = read_settings(parameters[PARAMETER_SETTINGS], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "settings");
	r = read_request_id(parameters[PARAMETER_REQUEST_ID], request, err);
	if (r < 0)
		return hp_err_prefix(err, r, "requestId");
	r = read_traceparent(parameters[PARAMETER_TRACEPARENT], request, err);
	return hp_err_prefix(err, r, "traceparent");
}

/* Copies the text; `state` points into the copy. */
static int keep_text(struct hp_json_value parameters, struct hp_json_value state,
		     struct hp_request *request, struct hp_err *err)
{
	const char *text = hp_json_text(parameters, &request->text_length);
	const char *state_text = hp_json_text(state, &request->state_length);

	request->text = hp_arena_copy(&request->arena, text, request->text_length);
	if (!request->text)
		return hp_err_no_memory(err);
	request->state = request->text + (state_text - text);
	return 0;
}

static int read_request(struct hp_json_value parameters, size_t count, unsigned int required,
			struct hp_request *ret_request, struct hp_err *err)
{
	struct hp_json_value values[PARAMETER_COUNT] = {0};
	struct hp_request request = {.arena = HP_ARENA_INIT};
	int r = hp_parameters_read(parameters, parameter_names, count, required, values, err);

	if (r == 0)
		r = read_parameters(values, &request, err);
	if (r == 0 && request.container)
		r = keep_text(parameters, values[PARAMETER_STATE], &request, err);
	if (r < 0) {
		hp_request_free(&request);
		return r;
	}
	*ret_request = request;
	return 0;
}

int hp_request_read(struct hp_json_value parameters, struct hp_request *ret_request,
		    struct hp_err *err)
{
	static const unsigned int required =
	    1u << PARAMETER_STAGE | 1u << PARAMETER_STATE | 1u << PARAMETER_HOOKS;

	return read_request(parameters, PARAMETER_COUNT, required, ret_request, err);
}

int hp_request_read_explain(struct hp_json_value parameters, struct hp_request *ret_request,
			    struct hp_err *err)
{
	static const unsigned int required = 1u << PARAMETER_STAGE | 1u << PARAMETER_HOOKS;

	return read_request(parameters, EXPLAIN_PARAMETER_COUNT, required, ret_request, err);
}

void hp_request_free(struct hp_request *request)
{
	hp_arena_free(&request->arena);
	*request = (struct hp_request){.arena = HP_ARENA_INIT};
}

/* ---- writing ---- */

static void write_string(struct hp_json_writer *writer, enum parameter parameter, const char *text)
{
	if (!text)
		return;
	hp_json_key(writer, parameter_names[parameter]);
	hp_json_put_string(writer, text);
}

static void write_json(struct hp_json_writer *writer, enum parameter parameter, const char *json)
{
	if (!json)
		return;
	hp_json_key(writer, parameter_names[parameter]);
	hp_json_put_raw(writer, json, strlen(json));
}

void hp_request_write(struct hp_buf *buf, const struct hp_request_draft *draft, bool more,
		      bool oneway)
{
	struct hp_json_writer writer = hp_call_begin(buf, HP_METHOD_RUN, more, oneway);

	write_string(&writer, PARAMETER_STAGE, draft->stage);
	write_json(&writer, PARAMETER_STATE, draft->state);
	write_json(&writer, PARAMETER_HOOKS, draft->hooks);
	write_string(&writer, PARAMETER_DIALECT, draft->dialect);
	write_json(&writer, PARAMETER_SETTINGS, draft->settings);
	write_string(&writer, PARAMETER_NAMESPACES, draft->namespaces);
	write_string(&writer, PARAMETER_REQUEST_ID, draft->request_id);
	write_string(&writer, PARAMETER_ON_DISCONNECT, draft->on_disconnect);
	write_string(&writer, PARAMETER_TRACEPARENT, draft->traceparent);
	hp_call_end(&writer);
}
