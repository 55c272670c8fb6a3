/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/libhookd.h"
#include "proto/base/arena.h"
#include "proto/json/json.h"

/* What a method's reply says, as in hookd_calls.h. */
enum reply_kind {
	REPLY_EMPTY,
	REPLY_RESULT,
	REPLY_DETAILS,
	REPLY_LIST,
	REPLY_SUMMARY,
	REPLY_STATUS,
	REPLY_TEXT,
	REPLY_STRINGS,
	REPLY_DECISION,
	REPLY_APPLIED,
	REPLY_HOLDINGS,
	REPLY_SECCOMP,
	REPLY_EXPLANATION,
};

struct hookd_reply {
	enum reply_kind kind;
	char *json;
	struct hp_arena arena;	       /* all that the members below point to */
	const char *container;	       /* of Apply and Update: the caller's */
	struct hookd_result *result;   /* of RESULT and DETAILS */
	struct hookd_result *progress; /* of DETAILS */
	union {
		struct hookd_run_details details;
		struct hookd_run_list list;
		struct hookd_summary_table summary;
		struct hookd_status_info status;
		const char *text;
		const char *const *strings;
		struct hookd_policy_decision decision;
		struct hookd_applied applied;
		struct hookd_holding_list holdings;
		struct hookd_seccomp seccomp;
		struct hookd_explanation explanation;
	} of;
};

/* Reads the parameters of a method's reply. -EINVAL with *err, -ENOMEM. */
typedef int (*reply_read_fn)(struct hp_json_value parameters, struct hookd_reply *reply,
			     struct hp_err *err);

/* -ENOMEM; -EINVAL with *err. `container` may be NULL. */
int reply_new(enum reply_kind kind, reply_read_fn read, struct hp_json_value parameters,
	      const char *container, struct hookd_reply **ret, struct hp_err *err);

/*
 * Reads members of an object. The first error ends reading, so that r is checked once. A member
 * that is absent leaves *ret as it was; one of another type is an error. A number that is too large
 * for its type is read as the largest one.
 */
struct member_reader {
	struct hp_json_value object;
	struct hp_arena *arena;
	struct hp_err *err;
	int r;
};

/* One that is absent has no members. -EINVAL in reader.r if it is no object. */
struct member_reader member_reader_new(struct hp_json_value object, struct hp_arena *arena,
				       struct hp_err *err);
/* Puts the index of the object in its list before the path of an error. Returns reader->r. */
int member_reader_end(struct member_reader *reader, const char *list, size_t index);
void read_text(struct member_reader *reader, const char *name, const char **ret);
void read_int64(struct member_reader *reader, const char *name, int64_t *ret);
void read_uint64(struct member_reader *reader, const char *name, uint64_t *ret);
void read_int(struct member_reader *reader, const char *name, int *ret);
void read_bool(struct member_reader *reader, const char *name, bool *ret);
/* The array of that name; absent, if there is none. */
struct hp_json_value read_list(struct member_reader *reader, const char *name);
/* *ret is never NULL afterwards: an absent list is an empty one. */
void read_strings(struct member_reader *reader, const char *name, const char *const **ret);
