/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Varlink wire: the inbox cuts a byte stream into messages; the envelope's readers parse a call
 * or a reply and refuse what a connection must be closed for; the writers use no key that deployed
 * peers fail on.
 *
 * The daemon's connections and the client library do the reading and sending.
 */

#include "proto/messages/messages.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/base/names.h"
#include "proto/messages/result.h"

/* ---- framing ---- */

/* The room for a first read, and the least room for any read. */
#define RESERVE_FIRST 4096
#define RESERVE_MIN   1024
/* An empty inbox larger than this is freed. */
#define IDLE_BYTES_MAX (64u * 1024)

static size_t inbox_limit(const struct hp_inbox *inbox)
{
	return inbox->limit ? inbox->limit : HP_MESSAGE_BYTES_MAX;
}

static void inbox_forget_taken(struct hp_inbox *inbox)
{
	hp_buf_consume(&inbox->buf, inbox->taken);
	inbox->scanned -= inbox->taken;
	inbox->taken = 0;
	if (inbox->buf.length == 0 && inbox->buf.capacity > IDLE_BYTES_MAX)
		hp_buf_free(&inbox->buf);
}

char *hp_inbox_reserve(struct hp_inbox *inbox, size_t *ret_size)
{
	struct hp_buf *buf = &inbox->buf;
	size_t left, more;
	char *room;

	inbox_forget_taken(inbox);
	left = inbox_limit(inbox) + 1 - buf->length; /* with its NUL */
	more = buf->length < RESERVE_FIRST ? RESERVE_FIRST - buf->length : 0;
	if (more < RESERVE_MIN)
		more = RESERVE_MIN;
	if (more > left)
		more = left;
	if (more == 0)
		return NULL;
	room = hp_buf_reserve(buf, more);
	if (!room)
		return NULL;
	more = buf->capacity - buf->length;
	*ret_size = more < left ? more : left;
	return room;
}

void hp_inbox_commit(struct hp_inbox *inbox, size_t received)
{
	assert(received <= inbox->buf.capacity - inbox->buf.length);
	inbox->buf.length += received;
}

int hp_inbox_next(struct hp_inbox *inbox, const char **ret_frame, size_t *ret_length)
{
	const struct hp_buf *buf = &inbox->buf;
	const char *nul = NULL;
	size_t length;

	if (inbox->scanned < buf->length)
		nul = memchr(buf->data + inbox->scanned, '\0', buf->length - inbox->scanned);
	length = nul ? (size_t)(nul - buf->data) - inbox->taken : buf->length - inbox->taken;
	if (length > inbox_limit(inbox))
		return -EMSGSIZE;
	if (!nul) {
		inbox->scanned = buf->length;
		return 0;
	}
	*ret_frame = buf->data + inbox->taken;
	*ret_length = length;
	inbox->taken += length + 1;
	inbox->scanned = inbox->taken;
	return 1;
}

bool hp_inbox_is_empty(const struct hp_inbox *inbox)
{
	return inbox->taken == inbox->buf.length;
}

void hp_inbox_free(struct hp_inbox *inbox)
{
	hp_buf_free(&inbox->buf);
	*inbox = (struct hp_inbox){0};
}

/* ---- reading the envelope ---- */

static int read_name(struct hp_json_value value, const char *what, char *name, size_t size,
		     struct hp_err *err)
{
	size_t length;

	if (hp_json_type(value) != HP_JSON_STRING)
		return hp_err_protocol(err, "%s is not a string", what);
	hp_json_text(value, &length);
	if (length - 2 >= size)
		return hp_err_protocol(err, "%s is longer than %zu bytes", what, size - 1);
	if (hp_json_decode(value, name) == 0)
		return hp_err_protocol(err, "%s is empty", what);
	return 0;
}

static int read_flag(struct hp_json_value value, const char *what, bool *ret, struct hp_err *err)
{
	if (hp_json_get_bool(value, ret, err) < 0)
		return hp_err_protocol(err, "%s is neither true nor false", what);
	return 0;
}

