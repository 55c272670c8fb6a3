/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/messages/hooks.h"
#include "proto/messages/messages.h"
#include "proto/settings/settings.h"

/* The request of io.hookd.hooks.Run, decoded. */

#define HP_METHOD_RUN "io.hookd.hooks.Run"

enum hp_namespaces { HP_NAMESPACES_AUTO, HP_NAMESPACES_RUNTIME, HP_NAMESPACES_CONTAINER };
enum hp_on_disconnect { HP_ON_DISCONNECT_CONTINUE, HP_ON_DISCONNECT_CANCEL };

struct hp_request {
	struct hp_arena arena; /* owns all that is below */

	/* The parameters as received, to compare a retry with and to show to an operator. */
	const char *text;
	size_t text_length;

	enum hp_stage stage;
	const char *state; /* the bytes for each hook's stdin, in `text`; not NUL-terminated */
	size_t state_length;
	struct hp_hook_list hooks; /* of the stage; the other stages were checked */
	enum hp_dialect dialect;
	struct hp_settings *settings; /* NULL: absent */
	enum hp_namespaces namespaces;
	enum hp_on_disconnect on_disconnect;
	char *request_id;  /* NULL: none */
	char *traceparent; /* NULL: none */

	/* From the state; runtime-spec runtime.md "State". */
	char *container; /* id, required, 1..HP_ID_BYTES_MAX bytes */
	char *bundle;	 /* NULL: absent */
	pid_t pid;	 /* 0: absent or 0 */
};

/*
 * Decodes the parameters of a Run call. The request copies what it needs and outlives the message.
 * -EINVAL with the full path of the wrong field ("hooks.createRuntime[1].timeout", "state.id"), or
 * as hp_parameters_read() for a parameter that is missing or not declared;
 * *ret_request is filled only on success and is then freed with hp_request_free().
 */
int hp_request_read(struct hp_json_value parameters, struct hp_request *ret_request,
		    struct hp_err *err);
/*
 * The same for the parameters of Explain: those of Run that say how hooks run, and `state` may be
 * absent. Then request->container is NULL.
 */
int hp_request_read_explain(struct hp_json_value parameters, struct hp_request *ret_request,
			    struct hp_err *err);
void hp_request_free(struct hp_request *request);

/* What a client wants to send. Strings and JSON texts are borrowed; NULL: not given. */
struct hp_request_draft {
	const char *stage;
	const char *state; /* JSON text */
	const char *hooks; /* JSON text */
	const char *dialect;
	const char *settings; /* JSON text */
	const char *namespaces;
	const char *request_id;
	const char *on_disconnect;
	const char *traceparent;
};

/* Writes the Run call that the draft describes, with its NUL. */
void hp_request_write(struct hp_buf *buf, const struct hp_request_draft *draft, bool more,
		      bool oneway);
