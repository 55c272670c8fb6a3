/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatches messages: parses the envelope, finds the method, checks the permission, calls the
 * handler and writes errors. The table of methods is the only place that says who may call what. No
 * other state.
 */
#include "daemon/ipc/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/ipc/interfaces.h"
#include "daemon/policy/policy.h"
#include "proto/base/limits.h"

struct method {
	const char *name;
	enum permission permission;
	handler_fn handle;
	const char *invalid; /* the error for invalid parameters, for hp_reply_err() */
};

static const struct method methods[] = {
    {"io.hookd.hooks.Run", PERMISSION_USE, handle_run, "io.hookd.hooks.Invalid"},
    {"io.hookd.hooks.Wait", PERMISSION_USE, handle_wait},
    {"io.hookd.hooks.Explain", PERMISSION_ANYONE, handle_explain, "io.hookd.hooks.Invalid"},
    {"io.hookd.hooks.Cancel", PERMISSION_USE, handle_cancel},
    {"io.hookd.status.List", PERMISSION_USE, handle_list},
    {"io.hookd.status.Get", PERMISSION_USE, handle_get},
    {"io.hookd.status.Watch", PERMISSION_USE, handle_watch},
    {"io.hookd.status.Summary", PERMISSION_USE, handle_summary},
    {"io.hookd.status.GetStatus", PERMISSION_USE, handle_get_status},
    {"io.hookd.status.GetMetrics", PERMISSION_USE, handle_get_metrics},
    {"io.hookd.control.Ping", PERMISSION_CONTROL, handle_ping},
    {"io.hookd.control.Reload", PERMISSION_CONTROL, handle_reload},
    {"io.hookd.control.SetLogLevel", PERMISSION_CONTROL, handle_set_log_level},
    {"io.hookd.control.Drain", PERMISSION_CONTROL, handle_drain},
    {"io.hookd.control.ExplainPolicy", PERMISSION_CONTROL, handle_explain_policy},
    {"io.hookd.settings.Apply", PERMISSION_APPLY, handle_apply, "io.hookd.settings.Invalid"},
    {"io.hookd.settings.Update", PERMISSION_APPLY, handle_update, "io.hookd.settings.Invalid"},
    {"io.hookd.settings.Release", PERMISSION_APPLY, handle_release},
    {"io.hookd.settings.Holdings", PERMISSION_APPLY, handle_holdings},
    {"io.hookd.settings.CompileSeccomp", PERMISSION_ANYONE, handle_compile_seccomp,
     "io.hookd.settings.Invalid"},
    {"org.varlink.service.GetInfo", PERMISSION_ANYONE, handle_get_info},
    {"org.varlink.service.GetInterfaceDescription", PERMISSION_ANYONE,
     handle_get_interface_description},
};

/* With a wrong configuration only what describes the interfaces, and so the error, works. */
static bool needs_config(const struct method *method)
{
	static const char prefix[] = "org.varlink.service.";

	return strncmp(method->name, prefix, sizeof(prefix) - 1) != 0;
}

static_assert(ELEMENTS(methods) <= METHODS_MAX, "METHODS_MAX");

const char *dispatch_method_name(size_t index)
{
	return index < ELEMENTS(methods) ? methods[index].name : NULL;
}

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

int dispatch_method_permission(const char *name)
{
	const struct method *method = find_method(name);

	return method ? (int)method->permission : -1;
}

static void reply_service_error(struct hp_buf *out, const char *error, const char *key,
				const char *value)
{
	struct hp_json_writer writer = hp_reply_begin(out, error, false);

	hp_json_key(&writer, key);
	hp_json_put_string(&writer, value);
	hp_reply_end(&writer);
}

static void reply_not_found(struct hp_buf *out, const struct hp_call *call)
{
	char interface[sizeof(call->method)];
	char *dot;

	snprintf(interface, sizeof(interface), "%s", call->method);
	dot = strrchr(interface, '.');
	if (dot)
		*dot = '\0';
	if (interface_text(interface, NULL))
		reply_service_error(out, "org.varlink.service.MethodNotFound", "method",
				    call->method);
	else
		reply_service_error(out, "org.varlink.service.InterfaceNotFound", "interface",
				    interface);
}

static int check_permission(struct exchange *exchange, enum permission permission,
			    struct hp_err *err)
{
	struct conn *conn = exchange->conn;

	if (permission != PERMISSION_ANYONE && peer_look(&conn->peer, conn->fd) < 0)
		return hp_err_no_memory(err);
	return policy_check(&conn->peer, &exchange->hookd->self, permission, err);
}

/* Only who may control hookd learns which file is wrong and what it says: others may not read it.
 */
static void refuse_without_config(struct exchange *exchange)
{
	static const struct config_error withheld = {
	    .reason = "the configuration of hookd is wrong; its log says where"};
	struct hp_err err = {0};
	bool may_know = check_permission(exchange, PERMISSION_CONTROL, &err) == 0;

	reply_config_error(exchange->conn, may_know ? exchange->hookd->config_error : &withheld);
}

