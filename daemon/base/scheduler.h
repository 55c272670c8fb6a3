/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/settings/settings.h"

/*
 * Arguments of sched_setattr(2), for hookd-run, which sets its own, and daemon/apply, which sets
 * those of a container's process. linux/sched/types.h conflicts with libc's sched.h.
 */
#define SCHEDULER_RESET_ON_FORK 0x01 /* SCHED_FLAG_RESET_ON_FORK */

struct scheduler_attributes { /* struct sched_attr as of Linux 3.14 */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

static inline struct scheduler_attributes scheduler_attributes_of(const struct hp_scheduler *from)
{
	return (struct scheduler_attributes){
	    .size = sizeof(struct scheduler_attributes),
	    .policy = (uint32_t)from->policy,
	    .flags = from->flags,
	    .nice = from->nice,
	    .priority = (uint32_t)from->priority,
	    .runtime_ns = from->runtime_ns,
	    .deadline_ns = from->deadline_ns,
	    .period_ns = from->period_ns,
	};
}

/* 6 is SCHED_DEADLINE, which not every libc's sched.h has. */
static inline bool scheduler_is_deadline(const struct hp_scheduler *scheduler)
{
	return scheduler->is_set && scheduler->policy == 6;
}

/* The CPUs that the program runs on: runtime-spec's `final`, or `initial` where that is not set. */
static inline const struct hp_mask *affinity_of(const struct hp_settings *settings)
{
	return settings->cpu_affinity_final.is_set ? &settings->cpu_affinity_final
						   : &settings->cpu_affinity_initial;
}
