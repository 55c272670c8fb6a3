/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers of io.hookd.settings: Apply, Update, Release, Holdings. They parse the parameters, call
 * the applier, which may answer later, and write the holdings as JSON. Owns the calls that are not
 * answered yet.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/apply.h"
#include "daemon/apply/process.h"
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"
#include "proto/base/limits.h"
#include "proto/messages/applied.h"
#include "proto/settings/settings_json.h"

/* An Apply or Update that is not answered yet. It goes on if the connection is closed. */
struct apply_call {
	struct conn_call of_conn;
	struct conn *conn; /* NULL: the connection was closed */
	struct hookd *hookd;
	struct hp_arena arena;
	char *container;
	struct hp_settings *settings;
	enum hp_dialect dialect;
	const char *invalid; /* as in struct exchange */
};

/* ---- replies ---- */

static bool joins_namespaces(const struct hp_settings *settings)
{
	for (size_t i = 0; i < settings->namespace_count; i++)
		if (settings->namespaces[i].path)
			return true;
	return false;
}

/*
 * What was left out: `optional`, and for a call what only the process itself can change, by its
 * path. NULL: nothing.
 */
static char **list_ignored(struct hp_arena *arena, char *optional, const struct apply_call *call)
{
	static const struct hp_settings nothing;
	const struct hp_settings *settings = call ? call->settings : &nothing;
	const struct {
		const char *path;
		bool is_given;
	} rows[] = {
	    {"process.user", settings->user.is_set},
	    {"process.user.umask", settings->umask.is_set},
	    {"process.capabilities", settings->capabilities.is_set},
	    {"process.noNewPrivileges", settings->no_new_privileges},
	    {"process.apparmorProfile", settings->apparmor_profile},
	    {"process.selinuxLabel", settings->selinux_label},
	    {"linux.personality", settings->personality.is_set},
	    {"linux.memoryPolicy", settings->memory_policy.is_set},
	    {"linux.namespaces", joins_namespaces(settings)},
	    {"parent_death_signal", settings->parent_death_signal},
	};
	char **list = hp_arena_calloc(arena, ELEMENTS(rows) + 2, sizeof(*list));
	size_t count = 0;

	if (list && optional)
		list[count++] = optional;
	for (size_t i = 0; list && i < ELEMENTS(rows); i++) {
		char path[HP_ERR_PATH_SIZE];

		if (!rows[i].is_given)
			continue;
		snprintf(path, sizeof(path), "%s", rows[i].path);
		hp_settings_path(path, call->dialect);
		list[count] = hp_arena_copy(arena, path, strlen(path));
		count += list[count] != NULL;
	}
	return count ? list : NULL;
}

static char **list_attributes(struct hp_arena *arena, unsigned int set)
{
	char **list =
	    set ? hp_arena_calloc(arena, PROCESS_ATTRIBUTE_COUNT + 1, sizeof(*list)) : NULL;
	size_t count = 0;

	for (int i = 0; list && i < PROCESS_ATTRIBUTE_COUNT; i++)
		if (set >> i & 1)
			list[count++] = (char *)process_attribute_names[i];
	return list;
}

