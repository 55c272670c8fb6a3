/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Compares settings member by member, without the tables that read and write them, so that a member
 * missing in a table is found. The fuzz target uses it too.
 */

#include "tests/proto/settings/settings_equal.h"

#include <string.h>

#define SAME(member)                                                                               \
	do {                                                                                       \
		if (a->member != b->member)                                                        \
			return #member;                                                            \
	} while (0)
#define SAME_NUMBER(member)                                                                        \
	do {                                                                                       \
		SAME(member.is_set);                                                               \
		if (a->member.is_set)                                                              \
			SAME(member.value);                                                        \
	} while (0)
#define SAME_TEXT(member)                                                                          \
	do {                                                                                       \
		if (!same_text(a->member, b->member))                                              \
			return #member;                                                            \
	} while (0)
#define SAME_BYTES(member)                                                                         \
	do {                                                                                       \
		if (memcmp(&a->member, &b->member, sizeof(a->member)) != 0)                        \
			return #member;                                                            \
	} while (0)
#define SAME_PART(call)                                                                            \
	do {                                                                                       \
		const char *difference = call;                                                     \
		if (difference)                                                                    \
			return difference;                                                         \
	} while (0)
/* difference_of_each(a, b) over two lists. */
#define SAME_LIST(member, count, difference_of)                                                    \
	do {                                                                                       \
		SAME(count);                                                                       \
		for (size_t i = 0; i < a->count; i++)                                              \
			SAME_PART(difference_of(&a->member[i], &b->member[i]));                    \
	} while (0)

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *texts_difference(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b ? NULL : "a list of texts";
	for (; *a && *b; a++, b++) {
		if (strcmp(*a, *b) != 0)
			return "a text";
	}
	return *a == *b ? NULL : "the number of texts";
}

/* ---- seccomp ---- */

static const char *arg_difference(const struct hp_seccomp_arg *a, const struct hp_seccomp_arg *b)
{
	SAME(index);
	SAME(op);
	SAME(value);
	SAME(value_two);
	return NULL;
}

static const char *rule_difference(const struct hp_seccomp_rule *a, const struct hp_seccomp_rule *b)
{
	SAME_PART(texts_difference(a->names, b->names));
	SAME(action);
	SAME_NUMBER(errno_ret);
	SAME_LIST(args, arg_count, arg_difference);
	return NULL;
}

const char *seccomp_difference(const struct hp_seccomp *a, const struct hp_seccomp *b)
{
	if (!a || !b)
		return a == b ? NULL : "seccomp";
	SAME(default_action);
	SAME_NUMBER(default_errno_ret);
	SAME(arch_count);
	for (size_t i = 0; i < a->arch_count; i++)
		SAME(archs[i]);
	SAME(has_flags);
	SAME(flags);
	SAME_LIST(rules, rule_count, rule_difference);
	SAME_TEXT(listener_path);
	SAME_TEXT(listener_metadata);
	return NULL;
}

/* ---- resources ---- */

static const char *device_difference(const struct hp_device_rule *a, const struct hp_device_rule *b)
{
	SAME(is_over_defaults);
	SAME(allow);
	SAME(type);
	SAME(major);
	SAME(minor);
	SAME(access);
	return NULL;
}

static const char *memory_difference(const struct hp_memory *a, const struct hp_memory *b)
{
	SAME_NUMBER(limit);
	SAME_NUMBER(reservation);
	SAME_NUMBER(swap);
	SAME_NUMBER(kernel);
	SAME_NUMBER(kernel_tcp);
	SAME_NUMBER(swappiness);
	SAME(disable_oom_killer.value);
	SAME(use_hierarchy.value);
	SAME(check_before_update.value);
	return NULL;
}

static const char *cpu_difference(const struct hp_cpu *a, const struct hp_cpu *b)
{
	SAME_NUMBER(shares);
	SAME_NUMBER(weight);
	SAME_NUMBER(quota);
	SAME_NUMBER(burst);
	SAME_NUMBER(period);
	SAME_NUMBER(realtime_runtime);
	SAME_NUMBER(realtime_period);
	SAME_TEXT(cpus);
	SAME_TEXT(mems);
	SAME_NUMBER(idle);
	return NULL;
}

static const char *weight_device_difference(const struct hp_weight_device *a,
					    const struct hp_weight_device *b)
{
	SAME(major);
	SAME(minor);
	SAME_NUMBER(weight);
	SAME_NUMBER(leaf_weight);
	return NULL;
}

static const char *throttle_difference(const struct hp_throttle_device *a,
				       const struct hp_throttle_device *b)
{
	SAME(major);
	SAME(minor);
	SAME(rate);
	return NULL;
}

static const char *block_io_difference(const struct hp_block_io *a, const struct hp_block_io *b)
{
	SAME_NUMBER(weight);
	SAME_NUMBER(leaf_weight);
	SAME_LIST(weight_devices, weight_device_count, weight_device_difference);
	for (size_t k = 0; k < HP_THROTTLE_COUNT; k++)
		SAME_LIST(throttle[k], throttle_count[k], throttle_difference);
	return NULL;
}

