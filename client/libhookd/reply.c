/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reply that belongs to the caller: the text, and what was read from it. It never changes.
 */

#include "client/libhookd/reply.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

/* The parameters as text; inside the message they are not terminated. */
static char *reply_copy_json(struct hp_json_value parameters)
{
	const char *text = "{}";
	size_t length = 2;

	if (!hp_json_is_absent(parameters))
		text = hp_json_text(parameters, &length);
	return strndup(text, length);
}

static int reply_fill(struct hookd_reply *reply, reply_read_fn read,
		      struct hp_json_value parameters, const char *container, struct hp_err *err)
{
	reply->json = reply_copy_json(parameters);
	if (!reply->json)
		return hp_err_no_memory(err);
	if (container) {
		reply->container = hp_arena_copy(&reply->arena, container, strlen(container));
		if (!reply->container)
			return hp_err_no_memory(err);
	}
	return read ? read(parameters, reply, err) : 0;
}

int reply_new(enum reply_kind kind, reply_read_fn read, struct hp_json_value parameters,
	      const char *container, struct hookd_reply **ret, struct hp_err *err)
{
	struct hookd_reply *reply = calloc(1, sizeof(*reply));
	int r;

	assert((kind == REPLY_EMPTY) == (read == NULL));
	if (!reply)
		return hp_err_no_memory(err);
	reply->kind = kind;
	r = reply_fill(reply, read, parameters, container, err);
	if (r < 0)
		hookd_reply_free(reply);
	else
		*ret = reply;
	return r;
}

struct hookd_reply *hookd_reply_free(struct hookd_reply *reply)
{
	if (!reply)
		return NULL;
	hookd_result_free(reply->result);
	hookd_result_free(reply->progress);
	hp_arena_free(&reply->arena);
	free(reply->json);
	free(reply);
	return NULL;
}

/* ---- what is in it ---- */

const char *hookd_reply_json(const struct hookd_reply *reply)
{
	return reply->json;
}

const struct hookd_result *hookd_reply_result(const struct hookd_reply *reply)
{
	return reply->result;
}

const struct hookd_run_details *hookd_reply_details(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_DETAILS ? &reply->of.details : NULL;
}

const struct hookd_run_list *hookd_reply_list(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_LIST ? &reply->of.list : NULL;
}

const struct hookd_summary_table *hookd_reply_summary(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_SUMMARY ? &reply->of.summary : NULL;
}

const struct hookd_status_info *hookd_reply_status(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_STATUS ? &reply->of.status : NULL;
}

const char *hookd_reply_text(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_TEXT ? reply->of.text : NULL;
}

const char *const *hookd_reply_strings(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_STRINGS ? reply->of.strings : NULL;
}

const struct hookd_policy_decision *hookd_reply_decision(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_DECISION ? &reply->of.decision : NULL;
}

const struct hookd_explanation *hookd_reply_explanation(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_EXPLANATION ? &reply->of.explanation : NULL;
}

const struct hookd_applied *hookd_reply_applied(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_APPLIED ? &reply->of.applied : NULL;
}

const struct hookd_holding_list *hookd_reply_holdings(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_HOLDINGS ? &reply->of.holdings : NULL;
}

const struct hookd_seccomp *hookd_reply_seccomp(const struct hookd_reply *reply)
{
	return reply->kind == REPLY_SECCOMP ? &reply->of.seccomp : NULL;
}

/* ---- reading ---- */

struct member_reader member_reader_new(struct hp_json_value object, struct hp_arena *arena,
				       struct hp_err *err)
{
	struct member_reader reader = {.object = object, .arena = arena, .err = err};

	if (!hp_json_is_absent(object) && hp_json_type(object) != HP_JSON_OBJECT)
		reader.r = hp_err_invalid(err, NULL, "must be an object");
	return reader;
}

int member_reader_end(struct member_reader *reader, const char *list, size_t index)
{
	if (reader->r == -EINVAL) {
		(void)hp_err_prefix_index(reader->err, reader->r, index);
		(void)hp_err_prefix(reader->err, reader->r, list);
	}
	return reader->r;
}

/* False: nothing is to be read. */
static bool find(struct member_reader *reader, const char *name, struct hp_json_value *ret)
{
	if (reader->r < 0)
		return false;
	*ret = hp_json_member(reader->object, name);
	return !hp_json_is_absent(*ret);
}

static void found(struct member_reader *reader, const char *name, int r)
{
	reader->r = r < 0 ? hp_err_prefix(reader->err, r, name) : 0;
}

void read_text(struct member_reader *reader, const char *name, const char **ret)
{
	struct hp_json_value value;
	char *text;
	int r;

	if (!find(reader, name, &value))
		return;
	r = hp_json_get_string(value, reader->arena, &text, reader->err);
	if (r == 0)
		*ret = text;
	found(reader, name, r);
}

void read_int64(struct member_reader *reader, const char *name, int64_t *ret)
{
	struct hp_json_value value;
	struct hp_err ignored;
	uint64_t big;
	int r;

	if (!find(reader, name, &value))
		return;
	r = hp_json_get_int64(value, INT64_MIN, INT64_MAX, ret, reader->err);
	if (r == -EINVAL && hp_json_get_uint64(value, 0, UINT64_MAX, &big, &ignored) == 0) {
		*ret = INT64_MAX;
		r = 0;
	}
	found(reader, name, r);
}

void read_uint64(struct member_reader *reader, const char *name, uint64_t *ret)
{
	struct hp_json_value value;

	if (find(reader, name, &value))
		found(reader, name, hp_json_get_uint64(value, 0, UINT64_MAX, ret, reader->err));
}

void read_int(struct member_reader *reader, const char *name, int *ret)
{
	int64_t number = *ret;

	read_int64(reader, name, &number);
	*ret = number > INT_MAX ? INT_MAX : number < INT_MIN ? INT_MIN : (int)number;
}

void read_bool(struct member_reader *reader, const char *name, bool *ret)
{
	struct hp_json_value value;

	if (find(reader, name, &value))
		found(reader, name, hp_json_get_bool(value, ret, reader->err));
}

struct hp_json_value read_list(struct member_reader *reader, const char *name)
{
	struct hp_json_value value = {0};

	if (find(reader, name, &value) && hp_json_type(value) != HP_JSON_ARRAY)
		found(reader, name, hp_err_invalid(reader->err, NULL, "must be a list"));
	return reader->r < 0 ? (struct hp_json_value){0} : value;
}

void read_strings(struct member_reader *reader, const char *name, const char *const **ret)
{
	static const char *const none[] = {NULL};
	struct hp_json_value value;
	char **strings;
	int r;

	*ret = none;
	if (!find(reader, name, &value))
		return;
	r = hp_json_get_strings(value, reader->arena, SIZE_MAX, &strings, reader->err);
	if (r == 0)
		*ret = (const char *const *)strings;
	found(reader, name, r);
}
