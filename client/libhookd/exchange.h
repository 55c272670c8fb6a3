/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/libhookd/wire/reconnect.h"

struct hookd_client;
struct hp_reply;

/*
 * How often a call may be sent, if the connection is lost before its reply: by what hookd
 * guarantees about the method.
 */
#define SENDS_ONCE	     1
#define SENDS_TWICE	     2 /* it changes nothing, or the same when it is done again */
#define SENDS_UNTIL_ANSWERED UINT32_MAX

/* What the maker of a call does with what comes. The functions get the client's state from it. */
struct exchange_type {
	/*
	 * A reply that is no error; the last has `continues` unset. A negative errno ends the call;
	 * client->fault is then set.
	 */
	int (*on_reply)(struct hookd_client *client, const struct hp_reply *reply);
	/*
	 * The call has ended: 0, or an errno. Another exchange may be started. For one that was
	 * delayed, the delay has ended.
	 */
	void (*on_end)(struct hookd_client *client, int r);
	/* Before the call is sent again: writes client->call anew. NULL: the same bytes. */
	int (*on_repeat)(struct hookd_client *client);
	/* The call is given up: frees what its maker has, without a word to the caller. */
	void (*on_stop)(struct hookd_client *client);
	bool is_delay; /* exchange_delay() */
};

/* The one call that a client makes at a time. */
struct exchange {
	const struct exchange_type *type; /* NULL: none */
	uint32_t sends_left;
	bool is_more;
	struct reconnect reconnect;
	bool is_paused;
	int pause_ms;
};

/*
 * Sends client->call, and makes the client busy until on_end(). -errno: nothing of it can have
 * arrived; on_end() does not come. Does not wait for more than connect(2).
 */
int exchange_start(struct hookd_client *client, const struct exchange_type *type, uint32_t sends,
		   bool is_more);
/* Calls type->on_end() from the caller's loop, or from exchange_await(). -EPIPE without a timer. */
int exchange_delay(struct hookd_client *client, const struct exchange_type *type);
/* Serves the calls of a blocking function until the client is idle. */
void exchange_await(struct hookd_client *client);
/* Gives the call up, if there is one. Closes the connection if a reply is still to come. */
void exchange_stop(struct hookd_client *client);
