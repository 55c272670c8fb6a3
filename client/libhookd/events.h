/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hookd_client;
struct hp_reply;

/* What a caller was told of its run, on all connections. All zeroes: nothing. */
struct told_events {
	bool is_accepted;
	char run[64];
	size_t started, finished; /* the hooks before these */
	size_t index;		  /* whose output was told last */
	uint64_t at[2];		  /* the next byte of its stdout and stderr */
};

/* Delivers a reply that is not the last to client->on_event, unless it is known. -errno: no event.
 */
int events_tell(struct hookd_client *client, const struct hp_reply *reply);
