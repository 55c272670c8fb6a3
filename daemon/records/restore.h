/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/records/recorded.h"
#include "daemon/run/store.h"

/*
 * Adds the recorded runs to the store, as runs that are done; those without an end are open
 * (run::is_open). Changes the order of *recorded. -ENOMEM.
 */
int restore_runs(struct recorded *recorded, const struct run_context *context,
		 struct store *store) must_check;
/*
 * Makes one of them, which is in no store; also of texts that the history has kept. The caller
 * frees it by run_free(). May change recorded->result. -ENOMEM.
 */
int restore_run(struct recorded_run *recorded, const struct run_context *context,
		struct hp_json *json, struct run **ret_run) must_check;
