/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/apply/threads.h"
#include "daemon/base/target.h"
#include "daemon/base/undo.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

/*
 * The attributes that one process may set of another: rlimits, OOM score, scheduler, I/O priority
 * and CPU affinity. The last three are attributes of each thread.
 */

/* Written to holdings.db, as bits: do not change the numbers. */
enum process_attribute {
	PROCESS_RLIMITS,
	PROCESS_OOM_SCORE_ADJ,
	PROCESS_SCHEDULER,
	PROCESS_IO_PRIORITY,
	PROCESS_CPU_AFFINITY,
	PROCESS_ATTRIBUTE_COUNT,
};
extern const char *const process_attribute_names[PROCESS_ATTRIBUTE_COUNT];

/* True where the settings have any of the attributes. */
bool process_is_asked(const struct hp_settings *settings);

/* A change of attributes in progress. */
struct process_change {
	const struct target *target; /* borrowed, as are the settings and the undo list */
	const struct hp_settings *settings;
	struct undo *undo;
	unsigned int set; /* 1u << enum process_attribute of the ones that are done */
	int attribute;	  /* the one in progress */
	uint64_t cpus[HP_MASK_BITS / 64]; /* the affinity as the kernel reports it once set */
	struct thread_walk walk;
	int64_t until_ns; /* deadline of all walks together, CLOCK_MONOTONIC; 0: none was begun */
};

void process_change_begin(struct process_change *change, const struct target *target,
			  const struct hp_settings *settings, struct undo *undo);
/*
 * Does a part of the change, in about 1 ms. 1: call it again; 0: all is set. -errno with the
 * attribute in err->path: -ESRCH: the process has exited; -EAGAIN: see thread_walk_go_on(). All
 * changes are in the undo list, also on failure.
 */
int process_change_go_on(struct process_change *change, struct hp_err *err) must_check;
void process_change_end(struct process_change *change);

/*
 * The whole change in one call. *ret_set gets a bit for each enum process_attribute that was set.
 */
int process_apply(const struct target *target, const struct hp_settings *settings,
		  struct undo *undo, unsigned int *ret_set, struct hp_err *err) must_check;
