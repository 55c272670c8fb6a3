/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* After a connection was lost before the reply: when to try again, and until when. */
struct reconnect {
	bool is_repeat;	 /* the call, or a part of it, was sent before */
	int64_t sent_ns; /* when it was sent on the lost connection; 0: it was not */
	int64_t give_up_ns;
	int pause_ms; /* before the next attempt */
};

/*
 * After a lost connection and after each attempt that has failed: how long to pause before the next
 * one. `deadline` is that of the call; `is_last`: the call is sent once more and never again.
 * -ETIMEDOUT, or -EPIPE without a deadline: the time is over.
 */
int reconnect_plan(struct reconnect *reconnect, int64_t deadline, bool is_last, int *ret_pause_ms);

/*
 * True for an error that means "nothing was run", but only for this attempt: an earlier one may
 * have run the hooks, so the call has to be repeated.
 */
bool reconnect_goes_on(const struct reconnect *reconnect, int r);
