/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/libhookd/hookd.h"
#include "proto/messages/hooks.h"

/*
 * How long a busy hookd is asked again: at most the timeout of the first hook. Busy means that
 * nothing was run.
 */
struct shim_patience {
	int64_t deadline;
	uint64_t pause_us; /* the last one */
};

/* Starts the time now; `hook` is the first one to run. */
struct shim_patience shim_patience_for(const struct hp_hook *hook);

/* After -EBUSY: pauses and returns true, or returns false when the time is over. */
bool shim_waits_for(const struct hookd_client *client, struct shim_patience *patience);
