/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"
#include "proto/messages/result.h"

/* A request id made by the library: 128 random bits in hex. */
#define RUN_ID_SIZE 33

/*
 * Reads a caller's request, of any size that this or an older header gave it, and checks what hookd
 * could not tell apart later. A missing request id is made in `id`, which ret->request_id then
 * points to. -EINVAL.
 */
int run_read(struct hookd_client *client, const struct hookd_run_request *request,
	     char id[static RUN_ID_SIZE], struct hookd_run_request *ret);

/* Writes the call into client->call. request->hooks is set, request->hook_list not looked at. */
void run_write(struct hookd_client *client, const struct hookd_run_request *request, bool more);

/* Writes it, sends it, and waits for the result, over as many connections as that takes. */
int run_once(struct hookd_client *client, const struct hookd_run_request *request, int64_t deadline,
	     struct hp_run_result *ret);

/*
 * hookd_run() whose events are told while it waits, but for DONE. After a connection was lost those
 * of the time in between are missing. Not for lists with functions: -EOPNOTSUPP.
 */
int run_follow(struct hookd_client *client, const struct hookd_run_request *request,
	       hookd_event_fn on_event, void *userdata, struct hookd_result **ret);

/* async.c: tells client->on_event of a reply that is not the last. */
int async_tell(struct hookd_client *client, const struct hp_reply *reply);

/* The result in the last reply to a Run; -EBADMSG where there is none. */
int run_read_result(struct hookd_client *client, const struct hp_reply *reply,
		    struct hp_run_result *ret);

/* parts.c: runs request->hook_list. */
int parts_run(struct hookd_client *client, const struct hookd_run_request *request,
	      int64_t deadline, struct hookd_result **ret);
