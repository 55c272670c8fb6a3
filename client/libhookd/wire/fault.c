/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Why a call failed, in the forms that hookd.h shows: an errno to decide by, the Varlink error and
 * what it says, and one sentence for a person. Every function that fails fills it; the next call
 * clears it.
 */

#include "client/libhookd/wire/fault.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A parameter of the error, and the text before it in the sentence. */
struct fault_part {
	const char *before, *member;
};

static const struct fault_row {
	const char *name;
	int error;
	const char *sentence;
	struct fault_part parts[4]; /* appended to the sentence where the error has them */
	const char *parameter;	    /* the member that names a field of the request, or NULL */
} fault_rows[] = {
    {"io.hookd.hooks.Invalid",
     EINVAL,
     "invalid parameter",
     {{" ", "path"}, {": ", "detail"}},
     "path"},
    {"io.hookd.settings.Invalid",
     EINVAL,
     "invalid parameter",
     {{" ", "path"}, {": ", "detail"}},
     "path"},
    {"org.varlink.service.InvalidParameter",
     EINVAL,
     "invalid parameter",
     {{" ", "parameter"}},
     "parameter"},
    {"org.varlink.service.MethodNotFound", ENOSYS, "hookd has no method", {{" ", "method"}}},
    {"org.varlink.service.MethodNotImplemented",
     ENOSYS,
     "hookd does not implement method",
     {{" ", "method"}}},
    {"org.varlink.service.InterfaceNotFound",
     ENOSYS,
     "hookd has no interface",
     {{" ", "interface"}}},
    {"org.varlink.service.PermissionDenied", EPERM, "hookd does not allow it to this user"},
    {"io.hookd.hooks.NoSuchRun", ESRCH, "no such run", {{": ", "run"}}},
    {"io.hookd.status.NoSuchRun", ESRCH, "no such run", {{": ", "run"}}},
    {"io.hookd.hooks.RequestIdConflict",
     EEXIST,
     "another request had the id",
     {{" ", "requestId"}}},
    {"io.hookd.hooks.Busy", EBUSY, "hookd's queue is full"},
    {"io.hookd.hooks.Draining", ESHUTDOWN, "hookd is shutting down and takes no new work"},
    {"io.hookd.control.ConfigError",
     ESHUTDOWN,
     "hookd's configuration is wrong",
     {{": ", "file"}, {":", "line"}, {": ", "key"}, {": ", "reason"}}},
    {"io.hookd.hooks.Refused", EPERM, "refused", {{": ", "reason"}}},
    {"io.hookd.settings.SettingFailed",
     EIO,
     "a setting failed",
     {{": ", "path"}, {" in step ", "step"}, {": ", "errnoName"}, {": ", "detail"}},
     "path"},
    {"io.hookd.settings.NotSupported",
     EOPNOTSUPP,
     "this machine cannot do it",
     {{": ", "path"}, {": ", "detail"}},
     "path"},
    {"io.hookd.settings.NoSuchProcess", ESRCH, "no such process", {{": ", "pid"}}},
    {"io.hookd.settings.NoSuchContainer", ESRCH, "no such container", {{": ", "container"}}},
    {"io.hookd.settings.Busy",
     EBUSY,
     "another call is going on for container",
     {{" ", "container"}}},
    {"io.hookd.settings.Exhausted",
     ENOSPC,
     "limit reached",
     {{" for ", "resource"}, {": ", "limit"}}},
    {"io.hookd.settings.Refused", EPERM, "refused", {{": ", "reason"}}},
};

void fault_clear(struct fault *fault)
{
	/* Not all of it: it is done for each call. */
	fault->name[0] = fault->parameter[0] = fault->reason[0] = '\0';
	fault->step[0] = fault->errno_name[0] = fault->sentence[0] = fault->json[0] = '\0';
	fault->retry_after_us = 0;
	fault->error = 0;
}

int fault_set(struct fault *fault, int r, const char *format, ...)
{
	va_list args;

	fault_clear(fault);
	va_start(args, format);
	(void)vsnprintf(fault->sentence, sizeof(fault->sentence), format, args);
	va_end(args);
	fault->error = r;
	return r;
}

int fault_set_parameter(struct fault *fault, const char *parameter, const char *reason)
{
	(void)fault_set(fault, -EINVAL, "%s %s", parameter, reason);
	(void)snprintf(fault->parameter, sizeof(fault->parameter), "%s", parameter);
	(void)snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
	return -EINVAL;
}

