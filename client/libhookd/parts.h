/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/run.h"

/* The run of a hook_list; see parts.c. */

struct parts;

/*
 * Begins it: sends its first part, or delays its first function. When it is over, run_done() is
 * called. -errno: nothing was run.
 */
int parts_start(struct hookd_client *client, struct run_state *state,
		const struct hookd_run_request *request);
/* A part has ended: state->of is its result, or `r` < 0. */
void parts_end(struct hookd_client *client, struct run_state *state, int r);
void parts_free(struct parts *parts);
