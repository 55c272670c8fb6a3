/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"
#include "proto/messages/result.h"
#include "proto/messages/told.h"

/* A request id that the library generates: 128 random bits in hex, and a NUL. -errno. */
#define RUN_ID_SIZE 33
int run_make_id(char id[static RUN_ID_SIZE]);

/*
 * Copies and checks a caller's request, whose size may be that of an older header. Without a
 * request id one is generated in `id`, and ret->request_id points there. -EINVAL.
 */
int run_read(struct hookd_client *client, const struct hookd_run_request *request,
	     char id[static RUN_ID_SIZE], struct hookd_run_request *ret);

/*
 * A run that was asked for, until DONE. It has its own copy of the request where that is needed
 * after the start.
 */
struct run_state {
	hookd_event_fn on_event;
	void *userdata;
	bool wants_events;	 /* besides DONE */
	struct hp_told told;	 /* the events of what was sent last */
	size_t first;		 /* the number of its first hook in the list of the caller */
	struct hp_run_result of; /* its result */
	char *text;		 /* the result as it came; NULL: none yet */
	struct parts *parts;	 /* of a hook_list; NULL: hooks as text */
};

/*
 * Sends request->hooks, which must be set, and makes the client busy. When there is a result, or no
 * hope of one, run_end() or parts_end() is called. -errno: nothing was sent.
 */
int run_send(struct hookd_client *client, struct run_state *state,
	     const struct hookd_run_request *request);

/* Delivers DONE and frees the state. Takes ownership of what *result points to; NULL: `r` < 0. */
void run_done(struct hookd_client *client, struct run_state *state, struct hp_run_result *result,
	      int r);
/* Frees it without DONE. */
void run_drop(struct run_state *state);

/* hookd_run() that delivers events while it waits, except DONE. */
int run_follow(struct hookd_client *client, const struct hookd_run_request *request,
	       hookd_event_fn on_event, void *userdata, struct hookd_result **ret);
