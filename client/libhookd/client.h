/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/exchange.h"
#include "client/libhookd/libhookd.h"
#include "client/libhookd/wire/fault.h"
#include "client/libhookd/wire/private_hookd.h"
#include "client/libhookd/wire/wire.h"
#include "proto/json/json.h"

/* What the files of the library share. Nothing here is exported. */

struct hookd_client {
	char *path; /* of the daemon's socket; NULL: there is a private hookd */
	struct private_hookd private;
	uint64_t timeout_ms;
	struct wire wire;
	struct hp_buf call;  /* the call being made, kept whole so that it can be sent again */
	size_t call_sent;    /* bytes of it that the kernel has taken */
	struct hp_json json; /* of the reply being read */
	struct fault fault;
	struct hookd_error error; /* its view */
	bool is_busy;		  /* a call is going on, or a function of a hook list */
	bool is_unreachable;	  /* there was no connection, and nothing of the call was sent */

	struct exchange exchange; /* the call that is going on */
	bool is_blocking;	  /* it is that of a function that waits */
	int64_t deadline;	  /* of such a function */
	bool is_dispatching;	  /* hookd_process() or exchange_await() is on the stack */
	bool is_broken;		  /* it has closed the connection because of a failure */
	int timer_fd;		  /* the end of a pause, for the caller's loop; -1: none */

	/* Of the call: what its maker knows. */
	union {
		struct run_state *run;	   /* run.c, parts.c */
		struct ask_state *ask;	   /* ask.c */
		struct raw_state *raw;	   /* call.c */
		struct watch_state *watch; /* watch.c */
	} of;
};

/*
 * The path of the default socket, as described at hookd_client_new(); the caller frees it. See
 * proto/base/own_directory.h for `trusts_environment`. -ENOMEM, -ENAMETOOLONG.
 */
int client_default_path(bool trusts_environment, char **ret_path);

/*
 * Begins a call: clears client->fault and client->call, and sets the deadline of a function that
 * waits. -EALREADY while another one is being made.
 */
int client_begin(struct hookd_client *client, bool is_blocking);
void client_stop_timer(struct hookd_client *client);
/* Empties client->call for another one to be written. */
void client_clear_call(struct hookd_client *client);

/*
 * Sends client->call over the open connection or a new one. A connection that hookd closed while it
 * was idle is replaced: no byte of the call has arrived then. The errno of connect(2), -EPIPE,
 * -ETIMEDOUT; -EAGAIN if the socket did not take all of it, see client->call_sent.
 */
int client_push(struct hookd_client *client, int64_t deadline);

/*
 * Reads a message that was received. Errors of the service are returned as hookd.h lists them and
 * leave the connection usable; all others close it.
 */
int client_read(struct hookd_client *client, const char *frame, size_t length,
		struct hp_reply *ret_reply);

/*
 * Closes the connection and sets client->fault for `r`, an errno of wire.h. Returns the errno for
 * the caller.
 */
int client_lose(struct hookd_client *client, int r);

/*
 * Copies a caller's struct, whose first member is its size, that of another version maybe. -EINVAL
 * if it is not set, -E2BIG if there is something set behind what this version knows.
 */
int client_copy_sized(struct hookd_client *client, void *ret, size_t size, const void *from);

/* -EINVAL with the parameter's name unless `text` is one JSON object. */
int client_check_object(struct hookd_client *client, const char *parameter, const char *text);
