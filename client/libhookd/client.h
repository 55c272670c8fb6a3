/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/fault.h"
#include "client/libhookd/libhookd.h"
#include "client/libhookd/reconnect.h"
#include "client/libhookd/wire.h"
#include "proto/json/json.h"
#include "proto/messages/told.h"

/* What the files of the library share. Nothing here is exported. */

struct hookd_client {
	char *path; /* of the daemon's socket */
	uint64_t timeout_ms;
	struct wire wire;
	struct hp_buf call;  /* the call being made, kept whole so that it can be sent again */
	size_t call_sent;    /* bytes of it that the kernel has taken */
	struct hp_json json; /* of the reply being read */
	struct fault fault;
	bool is_busy;	     /* a run was started and is not done, or a reply callback is running */
	bool is_unreachable; /* there was no connection, and nothing of the call was sent */

	/* Callback of hookd_run_start() and run_follow(); NULL without such a run. */
	hookd_event_fn on_event;
	void *userdata;
	struct hp_told told; /* its events */
	bool is_dispatching; /* hookd_process() is on the stack */
	/* Of hookd_run_start(), after a lost connection. */
	struct reconnect reconnect;
	int timer_fd; /* when to connect again; -1: not now */
};

/*
 * The path of the default socket, as described at hookd_client_new(); the caller frees it. See
 * proto/base/own_directory.h for `trusts_environment`. -ENOMEM, -ENAMETOOLONG.
 */
int client_default_path(bool trusts_environment, char **ret_path);

/*
 * Begins a call: clears client->fault and client->call. -EALREADY while another one is being made.
 */
int client_begin(struct hookd_client *client);
void client_stop_timer(struct hookd_client *client);
/* Empties client->call for another one to be written. */
void client_clear_call(struct hookd_client *client);

/*
 * Sends client->call over the open connection or a new one. A connection that hookd closed while it
 * was idle is replaced: no byte of the call has arrived then. *ret_is_kept: the connection had been
 * used before. The errno of connect(2), -EPIPE, -ETIMEDOUT.
 */
int client_send(struct hookd_client *client, int64_t deadline, bool *ret_is_kept);
/* The same without waiting: -EAGAIN if the socket did not take all of it, see client->call_sent. */
int client_push(struct hookd_client *client, int64_t deadline, bool *ret_is_kept);

/*
 * Waits for the next reply, which is valid until the one after it. Errors of the service are
 * returned as hookd.h lists them and leave the connection usable; all others close it.
 */
int client_receive(struct hookd_client *client, int64_t deadline, struct hp_reply *ret_reply);

/* Reads a message that was received; errors as above. */
int client_read(struct hookd_client *client, const char *frame, size_t length,
		struct hp_reply *ret_reply);

/*
 * Closes the connection and sets client->fault for `r`, an errno of wire.h. Returns the errno for
 * the caller.
 */
int client_lose(struct hookd_client *client, int r);

/* -EINVAL with the parameter's name unless `text` is one JSON object. */
int client_check_object(struct hookd_client *client, const char *parameter, const char *text);