/* The current lines of the group's schemata file; NULL: it cannot be read. */
static char **list_schemata(struct hp_arena *arena, const struct rdt *rdt,
			    const struct holding *holding)
{
	char text[4096], *copy, **list, *save = NULL;
	size_t count = 0;
	ssize_t length =
	    holding->rdt_group ? rdt_schemata(rdt, holding->rdt_group, text, sizeof(text)) : -1;

	copy = length < 0 ? NULL : hp_arena_copy(arena, text, (size_t)length);
	list = copy ? hp_arena_calloc(arena, (size_t)length + 1, sizeof(*list)) : NULL;
	for (char *line = list ? strtok_r(copy, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		list[count++] = line + strspn(line, " ");
	return list;
}

/* `call`: what is answered; NULL for Holdings. */
static void write_applied(struct hp_json_writer *writer, const struct hookd *hookd,
			  const struct holding *holding, const struct apply_call *call)
{
	struct hp_arena arena = HP_ARENA_INIT;
	const struct hp_applied applied = {
	    .cgroup_path = holding->cgroup_path,
	    .cgroup_created = holding_has_created(holding, CREATED_CGROUP) ||
			      holding_has_created(holding, CREATED_UNIT),
	    .rdt_group = holding->rdt_group,
	    .rdt_created = holding_has_created(holding, CREATED_RDT_GROUP),
	    .schemata = list_schemata(&arena, hookd->rdt, holding),
	    .process = list_attributes(&arena, holding->attributes_set),
	    .ignored = list_ignored(&arena, holding->ignored, call),
	    .is_update_interrupted = holding->is_update_interrupted,
	};

	hp_applied_write(writer, &applied);
	hp_arena_free(&arena);
}

static void reply_applied(struct conn *conn, const struct holding *holding,
			  const struct apply_call *call)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);

	hp_json_key(&writer, "applied");
	write_applied(&writer, conn->hookd, holding, call);
	hp_reply_end(&writer);
}

/* ---- Apply, Update ---- */

static void apply_call_free(struct apply_call *call)
{
	hp_arena_free(&call->arena);
	free(call);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	struct apply_call *call = container_of(of_conn, struct apply_call, of_conn);

	call->conn = NULL;
}

static void log_result(const struct apply_call *call, int r, const struct hp_err *err)
{
	char text[ERROR_TEXT_SIZE];
	const struct log_field fields[] = {{"HOOKD_CONTAINER", call->container}};

	if (r < 0)
		log_write(LOG_WARNING, fields, ELEMENTS(fields),
			  "container %s: settings not applied: %s", call->container,
			  error_text(err, text));
	else
		log_write(LOG_INFO, fields, ELEMENTS(fields), "container %s: settings applied",
			  call->container);
}

static void on_applied(int r, struct holding *holding, const struct hp_err *err, void *userdata)
{
	struct apply_call *call = userdata;
	struct conn *conn = call->conn;
	struct hp_err reply = *err;

	log_result(call, r, err);
	if (conn && r == 0)
		reply_applied(conn, holding, call);
	if (conn && r < 0) {
		hp_settings_path(reply.path, call->dialect);
		if (strcmp(reply.path, APPLY_PATH_CONTAINER) != 0)
			(void)hp_err_prefix(&reply, r, "settings");
		conn_reply_err(conn, &reply, call->invalid);
	}
	apply_call_free(call);
	if (conn)
		conn_end_call(conn);
}

enum parameter {
	PARAMETER_CONTAINER,
	PARAMETER_SETTINGS,
	PARAMETER_DIALECT,
	PARAMETER_PID,
	PARAMETER_MANAGER,
	PARAMETER_COUNT,
	PARAMETER_UPDATE_COUNT = PARAMETER_PID,
};

#define UPDATE_REQUIRED (1u << PARAMETER_CONTAINER | 1u << PARAMETER_SETTINGS)
#define APPLY_REQUIRED	(UPDATE_REQUIRED | 1u << PARAMETER_PID)

static const char *const parameter_names[PARAMETER_COUNT] = {
    [PARAMETER_CONTAINER] = "container",   [PARAMETER_SETTINGS] = "settings",
    [PARAMETER_DIALECT] = "dialect",	   [PARAMETER_PID] = "pid",
    [PARAMETER_MANAGER] = "cgroupManager",
};

/* Only the process itself can install a filter. CompileSeccomp returns one for that. */
static int refuse_seccomp(const struct apply_call *call, struct hp_err *err)
{
	if (!call->settings->seccomp)
		return 0;
	(void)hp_err_invalid(
	    err, "linux.seccomp",
	    "cannot be set for another process: use CompileSeccomp, and install the filter there");
	hp_settings_path(err->path, call->dialect);
	return -EINVAL;
}

static int read_settings(struct hp_json_value value, struct apply_call *call, struct hp_err *err)
{
	int r = hp_settings_read(value, call->dialect, &call->arena, &call->settings, err);

	return r < 0 ? r : refuse_seccomp(call, err);
}