static const char *hugepage_difference(const struct hp_hugepage_limit *a,
				       const struct hp_hugepage_limit *b)
{
	SAME_TEXT(page_size);
	SAME(limit);
	return NULL;
}

static const char *priority_difference(const struct hp_interface_priority *a,
				       const struct hp_interface_priority *b)
{
	SAME_TEXT(name);
	SAME(priority);
	return NULL;
}

static const char *rdma_difference(const struct hp_rdma *a, const struct hp_rdma *b)
{
	SAME_TEXT(device);
	SAME_NUMBER(hca_handles);
	SAME_NUMBER(hca_objects);
	return NULL;
}

static const char *unified_difference(const struct hp_unified *a, const struct hp_unified *b)
{
	SAME_TEXT(file);
	SAME_TEXT(value);
	return NULL;
}

static const char *resources_difference(const struct hp_resources *a, const struct hp_resources *b)
{
	if (!a || !b)
		return a == b ? NULL : "resources";
	SAME_LIST(devices, device_count, device_difference);
	SAME_PART(memory_difference(&a->memory, &b->memory));
	SAME_PART(cpu_difference(&a->cpu, &b->cpu));
	SAME_PART(block_io_difference(&a->block_io, &b->block_io));
	SAME_LIST(hugepage_limits, hugepage_limit_count, hugepage_difference);
	SAME_NUMBER(network_class_id);
	SAME_LIST(network_priorities, network_priority_count, priority_difference);
	SAME_NUMBER(pids_limit);
	SAME_LIST(rdma, rdma_count, rdma_difference);
	SAME_LIST(unified, unified_count, unified_difference);
	SAME(freezer);
	return NULL;
}

static const char *intel_rdt_difference(const struct hp_intel_rdt *a, const struct hp_intel_rdt *b)
{
	if (!a || !b)
		return a == b ? NULL : "intel_rdt";
	SAME_TEXT(clos_id);
	SAME_TEXT(l3_cache_schema);
	SAME_TEXT(mem_bw_schema);
	SAME_PART(texts_difference(a->schemata, b->schemata));
	SAME(enable_monitoring);
	return NULL;
}

/* ---- the process ---- */

static const char *user_difference(const struct hp_user *a, const struct hp_user *b)
{
	SAME(is_set);
	SAME(uid);
	SAME(gid);
	SAME(group_count);
	for (size_t i = 0; i < a->group_count; i++)
		SAME(groups[i]);
	return NULL;
}

static const char *rlimit_difference(const struct hp_rlimit *a, const struct hp_rlimit *b)
{
	SAME(resource);
	SAME(soft);
	SAME(hard);
	return NULL;
}

static const char *namespace_difference(const struct hp_namespace *a, const struct hp_namespace *b)
{
	SAME(type);
	SAME_TEXT(path);
	return NULL;
}

static const char *scheduling_difference(const struct hp_settings *a, const struct hp_settings *b)
{
	SAME(scheduler.is_set);
	SAME(scheduler.policy);
	SAME(scheduler.nice);
	SAME(scheduler.priority);
	SAME(scheduler.flags);
	SAME(scheduler.runtime_ns);
	SAME(scheduler.deadline_ns);
	SAME(scheduler.period_ns);
	SAME(io_priority.is_set);
	SAME(io_priority.io_class);
	SAME(io_priority.priority);
	SAME_BYTES(cpu_affinity_initial);
	SAME_BYTES(cpu_affinity_final);
	SAME(memory_policy.is_set);
	SAME(memory_policy.mode);
	SAME(memory_policy.flags);
	SAME_BYTES(memory_policy.nodes);
	return NULL;
}

const char *settings_difference(const struct hp_settings *a, const struct hp_settings *b)
{
	if (!a || !b)
		return a == b ? NULL : "settings";
	SAME_PART(user_difference(&a->user, &b->user));
	SAME_NUMBER(umask);
	SAME(capabilities.is_set);
	SAME_BYTES(capabilities.sets);
	SAME_LIST(rlimits, rlimit_count, rlimit_difference);
	SAME_NUMBER(oom_score_adj);
	SAME(no_new_privileges);
	SAME(parent_death_signal);
	SAME_TEXT(apparmor_profile);
	SAME_TEXT(selinux_label);
	SAME_PART(seccomp_difference(a->seccomp, b->seccomp));
	SAME_NUMBER(personality);
	SAME_PART(scheduling_difference(a, b));
	SAME(no_new_keyring);
	SAME_LIST(namespaces, namespace_count, namespace_difference);
	SAME_TEXT(cgroups_path);
	SAME_PART(resources_difference(a->resources, b->resources));
	SAME_PART(intel_rdt_difference(a->intel_rdt, b->intel_rdt));
	SAME(rootless_euid);
	SAME(rootless_cgroups);
	return NULL;
}
