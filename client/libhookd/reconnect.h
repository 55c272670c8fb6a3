/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hookd_client;
struct hp_reply;

/* After a connection was lost before the reply: when to try again, and until when. */
struct reconnect {
	bool is_repeat;	 /* the call, or a part of it, was sent before */
	int64_t sent_ns; /* when it was sent on the lost connection; 0: it was not */
	int64_t give_up_ns;
	int pause_ms; /* before the next attempt */
};

/*
 * After a lost connection and after each attempt that has failed: how long to pause before the next
 * one. `deadline` is that of the call. -ETIMEDOUT, or -EPIPE without a deadline: the time is over,
 * and client->fault is set.
 */
int reconnect_plan(struct hookd_client *client, struct reconnect *reconnect, int64_t deadline,
		   int *ret_pause_ms);

/*
 * True for an error that means "nothing was run", but only for this attempt: an earlier one may
 * have run the hooks, so the call has to be repeated.
 */
bool reconnect_goes_on(const struct reconnect *reconnect, int r);

/*
 * Sends client->call and waits for its last reply, on one connection after another. Only for a call
 * that can be repeated. Events before the reply go to client->on_event, if it is set.
 */
int reconnect_exchange(struct hookd_client *client, int64_t deadline, struct hp_reply *ret_reply);
