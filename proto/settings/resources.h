/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/base.h"

/*
 * Settings of a cgroup and of a resctrl group, as in the request (runtime-spec config-linux.md
 * "Control groups", "IntelRdt"; libcontainer's configs.Resources, IntelRdt). daemon/cgroup converts
 * them to the files of cgroup v2, daemon/resctrl to schemata.
 */

enum hp_device_access { HP_DEVICE_READ = 1, HP_DEVICE_WRITE = 2, HP_DEVICE_MKNOD = 4 };

struct hp_device_rule {
	bool allow;
	char type;	      /* 'a', 'b', 'c' */
	int64_t major, minor; /* -1: all */
	unsigned int access;  /* enum hp_device_access */
	/*
	 * For rules that deny, after all those without it: the rule applies to the default devices
	 * too, which are otherwise always allowed. From libcontainer's denied_devices only.
	 */
	bool is_over_defaults;
};

struct hp_memory {
	struct hp_int limit, reservation, swap; /* bytes; -1: no limit. swap: memory and swap */
	struct hp_int kernel, kernel_tcp;	/* not on cgroup v2 */
	struct hp_uint swappiness;
	struct hp_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct hp_cpu {
	struct hp_uint shares;
	struct hp_uint weight; /* libcontainer's cpu_weight: cpu.weight of cgroup v2 */
	struct hp_int quota;   /* microseconds in a period; -1: no limit */
	struct hp_uint burst, period;
	struct hp_int realtime_runtime;
	struct hp_uint realtime_period;
	char *cpus, *mems; /* lists as cpuset takes them; NULL: absent */
	struct hp_int idle;
};

/* A weight of block I/O; 0: unset. */
#define HP_IO_WEIGHT_MIN 10
#define HP_IO_WEIGHT_MAX 1000

struct hp_weight_device {
	int64_t major, minor;
	struct hp_uint weight, leaf_weight;
};

struct hp_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

enum hp_throttle {
	HP_THROTTLE_READ_BPS,
	HP_THROTTLE_WRITE_BPS,
	HP_THROTTLE_READ_IOPS,
	HP_THROTTLE_WRITE_IOPS,
	HP_THROTTLE_COUNT,
};

struct hp_block_io {
	struct hp_uint weight, leaf_weight;
	struct hp_weight_device *weight_devices;
	size_t weight_device_count;
	struct hp_throttle_device *throttle[HP_THROTTLE_COUNT];
	size_t throttle_count[HP_THROTTLE_COUNT];
};

struct hp_hugepage_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;
};

struct hp_rdma {
	char *device;
	struct hp_uint hca_handles, hca_objects;
};

struct hp_interface_priority {
	char *name;
	uint64_t priority;
};

/* A file of cgroup v2 and what to write to it. */
struct hp_unified {
	char *file, *value;
};

enum hp_freezer { HP_FREEZER_UNDEFINED, HP_FREEZER_FROZEN, HP_FREEZER_THAWED };

struct hp_resources {
	struct hp_device_rule *devices; /* in the order of the request: the last match counts */
	size_t device_count;
	struct hp_memory memory;
	struct hp_cpu cpu;
	struct hp_block_io block_io;
	struct hp_hugepage_limit *hugepage_limits;
	size_t hugepage_limit_count;
	struct hp_uint network_class_id; /* not on cgroup v2 */
	struct hp_interface_priority *network_priorities;
	size_t network_priority_count;
	struct hp_int pids_limit; /* -1: no limit */
	struct hp_rdma *rdma;
	size_t rdma_count;
	struct hp_unified *unified;
	size_t unified_count;
	enum hp_freezer freezer; /* libcontainer only */
};

/* A string is NULL if absent. */
struct hp_intel_rdt {
	char *clos_id;
	char *l3_cache_schema, *mem_bw_schema;
	char **schemata; /* NULL-terminated; NULL: absent */
	bool enable_monitoring;
};

/*
 * Whether a group may have this name: letters, digits and _ . + : @ -, which closIDs and container
 * ids have, at most 255. Other programs may use other characters.
 */
bool hp_is_resctrl_group_name(const char *name);
/* A name that resctrl itself uses in every group, "." and "..". */
bool hp_is_resctrls_name(const char *name);