static int read_container(struct hp_json_value value, struct hp_arena *arena, char **ret,
			  struct hp_err *err)
{
	int r = hp_json_get_name(value, arena, HP_ID_BYTES_MAX, ret, err);

	if (r == 0 && (strchr(*ret, '/') || (*ret)[0] == '.'))
		r = hp_err_invalid(err, NULL,
				   "must not begin with '.' or contain '/': it names a cgroup");
	return hp_err_prefix(err, r, "container");
}

/* Reads the parameters that Apply and Update have in common. */
static int read_call(const struct hp_json_value *values, struct apply_call *call,
		     struct hp_err *err)
{
	int dialect = HP_DIALECT_OCI;
	int r = read_container(values[PARAMETER_CONTAINER], &call->arena, &call->container, err);

	if (r == 0 && !hp_json_is_absent(values[PARAMETER_DIALECT]))
		r = hp_err_prefix(err,
				  hp_json_get_enum(values[PARAMETER_DIALECT], hp_dialect_names,
						   HP_DIALECT_COUNT, &dialect, err),
				  "dialect");
	call->dialect = (enum hp_dialect)dialect;
	if (r == 0)
		r = hp_err_prefix(err, read_settings(values[PARAMETER_SETTINGS], call, err),
				  "settings");
	return r;
}

static int read_target(const struct hp_json_value *values, struct apply_request *request,
		       struct hp_err *err)
{
	int driver = CGROUP_DRIVER_AUTO;
	int64_t pid;
	int r = hp_json_get_int64(values[PARAMETER_PID], 1, INT32_MAX, &pid, err);

	if (r < 0)
		return hp_err_prefix(err, r, "pid");
	if (!hp_json_is_absent(values[PARAMETER_MANAGER])) {
		r = hp_json_get_enum(values[PARAMETER_MANAGER], cgroup_driver_names + 1,
				     CGROUP_DRIVER_COUNT - 1, &driver, err);
		if (r < 0)
			return hp_err_prefix(err, r, "cgroupManager");
		driver++;
	}
	request->pid = (pid_t)pid;
	request->driver = (enum cgroup_driver)driver;
	return 0;
}

/* Creates a call from the first `count` parameters. NULL with *err. */
static struct apply_call *apply_call_new(struct exchange *exchange, size_t count,
					 unsigned int required, struct hp_json_value values[],
					 struct hp_err *err)
{
	struct apply_call *call = calloc(1, sizeof(*call));
	int r;

	if (!call) {
		(void)hp_err_no_memory(err);
		return NULL;
	}
	call->hookd = exchange->hookd;
	call->invalid = exchange->invalid;
	r = hp_parameters_read(exchange->call.parameters, parameter_names, count, required, values,
			       err);
	if (r == 0)
		r = read_call(values, call, err);
	if (r < 0) {
		apply_call_free(call);
		return NULL;
	}
	return call;
}

static void begin(struct exchange *exchange, struct apply_call *call)
{
	call->of_conn.gone = on_conn_gone;
	call->conn = exchange->conn;
	conn_begin_call(exchange->conn, &call->of_conn);
}

/* The pid of the request is one in the caller's pid namespace. */
static int find_target(const struct exchange *exchange, struct apply_request *request,
		       struct hp_err *err)
{
	pid_t number = request->pid;
	int r = peer_find_process(&exchange->conn->peer, &exchange->hookd->self.namespaces, number,
				  &request->pid, &request->pidfd);

	if (r == 0)
		return 0;
	if (r != -ESRCH)
		return hp_err_no_memory(err);
	*err = (struct hp_err){.code = HP_ERR_NO_SUCH_PROCESS};
	snprintf(err->path, sizeof(err->path), "%d", number);
	return r;
}

