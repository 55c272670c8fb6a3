/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/libhookd/hookd.h"
#include "proto/messages/hooks.h"

/*
 * How long a hookd that is busy is asked again. Busy means that nothing was run, and what a hook
 * needs to be started is a part of the time that it may take.
 */
struct shim_patience {
	int64_t deadline;
	uint64_t pause_us; /* the last one */
};

/* Begins now; `hook` is the first that is to be run. */
struct shim_patience shim_patience_for(const struct hp_hook *hook);

/* After -EBUSY: waits a little, and true; or false, where the time is over. */
bool shim_waits_for(const struct hookd_client *client, struct shim_patience *patience);
