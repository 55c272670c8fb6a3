/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * Converts linux.resources to files of cgroup v2 and the texts to write to them. No I/O:
 * limits_apply() writes them.
 *
 *	pids.limit		pids.max; 0 becomes "1", see below
 *	memory.swap		memory.swap.max, less memory.limit
 *	memory.limit		memory.max
 *	memory.reservation	memory.low
 *	blockIO.weight		io.bfq.weight, or io.weight: 10 to 1000 becomes 1 to 10000
 *	blockIO.throttle...	io.max, a line for each device
 *	cpu.shares		cpu.weight: 1024 becomes 100, as runc and crun convert since 2025
 *	cpu.quota, cpu.period	cpu.max; either alone does not change the other
 *	cpu.burst, cpu.idle	cpu.max.burst, cpu.idle
 *	cpu.cpus, cpu.mems	cpuset.cpus, cpuset.mems
 *	hugepageLimits		hugetlb.SIZE.max, and hugetlb.SIZE.rsvd.max where it exists
 *	rdma			rdma.max, a line for each device
 *	unified			unchanged, line by line
 *
 * -1 is "max". As for runc, 0 is "not set" in memory.limit, .reservation and .swap, cpu.shares,
 * .quota, .period and .realtime..., and blockIO.weight. pids.limit 0 becomes "1", as in runc: hooks
 * are cloned into their cgroup, which a pids.max of 0 would prevent; for a process that is already
 * in the cgroup both mean that it cannot fork.
 *
 * cgroup v2 does not have memory.kernel and .kernelTCP, .swappiness, .disableOOMKiller true,
 * cpu.realtime..., blockIO.leafWeight and network: -EOPNOTSUPP. memory.kernel and .kernelTCP are
 * ignored where they are not below memory.limit, since memory.max includes them.
 * memory.useHierarchy is ignored, since cgroup v2 is always hierarchical. For devices see
 * devices.h; freezer is handled by the callers.
 */
struct limit {
	const char *path;		   /* the field, relative to resources: "memory.limit" */
	const char *file, *text;	   /* "memory.max", "1048576" */
	const char *else_file, *else_text; /* written where `file` does not exist; NULL: nothing */
	unsigned int flags;		   /* enum limit_flag */
};

enum limit_flag {
	LIMIT_OPTIONAL = 1 << 0, /* ignored where the file does not exist */
	/* The same, but only where the machine has no swap either. */
	LIMIT_OPTIONAL_WITHOUT_SWAP = 1 << 1,
	LIMIT_ABOVE_USAGE = 1 << 2,	 /* of X.max: refused where it is below X.current */
	LIMIT_AGAIN_AFTER_NEXT = 1 << 3, /* at EINVAL: written again after the next limit */
	LIMIT_SECOND_WORD = 1 << 4,	 /* keeps the file's first word */
	/* Not written, only remembered for an undo: the next limit changes this file too. */
	LIMIT_ONLY_REMEMBERED = 1 << 5,
	LIMIT_QUOTA_IN_STEPS = 1 << 6, /* of cpu.max: the quota is rounded up as systemd does */
};

struct limit_list {
	struct limit *limits; /* in the order in which the kernel needs them */
	size_t count, room;
	struct hp_arena arena;
	bool is_out_of_memory;
};

/*
 * Makes the list. `resources` must be valid, as the readers of proto/settings check them; their
 * strings are borrowed. -EOPNOTSUPP with the path of a field that cgroup v2 does not have; -ENOMEM.
 * On success the caller frees the list by limit_list_clear().
 */
int limit_list_make(const struct hp_resources *resources, struct limit_list *ret_list,
		    struct hp_err *err) must_check;
/* Changes it for the cgroup of a unit, which has the limits as systemd's properties too. */
void limit_list_adapt_to_systemd(struct limit_list *list);
void limit_list_clear(struct limit_list *list);

/* cpu.shares (2 to 262144) -> cpu.weight (1 to 10000); 1024 -> 100. */
unsigned int limit_weight_of_shares(uint64_t shares);
/*
 * True where the resources make the cgroup idle (cpu.idle 1), by either of the two members. It has
 * no weight then, so those of the resources are left out.
 */
bool limit_is_idle(const struct hp_resources *resources);
/* blockIO.weight, whose range 10 to 1000 is that of io.bfq.weight, -> io.weight, 1 to 10000. */
uint64_t limit_io_weight(uint64_t weight);
/*
 * CPU time per second, rounded up to systemd's steps, for a quota > 0 and a period > 0. UINT64_MAX:
 * no limit.
 */
uint64_t limit_cpu_per_second_us(uint64_t quota_us, uint64_t period_us);
/* The reverse: the quota in a period. Not for UINT64_MAX. */
uint64_t limit_cpu_quota_us(uint64_t per_second_us, uint64_t period_us);
