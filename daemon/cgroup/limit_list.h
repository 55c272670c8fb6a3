/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * linux.resources as files of cgroup v2 and what to write to them. Touches nothing: limits_apply()
 * does.
 *
 *	pids.limit		pids.max; 0 is written as "1", see below
 *	memory.swap		memory.swap.max, less memory.limit
 *	memory.limit		memory.max
 *	memory.reservation	memory.low
 *	blockIO.weight		io.bfq.weight, or io.weight: 10 to 1000 becomes 1 to 10000
 *	blockIO.throttle...	io.max, a line for each device
 *	cpu.shares		cpu.weight: 1024 becomes 100, as runc and crun convert since 2025
 *	cpu.quota, cpu.period	cpu.max; either alone leaves the other as it is
 *	cpu.burst, cpu.idle	cpu.max.burst, cpu.idle
 *	cpu.cpus, cpu.mems	cpuset.cpus, cpuset.mems
 *	hugepageLimits		hugetlb.SIZE.max, and hugetlb.SIZE.rsvd.max where it is there
 *	rdma			rdma.max, a line for each device
 *	unified			as they are, line by line
 *
 * -1 is "max". 0 is "not set" in memory.limit, .reservation and .swap, cpu.shares, .quota, .period
 * and .realtime..., and blockIO.weight, as it is for runc. A pids.limit of 0 allows a process that
 * is moved into the cgroup to go on without children; hooks are cloned into theirs, which a
 * pids.max of 0 would not let happen, and "1" is what 0 comes to, and what runc writes.
 *
 * What cgroup v2 has not: memory.kernel and .kernelTCP (a limit that is not below memory.limit says
 * nothing new, since memory.max counts them: passed over), .swappiness, .disableOOMKiller when
 * true, cpu.realtime..., blockIO.leafWeight and network: -EOPNOTSUPP. memory.useHierarchy is passed
 * over: cgroup v2 always counts what is below, which is never more than was asked for.
 * devices and freezer are no files to write a limit to: see devices.h.
 */
struct limit {
	const char *path;		   /* the field, relative to resources: "memory.limit" */
	const char *file, *text;	   /* "memory.max", "1048576" */
	const char *else_file, *else_text; /* to write where there is no `file`; NULL: nothing */
	unsigned int flags;		   /* enum limit_flag */
};

enum limit_flag {
	LIMIT_OPTIONAL = 1 << 0, /* nothing is lost where the file is missing */
	/* The same, where the machine has no swap either. */
	LIMIT_OPTIONAL_WITHOUT_SWAP = 1 << 1,
	LIMIT_ABOVE_USAGE = 1 << 2,	 /* refused below what X.current says for X.max */
	LIMIT_AGAIN_AFTER_NEXT = 1 << 3, /* where it is EINVAL: the next one may make room */
	LIMIT_SECOND_WORD = 1 << 4,	 /* the file's first word stays */
	/* Not written, but changed by what is written next: so it is to be remembered. */
	LIMIT_ONLY_REMEMBERED = 1 << 5,
};

struct limit_list {
	struct limit *limits; /* in the order in which the kernel needs them */
	size_t count, room;
	struct hp_arena arena;
	bool is_out_of_memory;
};

/*
 * Of resources as proto/settings/settings.h has read them, or as good. Their strings are borrowed.
 * -EOPNOTSUPP with the path of a field that cgroup v2 does not have, -ENOMEM. The list is to be
 * cleared after success only.
 */
int limit_list_make(const struct hp_resources *resources, struct limit_list *ret_list,
		    struct hp_err *err) must_check;
void limit_list_clear(struct limit_list *list);

/* cpu.shares (2 to 262144) -> cpu.weight (1 to 10000); 1024 -> 100. */
unsigned int limit_weight_of_shares(uint64_t shares);
/* CPU time per second of a quota > 0 in a period > 0, in systemd's steps; UINT64_MAX: no bound. */
uint64_t limit_cpu_per_second_us(uint64_t quota_us, uint64_t period_us);
/* And back, for a bound: the quota in a period. */
uint64_t limit_cpu_quota_us(uint64_t per_second_us, uint64_t period_us);