static const struct fault_row *fault_find(const char *name)
{
	for (size_t i = 0; i < sizeof(fault_rows) / sizeof(fault_rows[0]); i++) {
		if (strcmp(fault_rows[i].name, name) == 0)
			return &fault_rows[i];
	}
	return NULL;
}

/* The text of a string or a number, "" where there is none or no memory for it. */
static const char *fault_text(const struct hp_reply *reply, const char *member,
			      struct hp_arena *arena)
{
	struct hp_json_value value = {0};
	const char *bytes;
	struct hp_err err;
	size_t length;
	char *text;

	if (member)
		value = hp_json_member(reply->parameters, member);
	if (hp_json_type(value) != HP_JSON_INTEGER)
		return hp_json_get_string(value, arena, &text, &err) < 0 ? "" : text;
	bytes = hp_json_text(value, &length);
	text = hp_arena_copy(arena, bytes, length);
	return text ? text : "";
}

/* An error that has no row: its name and its parameters as received. */
static int fault_set_other(struct fault *fault, const struct hp_reply *reply)
{
	const char *text = "";
	size_t length = 0;

	if (hp_json_count(reply->parameters) > 0)
		text = hp_json_text(reply->parameters, &length);
	(void)snprintf(fault->sentence, sizeof(fault->sentence), "hookd answered %s%s%.*s",
		       reply->error, length > 0 ? " " : "",
		       (int)(length < sizeof(fault->sentence) ? length : sizeof(fault->sentence)),
		       text);
	return -EREMOTE;
}

/* The row's sentence with the parts that the error has. A text too long is cut. */
static void fault_set_sentence(struct fault *fault, const struct fault_row *row,
			       const struct hp_reply *reply, struct hp_arena *arena)
{
	size_t length;

	(void)snprintf(fault->sentence, sizeof(fault->sentence), "%s", row->sentence);
	for (size_t i = 0; i < sizeof(row->parts) / sizeof(row->parts[0]); i++) {
		const char *text = fault_text(reply, row->parts[i].member, arena);

		length = strlen(fault->sentence);
		if (text[0])
			(void)snprintf(fault->sentence + length, sizeof(fault->sentence) - length,
				       "%s%s", row->parts[i].before, text);
	}
}

/* An older hookd sends neither of the two members. */
static void fault_set_busy(struct fault *fault, const struct hp_reply *reply,
			   struct hp_arena *arena)
{
	const char *reason = fault_text(reply, "reason", arena);
	struct hp_err err;

	if (reason[0])
		(void)snprintf(fault->sentence, sizeof(fault->sentence),
			       "hookd is busy and refuses it: %s", reason);
	(void)hp_json_get_uint64(hp_json_member(reply->parameters, "retryAfterUSec"), 0, INT64_MAX,
				 &fault->retry_after_us, &err);
}

/* The first of these members that the error has says why. */
static void fault_set_reason(struct fault *fault, const struct hp_reply *reply,
			     struct hp_arena *arena)
{
	const char *reason = fault_text(reply, "reason", arena);

	if (!reason[0])
		reason = fault_text(reply, "detail", arena);
	(void)snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
	(void)snprintf(fault->step, sizeof(fault->step), "%s", fault_text(reply, "step", arena));
	(void)snprintf(fault->errno_name, sizeof(fault->errno_name), "%s",
		       fault_text(reply, "errnoName", arena));
}

static void fault_set_json(struct fault *fault, const struct hp_reply *reply)
{
	size_t length = 0;
	const char *text = "";

	if (!hp_json_is_absent(reply->parameters))
		text = hp_json_text(reply->parameters, &length);
	if (length < sizeof(fault->json))
		(void)snprintf(fault->json, sizeof(fault->json), "%.*s", (int)length, text);
}

int fault_set_reply(struct fault *fault, const struct hp_reply *reply)
{
	const struct fault_row *row = fault_find(reply->error);
	struct hp_arena arena = HP_ARENA_INIT;

	assert(reply->error[0]);
	fault_clear(fault);
	(void)snprintf(fault->name, sizeof(fault->name), "%s", reply->error);
	fault_set_json(fault, reply);
	fault_set_reason(fault, reply, &arena);
	fault->error = row ? -row->error : -EREMOTE;
	if (!row) {
		hp_arena_free(&arena);
		return fault_set_other(fault, reply);
	}
	(void)snprintf(fault->parameter, sizeof(fault->parameter), "%s",
		       fault_text(reply, row->parameter, &arena));
	fault_set_sentence(fault, row, reply, &arena);
	if (row->error == EBUSY)
		fault_set_busy(fault, reply, &arena);
	hp_arena_free(&arena);
	return -row->error;
}
