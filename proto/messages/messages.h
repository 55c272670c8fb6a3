/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/messages: what is sent over hookd's socket: framing, the envelope of calls and replies,
 * requests, hooks, results. No sockets.
 *
 * May use: proto/base, proto/json, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"

/*
 * The Varlink wire (UAPI.20 v0.1), without sockets: cutting a byte stream into messages, reading
 * the envelope of a call or a reply, writing one. The daemon and the client library both use it.
 *
 * Stricter than the specification where deployed peers are: no key besides the specified ones may
 * be written, since sd-varlink then closes the connection.
 */

/* ---- framing: one JSON object, one NUL ---- */

struct hp_inbox {
	struct hp_buf buf;
	size_t taken;	/* bytes of buf that hp_inbox_next() has returned */
	size_t limit;	/* of a message, in bytes; 0: HP_MESSAGE_BYTES_MAX */
	size_t scanned; /* bytes known to have no NUL, so that none is scanned twice */
};

/*
 * Room to receive into: at least one byte, growing with the bytes that arrive up to one message of
 * the limit. NULL: out of memory. Frames returned before are invalid afterwards.
 */
char *hp_inbox_reserve(struct hp_inbox *inbox, size_t *ret_size);
void hp_inbox_commit(struct hp_inbox *inbox, size_t received);
/*
 * The next whole message, without its NUL; valid until the next hp_inbox_reserve(). 1 with a frame,
 * 0 when more bytes are needed, -EMSGSIZE when the message is longer than the bound. Call it until
 * it returns 0: one read can bring several messages.
 */
int hp_inbox_next(struct hp_inbox *inbox, const char **ret_frame, size_t *ret_length);
/* True if no part of a message is left in it. */
bool hp_inbox_is_empty(const struct hp_inbox *inbox);
void hp_inbox_free(struct hp_inbox *inbox);

/* ---- calls ---- */

struct hp_call {
	char method[128];
	struct hp_json_value parameters; /* an object, or absent */
	bool more;
	bool oneway;
	bool upgrade;
};

/*
 * Reads the envelope in a parsed message. -EPROTO (err says why) where the connection must be
 * closed: not an object, no method, a flag that is not a boolean or two of them true, an unknown
 * key without a dot.
 */
int hp_call_read(const struct hp_json *json, struct hp_call *ret_call, struct hp_err *err);

/*
 * Sorts the parameters of a call by name, as hp_json_members() does; all are absent if `parameters`
 * is. Bit i of `required`: names[i] is required. -EINVAL with HP_ERR_NO_PARAMETER for one that is
 * missing or not among the names.
 */
int hp_parameters_read(struct hp_json_value parameters, const char *const names[], size_t count,
		       unsigned int required, struct hp_json_value ret_values[],
		       struct hp_err *err);

/* Starts a call; the caller writes the members of its parameters, then hp_call_end(). */
struct hp_json_writer hp_call_begin(struct hp_buf *buf, const char *method, bool more, bool oneway);
void hp_call_end(struct hp_json_writer *writer);

/* ---- replies ---- */

struct hp_reply {
	char error[128];		 /* "" for none */
	struct hp_json_value parameters; /* absent where there were none */
	bool continues;
};

int hp_reply_read(const struct hp_json *json, struct hp_reply *ret_reply, struct hp_err *err);

/* As hp_call_begin(). `error` is the qualified error name or NULL. */
struct hp_json_writer hp_reply_begin(struct hp_buf *buf, const char *error, bool continues);
void hp_reply_end(struct hp_json_writer *writer);
/* A reply without parameters. */
void hp_reply_empty(struct hp_buf *buf, const char *error);
/*
 * The whole reply for an error of hp_err. `invalid` is the qualified name of the error that the
 * method has for a wrong value (path, detail); NULL: InvalidParameter.
 */
void hp_reply_err(struct hp_buf *buf, const struct hp_err *err, const char *invalid);
