/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.settings.CompileSeccomp: compiles a profile to a program that the caller
 * installs. Another process compiles (seccomp/cache.h). Owns the calls that wait for it.
 */
#include "daemon/ipc/dispatch.h"
#include "daemon/seccomp/cache.h"
#include "proto/settings/settings_json.h"

struct compile_call {
	struct conn_call of_conn;
	struct filter_wait of_filter;
	struct conn *conn;
};

static void write_program(struct conn *conn, const struct filter *filter)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);

	hp_json_key(&writer, "bpfBase64");
	hp_json_put_base64(&writer, filter->instructions,
			   filter->count * sizeof(*filter->instructions));
	hp_json_key(&writer, "instructions");
	hp_json_put_uint(&writer, filter->count);
	hp_json_key(&writer, "flags");
	hp_json_put_uint(&writer, filter->flags);
	hp_json_key(&writer, "needsListener");
	hp_json_put_bool(&writer, filter->needs_listener);
	hp_json_key(&writer, "unknownSyscalls");
	hp_json_put_strings(&writer, filter->unknown_syscalls);
	hp_reply_end(&writer);
}

/* A valid profile that cannot be compiled is a SettingFailed with the reason. */
static void describe_failure(int error, const char *reason, struct hp_err *err)
{
	if (error_is_transient(-error)) {
		(void)hp_err_busy(err, "%s", reason);
		return;
	}
	(void)hp_err_setting(err, error, "seccomp", "%s", reason);
	err->step = "seccomp";
}

static void on_compiled(struct filter_wait *wait, struct filter *filter, const char *reason)
{
	struct compile_call *call = container_of(wait, struct compile_call, of_filter);
	struct conn *conn = call->conn;
	struct hp_err err = {0};

	if (filter) {
		write_program(conn, filter);
	} else {
		describe_failure(wait->error, reason, &err);
		conn_reply_err(conn, &err, NULL);
	}
	filter_unref(filter);
	free(call);
	conn_end_call(conn);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	struct compile_call *call = container_of(of_conn, struct compile_call, of_conn);

	filter_cache_forget(&call->of_filter);
	free(call);
}

static int read_profile(const struct exchange *exchange, struct hp_arena *arena,
			struct hp_seccomp **ret_profile, struct hp_err *err)
{
	static const char *const names[] = {"seccomp", "dialect", "capabilities"};
	struct hp_json_value values[ELEMENTS(names)];
	bool has_capabilities;
	uint64_t capabilities = 0;
	int dialect = HP_DIALECT_OCI;
	int r =
	    hp_parameters_read(exchange->call.parameters, names, ELEMENTS(names), 1, values, err);

	if (r == 0 && !hp_json_is_absent(values[1]))
		r = hp_err_prefix(
		    err,
		    hp_json_get_enum(values[1], hp_dialect_names, HP_DIALECT_COUNT, &dialect, err),
		    "dialect");
	has_capabilities = r == 0 && !hp_json_is_absent(values[2]);
	if (has_capabilities)
		r = hp_err_prefix(err, hp_capabilities_read(values[2], &capabilities, err),
				  "capabilities");
	if (r < 0)
		return r;
	r = hp_seccomp_read(values[0], (enum hp_dialect)dialect, arena, ret_profile, err);
	if (r == 0 && !*ret_profile)
		r = hp_err_invalid(err, NULL, "is empty: there is nothing to compile");
	if (r == 0)
		r = hp_seccomp_resolve(*ret_profile, has_capabilities ? &capabilities : NULL,
				       "the parameter capabilities", err);
	return hp_err_prefix(err, r, "seccomp");
}

static int compile(struct exchange *exchange, const struct hp_seccomp *profile, struct hp_err *err)
{
	struct compile_call *call = calloc(1, sizeof(*call));
	struct filter *filter;
	const char *reason;
	int r;

	if (!call)
		return hp_err_no_memory(err);
	*call = (struct compile_call){
	    .of_conn.gone = on_conn_gone,
	    .of_filter.ready = on_compiled,
	    .conn = exchange->conn,
	};
	r = filter_cache_get(exchange->hookd->filters, profile, &call->of_filter, &filter, &reason);
	if (r == 0) {
		conn_begin_call(exchange->conn, &call->of_conn);
		return 0;
	}
	free(call);
	if (r < 0) {
		describe_failure(r, reason, err);
		return r;
	}
	write_program(exchange->conn, filter);
	filter_unref(filter);
	return 0;
}

int handle_compile_seccomp(struct exchange *exchange, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_seccomp *profile = NULL;
	int r = read_profile(exchange, &arena, &profile, err);

	if (r == 0 && !exchange->call.oneway)
		r = compile(exchange, profile, err);
	hp_arena_free(&arena);
	return r;
}
