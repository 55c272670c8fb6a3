/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"
#include "proto/messages/result.h"

/* A request id that the library generates: 128 random bits in hex, and a NUL. -errno. */
#define RUN_ID_SIZE 33
int run_make_id(char id[static RUN_ID_SIZE]);

/*
 * Copies and checks a caller's request, whose size may be that of an older header. Without a
 * request id one is generated in `id`, and ret->request_id points there. -EINVAL.
 */
int run_read(struct hookd_client *client, const struct hookd_run_request *request,
	     char id[static RUN_ID_SIZE], struct hookd_run_request *ret);

/* Writes the call into client->call. request->hooks must be set; request->hook_list is ignored. */
void run_write(struct hookd_client *client, const struct hookd_run_request *request, bool more);

/* Writes and sends the call and waits for the result; connects again after a lost connection. */
int run_once(struct hookd_client *client, const struct hookd_run_request *request, int64_t deadline,
	     struct hp_run_result *ret);

/* parts.c: hookd_run() that delivers events while it waits, except DONE. -EOPNOTSUPP for a
 * hook_list. */
int run_follow(struct hookd_client *client, const struct hookd_run_request *request,
	       hookd_event_fn on_event, void *userdata, struct hookd_result **ret);

/* The result in the last reply to a Run; -EBADMSG where there is none. */
int run_read_result(struct hookd_client *client, const struct hp_reply *reply,
		    struct hp_run_result *ret);
