/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/apply/threads.h"
#include "daemon/base/target.h"
#include "daemon/base/undo.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

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

/* True where the settings have one of them. */
bool process_is_asked(const struct hp_settings *settings);

/* The attributes one after the other, each thread by thread. */
struct process_change {
	const struct target *target; /* borrowed, as are the settings and the undo list */
	const struct hp_settings *settings;
	struct undo *undo;
	unsigned int set;		  /* 1u << enum process_attribute of those that are done */
	int attribute;			  /* that is being set */
	uint64_t cpus[HP_MASK_BITS / 64]; /* as the kernel has taken the affinity */
	struct thread_walk walk;
	int64_t until_ns; /* CLOCK_MONOTONIC, of all walks together; 0: there was none so far */
};

void process_change_begin(struct process_change *change, const struct target *target,
			  const struct hp_settings *settings, struct undo *undo);
/*
 * Does a part of it that takes about a millisecond: 1 where there is more to do; 0 when all is set.
 * What was changed is in the undo list, also on failure: -errno with the attribute in err->path.
 * -ESRCH when the process has exited, -EAGAIN as thread_walk_go_on() says.
 */
int process_change_go_on(struct process_change *change, struct hp_err *err) must_check;
void process_change_end(struct process_change *change);

/* All of it at once; *ret_set tells what was set. */
int process_apply(const struct target *target, const struct hp_settings *settings,
		  struct undo *undo, unsigned int *ret_set, struct hp_err *err) must_check;
