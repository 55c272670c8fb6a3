/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/* How a run's result grows: all hooks skipped at first, one after the other booked, then closed. */

/* Written as JSON this can grow sixfold, and must stay below HP_REPLY_BYTES_MAX with the rest. */
#define RUN_OUTPUT_BYTES_MAX (1024u * 1024)
/* What every stream of a run keeps in any case: all of them together are within the bound. */
#define RUN_OUTPUT_RESERVE_BYTES (RUN_OUTPUT_BYTES_MAX / (2 * HP_HOOKS_MAX))

/* -ENOMEM; run_free() frees what there is. */
int run_result_prepare(struct run *run) must_check;

/* A hook has ended: takes over what *result owns; a hook that failed gets its text, the run too. */
void run_result_take(struct run *run, size_t index, struct hp_hook_result *result);

/* No hook comes after: outcome and times are whole. */
void run_result_close(struct run *run);