const char *error_text(const struct hp_err *err, char text[static ERROR_TEXT_SIZE])
{
	switch (err->code) {
	case HP_ERR_NO_SUCH_RUN:
	case HP_ERR_STATUS_NO_SUCH_RUN:
		snprintf(text, ERROR_TEXT_SIZE, "no such run: %s", err->path);
		return text;
	case HP_ERR_REQUEST_ID_CONFLICT:
		snprintf(text, ERROR_TEXT_SIZE, "another request had the requestId %s", err->path);
		return text;
	case HP_ERR_DRAINING:
		return "hookd is draining";
	case HP_ERR_NO_SUCH_CONTAINER:
		return "no such container";
	case HP_ERR_CONTAINER_BUSY:
		return "another call for it is in progress";
	case HP_ERR_NO_SUCH_PROCESS:
		snprintf(text, ERROR_TEXT_SIZE, "process %s has ended", err->path);
		return text;
	case HP_ERR_EXHAUSTED:
		snprintf(text, ERROR_TEXT_SIZE, "all %d %ss are taken", err->error, err->path);
		return text;
	default:
		snprintf(text, ERROR_TEXT_SIZE, "%s%s%s", err->path, err->path[0] ? ": " : "",
			 err->reason);
		return text;
	}
}

static void dispatch_call(struct exchange *exchange)
{
	const struct method *method = find_method(exchange->call.method);
	struct conn *conn = exchange->conn;
	char text[ERROR_TEXT_SIZE];
	struct hp_err err = {0};
	int r;

	if (!method) {
		reply_not_found(conn_reply(conn), &exchange->call);
		return;
	}
	request_begin(&conn->request, &exchange->hookd->requests[method - methods]);
	if (exchange->hookd->config_error && needs_config(method)) {
		refuse_without_config(exchange);
		return;
	}
	exchange->invalid = method->invalid;
	r = check_permission(exchange, method->permission, &err);
	if (r < 0)
		metrics_count_refused(&exchange->hookd->metrics);
	if (r == 0 && exchange->call.upgrade) {
		reply_service_error(conn_reply(conn), "org.varlink.service.MethodNotImplemented",
				    "method", exchange->call.method);
		return;
	}
	if (r == 0)
		r = method->handle(exchange, &err);
	if (err.code == HP_ERR_REFUSED || err.code == HP_ERR_SETTINGS_REFUSED)
		journal_refused(&exchange->hookd->journal, conn->peer.uid, exchange->call.method,
				&err);
	if (r < 0) {
		log_debug("uid %u pid %d, %s: %s", conn->peer.uid, conn->peer.pid,
			  exchange->call.method, error_text(&err, text));
		conn_reply_err(conn, &err, method->invalid);
	}
}

void dispatch_message(struct conn *conn, const char *text, size_t length)
{
	struct exchange exchange = {.hookd = conn->hookd, .conn = conn};
	struct hp_json *json = &conn->hookd->json;
	struct hp_err err = {0};

	if (hp_json_parse(json, text, length, &err) < 0 ||
	    hp_call_read(json, &exchange.call, &err) < 0) {
		conn_violation(conn, err.reason);
		return;
	}
	conn->is_oneway = exchange.call.oneway;
	dispatch_call(&exchange);
	if (conn->state == CONN_IDLE)
		request_end(&conn->request);
	conn_flush(conn);
}

int expect_no_parameters(const struct exchange *exchange, struct hp_err *err)
{
	struct hp_json_value none[1];

	return hp_parameters_read(exchange->call.parameters, NULL, 0, 0, none, err);
}

/* A Varlink error belongs to the interface of the method. */
static enum hp_err_code no_such_run(const struct exchange *exchange)
{
	static const char status[] = "io.hookd.status.";

	return strncmp(exchange->call.method, status, sizeof(status) - 1) == 0
		   ? HP_ERR_STATUS_NO_SUCH_RUN
		   : HP_ERR_NO_SUCH_RUN;
}

int err_no_such_run(struct hp_err *err, enum hp_err_code code, const char *id)
{
	*err = (struct hp_err){.code = code};
	snprintf(err->path, sizeof(err->path), "%s", id);
	return -ENOENT;
}

struct run *find_visible_run(const struct exchange *exchange, const char *id, struct hp_err *err)
{
	struct run *run = store_find(exchange->hookd->store, id);

	if (run && policy_may_see(&exchange->conn->peer, run->uid))
		return run;
	(void)err_no_such_run(err, no_such_run(exchange), id);
	return NULL;
}

struct run *find_run_parameter(const struct exchange *exchange, struct hp_err *err)
{
	static const char *const names[] = {"run"};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_json_value value;
	struct run *run = NULL;
	char *id = NULL;
	int r = hp_parameters_read(exchange->call.parameters, names, 1, 1, &value, err);

	if (r == 0)
		r = hp_err_prefix(err, hp_json_get_name(value, &arena, HP_ID_BYTES_MAX, &id, err),
				  "run");
	if (r == 0)
		run = find_visible_run(exchange, id, err);
	hp_arena_free(&arena);
	return run;
}
