/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/* Builds the result of a run: prepare, then take for each hook, then close. */

/* As JSON it can be six times as long, and a reply must be shorter than HP_REPLY_BYTES_MAX. */
#define RUN_OUTPUT_BYTES_MAX (1024u * 1024)
/* Each stream keeps at least this: with HP_HOOKS_MAX hooks it is within the bound. */
#define RUN_OUTPUT_RESERVE_BYTES (RUN_OUTPUT_BYTES_MAX / (2 * HP_HOOKS_MAX))

/* All hooks as skipped. -ENOMEM: run_free() frees the part that was allocated. */
int run_result_prepare(struct run *run) must_check;

/*
 * Stores the result of a hook that has ended, and takes over what *result owns. If the hook failed,
 * sets its error text and that of the run.
 */
void run_result_take(struct run *run, size_t index, struct hp_hook_result *result);

/* After the last hook: sets outcome and times. */
void run_result_close(struct run *run);