int handle_apply(struct exchange *exchange, struct hp_err *err)
{
	struct hp_json_value values[PARAMETER_COUNT];
	struct apply_call *call =
	    apply_call_new(exchange, PARAMETER_COUNT, APPLY_REQUIRED, values, err);
	struct apply_request request = {.pidfd = -1};
	int r;

	if (!call)
		return -EINVAL;
	r = read_target(values, &request, err);
	if (r == 0)
		r = find_target(exchange, &request, err);
	if (r < 0) {
		apply_call_free(call);
		return r;
	}
	request.container = call->container;
	request.uid = exchange->conn->peer.uid;
	request.settings = call->settings;
	begin(exchange, call);
	applier_apply(exchange->hookd->applier, &request, on_applied, call);
	close_fd(&request.pidfd);
	return 0;
}

int handle_update(struct exchange *exchange, struct hp_err *err)
{
	struct hp_json_value values[PARAMETER_COUNT];
	struct apply_call *call =
	    apply_call_new(exchange, PARAMETER_UPDATE_COUNT, UPDATE_REQUIRED, values, err);

	if (!call)
		return -EINVAL;
	begin(exchange, call);
	applier_update(exchange->hookd->applier, call->container, call->settings, on_applied, call);
	return 0;
}

/* ---- Release ---- */

/* A Release that is not answered yet. It goes on if the connection is closed. */
struct release_call {
	struct conn_call of_conn;
	struct conn *conn; /* NULL: the connection was closed */
	struct hp_arena arena;
	char *container;
	struct hp_buf removed; /* a JSON array */
	struct hp_json_writer list;
};

static void release_call_free(struct release_call *call)
{
	hp_buf_free(&call->removed);
	hp_arena_free(&call->arena);
	free(call);
}

static void on_release_conn_gone(struct conn_call *of_conn)
{
	struct release_call *call = container_of(of_conn, struct release_call, of_conn);

	call->conn = NULL;
}

static void on_removed(const char *name, void *userdata)
{
	struct release_call *call = userdata;

	hp_json_put_string(&call->list, name);
}

static void reply_released(struct release_call *call)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(call->conn), NULL, false);

	hp_json_end(&call->list, ']');
	hp_json_key(&writer, "removed");
	hp_json_put_raw(&writer, call->removed.data, call->removed.length);
	hp_reply_end(&writer);
}

static void on_released(int r, const struct hp_err *err, void *userdata)
{
	struct release_call *call = userdata;
	struct conn *conn = call->conn;

	if (r == 0)
		log_info("container %s: released", call->container);
	if (conn && r == 0)
		reply_released(call);
	else if (conn)
		conn_reply_err(conn, err, NULL);
	release_call_free(call);
	if (conn)
		conn_end_call(conn);
}

int handle_release(struct exchange *exchange, struct hp_err *err)
{
	struct release_call *call = calloc(1, sizeof(*call));
	struct hp_json_value value;
	int r;

	if (!call)
		return hp_err_no_memory(err);
	r = hp_parameters_read(exchange->call.parameters, parameter_names, 1, 1, &value, err);
	if (r == 0)
		r = read_container(value, &call->arena, &call->container, err);
	if (r < 0) {
		release_call_free(call);
		return r;
	}
	call->list = HP_JSON_WRITER_INIT(&call->removed);
	hp_json_begin(&call->list, '[');
	call->of_conn.gone = on_release_conn_gone;
	call->conn = exchange->conn;
	conn_begin_call(exchange->conn, &call->of_conn);
	applier_release(exchange->hookd->applier, call->container, on_removed, on_released, call);
	return 0;
}

/* ---- Holdings ---- */

int handle_holdings(struct exchange *exchange, struct hp_err *err)
{
	struct holding *holding;
	struct hp_json_writer writer;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_key(&writer, "containers");
	hp_json_begin(&writer, '{');
	holding = holdings_first(applier_holdings(exchange->hookd->applier));
	for (; holding; holding = holdings_next(holding)) {
		hp_json_put_key(&writer, holding->container);
		write_applied(&writer, exchange->hookd, holding, NULL);
	}
	hp_json_end(&writer, '}');
	hp_reply_end(&writer);
	return 0;
}
