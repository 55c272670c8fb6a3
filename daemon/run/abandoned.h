/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/run/store.h"

/*
 * Runs of an earlier hookd that goes on, whose request wants them to be cancelled when its caller
 * disconnects. All callers have lost their connections with that hookd, and need time to come back.
 */
#define ABANDONED_AFTER_S 10

/* Cancels those that nobody waits for when that time is over. The store outlives it. -ENOMEM. */
int abandoned_watch(struct event_base *base, struct store *store,
		    const struct timeval *after) must_check;
