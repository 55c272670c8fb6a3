/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/apply/target.h"
#include "daemon/apply/undo.h"
#include "proto/err.h"
#include "proto/settings.h"

/*
 * The attributes that the kernel lets one process set of another: rlimits, oom score, scheduler,
 * I/O priority and CPU affinity, the last three of every thread.
 */

/* One bit for each attribute, in the order of process_attribute_names. */
enum process_attribute {
	PROCESS_RLIMITS,
	PROCESS_OOM_SCORE_ADJ,
	PROCESS_SCHEDULER,
	PROCESS_IO_PRIORITY,
	PROCESS_CPU_AFFINITY,
	PROCESS_ATTRIBUTE_COUNT,
};
extern const char *const process_attribute_names[PROCESS_ATTRIBUTE_COUNT];

/*
 * Sets what the settings have; *ret_set tells what, as bits 1u << enum process_attribute. What was
 * changed is in `undo`, also on failure: -errno with the attribute in err->path. -ESRCH when the
 * process has exited.
 */
int process_apply(const struct target *target, const struct hp_settings *settings,
		  struct undo *undo, unsigned int *ret_set, struct hp_err *err) must_check;