/* Absent, null and {} mean the same. */
static int read_parameters(struct hp_json_value value, struct hp_json_value *ret,
			   struct hp_err *err)
{
	if (hp_json_type(value) == HP_JSON_NULL)
		return 0;
	if (hp_json_type(value) != HP_JSON_OBJECT)
		return hp_err_protocol(err, "parameters is not an object");
	*ret = value;
	return 0;
}

int hp_parameters_read(struct hp_json_value parameters, const char *const names[], size_t count,
		       unsigned int required, struct hp_json_value ret_values[], struct hp_err *err)
{
	int r = 0;

	assert(count <= sizeof(required) * CHAR_BIT);
	for (size_t i = 0; i < count; i++)
		ret_values[i] = (struct hp_json_value){0};
	if (!hp_json_is_absent(parameters))
		r = hp_json_members(parameters, names, count, true, ret_values, err);
	if (r < 0) {
		err->code = HP_ERR_NO_PARAMETER;
		return r;
	}
	for (size_t i = 0; i < count; i++) {
		if (required & 1u << i && hp_json_is_absent(ret_values[i]))
			return hp_err_no_parameter(err, names[i]);
	}
	return 0;
}

/* Vendors' extensions have a dot in their key and are objects. All are ignored. */
static int read_extension(struct hp_json_value key, struct hp_json_value value, struct hp_err *err)
{
	size_t length;
	const char *text = hp_json_text(key, &length);

	if (memchr(text, '.', length) && hp_json_type(value) == HP_JSON_OBJECT)
		return 0;
	return hp_err_protocol(err, "a key that no message has");
}

static int read_call_member(struct hp_json_value key, struct hp_json_value value,
			    struct hp_call *call, struct hp_err *err)
{
	if (hp_json_equals(key, "method"))
		return read_name(value, "method", call->method, sizeof(call->method), err);
	if (hp_json_equals(key, "parameters"))
		return read_parameters(value, &call->parameters, err);
	if (hp_json_equals(key, "more"))
		return read_flag(value, "more", &call->more, err);
	if (hp_json_equals(key, "oneway"))
		return read_flag(value, "oneway", &call->oneway, err);
	if (hp_json_equals(key, "upgrade"))
		return read_flag(value, "upgrade", &call->upgrade, err);
	return read_extension(key, value, err);
}

int hp_call_read(const struct hp_json *json, struct hp_call *ret_call, struct hp_err *err)
{
	struct hp_json_value root = hp_json_root(json), key, value;
	struct hp_call call = {0};

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_protocol(err, "a message that is not an object");
	HP_JSON_FOREACH (key, value, root) {
		int r = read_call_member(key, value, &call, err);

		if (r < 0)
			return r;
	}
	if (call.method[0] == '\0')
		return hp_err_protocol(err, "a call without method");
	if (call.more + call.oneway + call.upgrade > 1)
		return hp_err_protocol(err, "more than one of more, oneway and upgrade");
	*ret_call = call;
	return 0;
}

static int read_reply_member(struct hp_json_value key, struct hp_json_value value,
			     struct hp_reply *reply, struct hp_err *err)
{
	if (hp_json_equals(key, "parameters"))
		return read_parameters(value, &reply->parameters, err);
	if (hp_json_equals(key, "continues"))
		return read_flag(value, "continues", &reply->continues, err);
	if (hp_json_equals(key, "error"))
		return read_name(value, "error", reply->error, sizeof(reply->error), err);
	return read_extension(key, value, err);
}

int hp_reply_read(const struct hp_json *json, struct hp_reply *ret_reply, struct hp_err *err)
{
	struct hp_json_value root = hp_json_root(json), key, value;
	struct hp_reply reply = {0};

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_protocol(err, "a message that is not an object");
	HP_JSON_FOREACH (key, value, root) {
		int r = read_reply_member(key, value, &reply, err);

		if (r < 0)
			return r;
	}
	if (reply.error[0] != '\0' && reply.continues)
		return hp_err_protocol(err, "an error that continues");
	*ret_reply = reply;
	return 0;
}

