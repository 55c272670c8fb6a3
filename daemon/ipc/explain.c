/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.control.ExplainPolicy: asks those who decide about a real call, in the same
 * order. No state.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/target.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/policy/policy.h"
#include "proto/base/limits.h"

struct question {
	const struct hookd *hookd;
	struct peer peer; /* its uid, in hookd's namespaces, with hookd's capabilities */
	char *method;
	struct hp_json_value gids, parameters;
};

struct verdict {
	const char *rule; /* that forbids it; NULL: it is allowed */
	struct hp_err err;
};

static void __attribute__((format(printf, 3, 4)))
forbid(struct verdict *verdict, const char *rule, const char *format, ...)
{
	va_list arguments;

	verdict->rule = rule;
	va_start(arguments, format);
	vsnprintf(verdict->err.reason, sizeof(verdict->err.reason), format, arguments);
	va_end(arguments);
}

/* ---- the question ---- */

static int read_gids(struct hp_json_value gids, struct hp_err *err)
{
	struct hp_json_value key, value;
	unsigned long index = 0;
	int64_t gid;
	int r = 0;

	if (hp_json_is_absent(gids))
		return 0;
	if (hp_json_type(gids) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be an array");
	HP_JSON_FOREACH (key, value, gids) {
		r = hp_err_prefix_index(err, hp_json_get_int64(value, 0, UINT32_MAX - 1, &gid, err),
					index++);
		if (r < 0)
			break;
	}
	return r;
}

static int read_question(const struct exchange *exchange, struct hp_arena *arena,
			 struct question *question, struct hp_err *err)
{
	static const char *const names[] = {"uid", "gids", "method", "parameters"};
	struct hp_json_value values[ELEMENTS(names)];
	int64_t uid = 0;
	int r = hp_parameters_read(exchange->call.parameters, names, ELEMENTS(names), 1 | 1 << 2,
				   values, err);

	if (r == 0)
		r = hp_err_prefix(err, hp_json_get_int64(values[0], 0, UINT32_MAX - 1, &uid, err),
				  "uid");
	if (r == 0)
		r = hp_err_prefix(err, read_gids(values[1], err), "gids");
	if (r == 0)
		r = hp_err_prefix(
		    err,
		    hp_json_get_name(values[2], arena, HP_ID_BYTES_MAX, &question->method, err),
		    "method");
	if (r == 0 && dispatch_method_permission(question->method) < 0)
		r = hp_err_invalid(err, "method", "there is no such method");
	if (r == 0 && !hp_json_is_absent(values[3]) && hp_json_type(values[3]) != HP_JSON_OBJECT)
		r = hp_err_invalid(err, "parameters", "must be an object");
	question->peer.uid = (uid_t)uid;
	question->gids = values[1];
	question->parameters = values[3];
	return r;
}

/* ---- who decides ---- */

static bool has_gid(const struct question *question, gid_t wanted)
{
	struct hp_json_value key, value;
	struct hp_err err;
	int64_t gid;

	HP_JSON_FOREACH (key, value, question->gids)
		if (hp_json_get_int64(value, 0, UINT32_MAX - 1, &gid, &err) == 0 &&
		    gid == (int64_t)wanted)
			return true;
	return false;
}

/* connect(2) needs the right to write to the socket, by the first class that fits. */
static bool may_write(const struct question *question, const struct stat *st)
{
	if (question->peer.uid == 0)
		return true;
	if (question->peer.uid == st->st_uid)
		return st->st_mode & S_IWUSR;
	return st->st_mode & (has_gid(question, st->st_gid) ? S_IWGRP : S_IWOTH);
}

/* Only if the groups are known. */
static void check_sockets(const struct question *question, struct verdict *verdict)
{
	const char *path = "";
	struct stat st = {0};

	if (hp_json_is_absent(question->gids))
		return;
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		if (strncmp(question->hookd->addresses[i], "unix:", strlen("unix:")) != 0)
			continue;
		path = question->hookd->addresses[i] + strlen("unix:");
		if (stat(path, &st) == 0 && may_write(question, &st))
			return;
	}
	if (path[0])
		forbid(verdict, "socket",
		       "uid %u and these groups may not connect to %s, mode %03o of %u:%u",
		       question->peer.uid, path, (unsigned int)st.st_mode & 0777, st.st_uid,
		       st.st_gid);
}

static void check_permission(const struct question *question, struct verdict *verdict)
{
	int permission = dispatch_method_permission(question->method);

	if (policy_check(&question->peer, &question->hookd->self, (enum permission)permission,
			 &verdict->err) < 0)
		verdict->rule = "permission";
}

/* A process whose settings a call would change. One that does not exist is no matter of policy. */
static void check_process(const struct question *question, struct verdict *verdict)
{
	struct hp_json_value value = hp_json_member(question->parameters, "pid");
	struct target target = TARGET_NONE;
	struct hp_err err;
	int64_t pid;

	if (hp_json_get_int64(value, 1, INT_MAX, &pid, &err) < 0 ||
	    target_open((pid_t)pid, &target) < 0)
		return;
	if (target_refuse(&target, &verdict->err) == -EACCES)
		verdict->rule = "process";
	target_close(&target);
}

static struct verdict judge(const struct question *question)
{
	struct verdict verdict = {.rule = NULL};

	check_sockets(question, &verdict);
	if (!verdict.rule)
		check_permission(question, &verdict);
	if (!verdict.rule && dispatch_method_permission(question->method) == PERMISSION_APPLY)
		check_process(question, &verdict);
	return verdict;
}

int handle_explain_policy(struct exchange *exchange, struct hp_err *err)
{
	const struct self *self = &exchange->hookd->self;
	struct question question = {
	    .hookd = exchange->hookd,
	    .peer = {.pidfd = -1,
		     .sight = PEER_SEEN,
		     .view = {self->capabilities, self->namespaces}},
	};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_json_writer writer;
	struct verdict verdict;
	int r = read_question(exchange, &arena, &question, err);

	if (r == 0) {
		verdict = judge(&question);
		writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
		hp_json_add_bool(&writer, "allowed", !verdict.rule);
		if (verdict.rule)
			hp_json_add_string(&writer, "rule", verdict.rule);
		hp_json_add_string(&writer, "reason", verdict.rule ? verdict.err.reason : "");
		hp_reply_end(&writer);
	}
	hp_arena_free(&arena);
	return r;
}
