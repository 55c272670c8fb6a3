/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/run/store.h"

/*
 * About adopted runs whose request has onDisconnect "cancel": all callers have lost their
 * connections when the earlier hookd ended, and get this many seconds to connect again.
 */
#define ABANDONED_AFTER_S 10

/* Cancels those without a waiting caller after that time. The store outlives the timer. -ENOMEM. */
int abandoned_watch(struct event_base *base, struct store *store,
		    const struct timeval *after) must_check;