/* ---- writing the envelope ---- */

/*
 * The parameters come last, so that they can be removed if none were written: senders should omit
 * them then, and some readers of other projects fail on "{}".
 */
#define PARAMETERS "\"parameters\":{"

static void begin_parameters(struct hp_json_writer *writer)
{
	hp_json_put_raw(writer, PARAMETERS, strlen(PARAMETERS));
	writer->needs_comma = false;
}

static void end_message(struct hp_json_writer *writer)
{
	struct hp_buf *buf = writer->buf;

	if (writer->needs_comma) {
		hp_json_end(writer, '}');
	} else if (!buf->failed) {
		buf->length -= strlen(PARAMETERS);
		if (buf->data[buf->length - 1] == ',')
			buf->length--;
	}
	hp_buf_append(buf, "}", 2); /* with its NUL, the end of the message */
}

struct hp_json_writer hp_call_begin(struct hp_buf *buf, const char *method, bool more, bool oneway)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "method");
	hp_json_put_string(&writer, method);
	if (more) {
		hp_json_key(&writer, "more");
		hp_json_put_bool(&writer, true);
	}
	if (oneway) {
		hp_json_key(&writer, "oneway");
		hp_json_put_bool(&writer, true);
	}
	begin_parameters(&writer);
	return writer;
}

void hp_call_end(struct hp_json_writer *writer)
{
	end_message(writer);
}

struct hp_json_writer hp_reply_begin(struct hp_buf *buf, const char *error, bool continues)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	hp_json_begin(&writer, '{');
	if (error) {
		hp_json_key(&writer, "error");
		hp_json_put_string(&writer, error);
	}
	if (continues) {
		hp_json_key(&writer, "continues");
		hp_json_put_bool(&writer, true);
	}
	begin_parameters(&writer);
	return writer;
}

void hp_reply_end(struct hp_json_writer *writer)
{
	end_message(writer);
}

void hp_reply_empty(struct hp_buf *buf, const char *error)
{
	struct hp_json_writer writer = hp_reply_begin(buf, error, false);

	hp_reply_end(&writer);
}

static void reply_one(struct hp_buf *buf, const char *error, const char *key, const char *text)
{
	struct hp_json_writer writer = hp_reply_begin(buf, error, false);

	hp_json_key(&writer, key);
	hp_json_put_string(&writer, text);
	hp_reply_end(&writer);
}

static void reply_refused(struct hp_buf *buf, const struct hp_err *err)
{
	bool is_settings = err->code == HP_ERR_SETTINGS_REFUSED;
	struct hp_json_writer writer = hp_reply_begin(
	    buf, is_settings ? "io.hookd.settings.Refused" : "io.hookd.hooks.Refused", false);

	hp_json_key(&writer, "reason");
	hp_json_put_string(&writer, err->reason);
	if (err->path[0] != '\0') {
		hp_json_key(&writer, "rule");
		hp_json_put_string(&writer, err->path);
	}
	hp_reply_end(&writer);
}

static void put_text(struct hp_json_writer *writer, const char *key, const char *text)
{
	hp_json_key(writer, key);
	hp_json_put_string(writer, text);
}

static void reply_busy(struct hp_buf *buf, const struct hp_err *err)
{
	struct hp_json_writer writer = hp_reply_begin(buf, "io.hookd.hooks.Busy", false);

	hp_json_key(&writer, "retryAfterUSec");
	hp_json_put_int(&writer, HP_RETRY_AFTER_US);
	if (err->reason[0] != '\0')
		put_text(&writer, "reason", err->reason);
	hp_reply_end(&writer);
}

static void reply_setting(struct hp_buf *buf, const struct hp_err *err)
{
	bool is_failed = err->code == HP_ERR_SETTING_FAILED;
	struct hp_json_writer writer = hp_reply_begin(
	    buf, is_failed ? "io.hookd.settings.SettingFailed" : "io.hookd.settings.NotSupported",
	    false);
	char name[24];

	put_text(&writer, "path", err->path);
	if (is_failed) {
		put_text(&writer, "step", err->step ? err->step : "");
		put_text(&writer, "errnoName", hp_errno_name(err->error, name));
	}
	put_text(&writer, "detail", err->reason);
	hp_reply_end(&writer);
}

static void reply_number(struct hp_buf *buf, const char *error, const struct hp_err *err)
{
	struct hp_json_writer writer = hp_reply_begin(buf, error, false);

	if (err->code == HP_ERR_EXHAUSTED)
		put_text(&writer, "resource", err->path);
	hp_json_key(&writer, err->code == HP_ERR_EXHAUSTED ? "limit" : "pid");
	hp_json_put_int(&writer,
			err->code == HP_ERR_EXHAUSTED ? err->error : strtol(err->path, NULL, 10));
	hp_reply_end(&writer);
}

static void reply_invalid(struct hp_buf *buf, const struct hp_err *err, const char *invalid)
{
	struct hp_json_writer writer = hp_reply_begin(buf, invalid, false);

	put_text(&writer, "path", err->path);
	put_text(&writer, "detail", err->reason);
	hp_reply_end(&writer);
}

void hp_reply_err(struct hp_buf *buf, const struct hp_err *err, const char *invalid)
{
	switch (err->code) {
	case HP_ERR_INVALID:
		if (invalid) {
			reply_invalid(buf, err, invalid);
			break;
		}
		/* fall through */
	case HP_ERR_NO_PARAMETER:
		reply_one(buf, "org.varlink.service.InvalidParameter", "parameter", err->path);
		break;
	case HP_ERR_NO_SUCH_RUN:
		reply_one(buf, "io.hookd.hooks.NoSuchRun", "run", err->path);
		break;
	case HP_ERR_STATUS_NO_SUCH_RUN:
		reply_one(buf, "io.hookd.status.NoSuchRun", "run", err->path);
		break;
	case HP_ERR_REQUEST_ID_CONFLICT:
		reply_one(buf, "io.hookd.hooks.RequestIdConflict", "requestId", err->path);
		break;
	case HP_ERR_BUSY:
	case HP_ERR_NO_MEMORY:
		reply_busy(buf, err);
		break;
	case HP_ERR_DRAINING:
		hp_reply_empty(buf, "io.hookd.hooks.Draining");
		break;
	case HP_ERR_REFUSED:
	case HP_ERR_SETTINGS_REFUSED:
		reply_refused(buf, err);
		break;
	case HP_ERR_SETTING_FAILED:
	case HP_ERR_NOT_SUPPORTED:
		reply_setting(buf, err);
		break;
	case HP_ERR_NO_SUCH_PROCESS:
		reply_number(buf, "io.hookd.settings.NoSuchProcess", err);
		break;
	case HP_ERR_CONTAINER_BUSY:
		reply_one(buf, "io.hookd.settings.Busy", "container", err->path);
		break;
	case HP_ERR_NO_SUCH_CONTAINER:
		reply_one(buf, "io.hookd.settings.NoSuchContainer", "container", err->path);
		break;
	case HP_ERR_EXHAUSTED:
		reply_number(buf, "io.hookd.settings.Exhausted", err);
		break;
	case HP_ERR_EXPECTED_MORE:
		hp_reply_empty(buf, "org.varlink.service.ExpectedMore");
		break;
	case HP_ERR_NONE:
	case HP_ERR_PROTOCOL:
	case HP_ERR_CONFIG:
	case HP_ERR_CODE_COUNT:
		break;
	}
}
