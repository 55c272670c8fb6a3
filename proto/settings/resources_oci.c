/* SPDX-License-Identifier: Apache-2.0 */

/*
 * linux.resources of runtime-spec, by tables: config-linux.md "Control groups". Numbers are kept as
 * in the request, zeros too; daemon/cgroup converts them for cgroup v2.
 */

#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_tables.h"

/* A device number, or -1 for all. */
#define DEVICE_MAX UINT32_MAX

static int read_device_type(const struct hp_field *field, struct hp_json_value value,
			    struct hp_arena *arena, void *object, struct hp_err *err)
{
	static const char *const types[] = {"a", "b", "c"};
	int type;
	int r = hp_json_get_enum(value, types, 3, &type, err);

	(void)arena;
	if (r == 0)
		*(char *)hp_field_at(field, object) = types[type][0];
	return r;
}

static const struct hp_field_type field_device_type = {.read = read_device_type};

static const struct hp_device_rule any_device = {.type = 'a', .major = -1, .minor = -1};

static const struct hp_field device_fields[] = {
    HP_TRUTH("allow", struct hp_device_rule, allow, .is_required = true),
    HP_FIELD("type", field_device_type, struct hp_device_rule, type, char),
    HP_INT64("major", struct hp_device_rule, major, -1, DEVICE_MAX),
    HP_INT64("minor", struct hp_device_rule, minor, -1, DEVICE_MAX),
    HP_FIELD("access", hp_field_device_access, struct hp_device_rule, access, unsigned int,
	     .is_required = true),
};
static const struct hp_table device =
    HP_TABLE(struct hp_device_rule, device_fields, .initial = &any_device);

static const struct hp_field memory_fields[] = {
    HP_INT("limit", struct hp_memory, limit, -1, INT64_MAX),
    HP_INT("reservation", struct hp_memory, reservation, -1, INT64_MAX),
    HP_INT("swap", struct hp_memory, swap, -1, INT64_MAX),
    HP_INT("kernel", struct hp_memory, kernel, -1, INT64_MAX),
    HP_INT("kernelTCP", struct hp_memory, kernel_tcp, -1, INT64_MAX),
    HP_FIELD("swappiness", hp_field_swappiness, struct hp_memory, swappiness, struct hp_uint,
	     .max = 100),
    HP_GO_BOOL("disableOOMKiller", struct hp_memory, disable_oom_killer),
    HP_GO_BOOL("useHierarchy", struct hp_memory, use_hierarchy),
    HP_GO_BOOL("checkBeforeUpdate", struct hp_memory, check_before_update),
};
static int check_memory(void *object, const void *first, struct hp_err *err)
{
	(void)first;
	return hp_check_swap(object, "swap", "limit", err);
}

static const struct hp_table memory =
    HP_TABLE(struct hp_memory, memory_fields, .is_section = true, .root = &hp_oci_settings_table,
	     .check = check_memory);

static const struct hp_field cpu_fields[] = {
    HP_UINT("shares", struct hp_cpu, shares, 0, UINT64_MAX),
    HP_INT("quota", struct hp_cpu, quota, -1, INT64_MAX),
    HP_UINT("burst", struct hp_cpu, burst, 0, UINT64_MAX),
    HP_UINT("period", struct hp_cpu, period, 0, UINT64_MAX),
    HP_INT("realtimeRuntime", struct hp_cpu, realtime_runtime, -1, INT64_MAX),
    HP_UINT("realtimePeriod", struct hp_cpu, realtime_period, 0, UINT64_MAX),
    HP_TEXT("cpus", struct hp_cpu, cpus, HP_PATH_BYTES_MAX, hp_check_cpu_list),
    HP_TEXT("mems", struct hp_cpu, mems, HP_PATH_BYTES_MAX, hp_check_cpu_list),
    HP_INT("idle", struct hp_cpu, idle, 0, 1),
};
static const struct hp_table cpu =
    HP_TABLE(struct hp_cpu, cpu_fields, .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field weight_device_fields[] = {
    HP_INT64("major", struct hp_weight_device, major, 0, DEVICE_MAX, .is_required = true),
    HP_INT64("minor", struct hp_weight_device, minor, 0, DEVICE_MAX, .is_required = true),
    HP_FIELD("weight", hp_field_io_weight, struct hp_weight_device, weight, struct hp_uint),
    HP_UINT("leafWeight", struct hp_weight_device, leaf_weight, 0, 1000),
};
static const struct hp_table weight_device =
    HP_TABLE(struct hp_weight_device, weight_device_fields, .check = hp_weight_device_check);

static const struct hp_field throttle_device_fields[] = {
    HP_INT64("major", struct hp_throttle_device, major, 0, DEVICE_MAX, .is_required = true),
    HP_INT64("minor", struct hp_throttle_device, minor, 0, DEVICE_MAX, .is_required = true),
    HP_UINT64("rate", struct hp_throttle_device, rate, .is_required = true),
};
static const struct hp_table throttle_device =
    HP_TABLE(struct hp_throttle_device, throttle_device_fields);

#define THROTTLE(key, which)                                                                       \
	HP_LIST(key, struct hp_block_io, throttle[which], throttle_count[which],                   \
		struct hp_throttle_device, throttle_device, HP_RESOURCES_MAX)

static const struct hp_field block_io_fields[] = {
    HP_FIELD("weight", hp_field_io_weight, struct hp_block_io, weight, struct hp_uint),
    HP_UINT("leafWeight", struct hp_block_io, leaf_weight, 0, 1000),
    HP_LIST("weightDevice", struct hp_block_io, weight_devices, weight_device_count,
	    struct hp_weight_device, weight_device, HP_RESOURCES_MAX),
    THROTTLE("throttleReadBpsDevice", HP_THROTTLE_READ_BPS),
    THROTTLE("throttleWriteBpsDevice", HP_THROTTLE_WRITE_BPS),
    THROTTLE("throttleReadIOPSDevice", HP_THROTTLE_READ_IOPS),
    THROTTLE("throttleWriteIOPSDevice", HP_THROTTLE_WRITE_IOPS),
};
static const struct hp_table block_io = HP_TABLE(
    struct hp_block_io, block_io_fields, .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field hugepage_fields[] = {
    HP_TEXT("pageSize", struct hp_hugepage_limit, page_size, HP_ID_BYTES_MAX, hp_check_page_size,
	    .is_required = true),
    HP_UINT64("limit", struct hp_hugepage_limit, limit, .is_required = true),
};
static const struct hp_table hugepage = HP_TABLE(struct hp_hugepage_limit, hugepage_fields);

static const struct hp_field priority_fields[] = {
    HP_TEXT("name", struct hp_interface_priority, name, HP_ID_BYTES_MAX, hp_check_line,
	    .is_required = true),
    HP_FIELD("priority", hp_field_uint64, struct hp_interface_priority, priority, uint64_t,
	     .max = UINT32_MAX, .is_required = true),
};
static const struct hp_table priority = HP_TABLE(struct hp_interface_priority, priority_fields);

static const struct hp_field network_fields[] = {
    HP_UINT("classID", struct hp_resources, network_class_id, 0, UINT32_MAX),
    /* As in old examples of runtime-spec; Go ignores the case of names. */
    HP_UINT("classId", struct hp_resources, network_class_id, 0, UINT32_MAX),
    HP_LIST("priorities", struct hp_resources, network_priorities, network_priority_count,
	    struct hp_interface_priority, priority, HP_RESOURCES_MAX),
};
static const struct hp_table network = HP_TABLE(struct hp_resources, network_fields,
						.is_section = true, .root = &hp_oci_settings_table);

/* runc's type allows an absent limit, config-linux.md requires one. */
static const struct hp_field pids_fields[] = {
    HP_INT("limit", struct hp_resources, pids_limit, -1, INT64_MAX),
};
static const struct hp_table pids =
    HP_TABLE(struct hp_resources, pids_fields, .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field rdma_fields[] = {
    HP_UINT("hcaHandles", struct hp_rdma, hca_handles, 0, UINT32_MAX),
    HP_UINT("hcaObjects", struct hp_rdma, hca_objects, 0, UINT32_MAX),
};
static const struct hp_table rdma = HP_TABLE(struct hp_rdma, rdma_fields);

static const struct hp_field unified_fields[] = {
    HP_TEXT(NULL, struct hp_unified, value, HP_PATH_BYTES_MAX, hp_check_unified_value, .min = 1),
};
static const struct hp_table unified =
    HP_TABLE(struct hp_unified, unified_fields, .is_value = true);

static const struct hp_field resources_fields[] = {
    HP_LIST("devices", struct hp_resources, devices, device_count, struct hp_device_rule, device,
	    HP_RESOURCES_MAX),
    HP_GROUP("memory", memory, .offset = offsetof(struct hp_resources, memory)),
    HP_GROUP("cpu", cpu, .offset = offsetof(struct hp_resources, cpu)),
    HP_GROUP("blockIO", block_io, .offset = offsetof(struct hp_resources, block_io)),
    HP_LIST("hugepageLimits", struct hp_resources, hugepage_limits, hugepage_limit_count,
	    struct hp_hugepage_limit, hugepage, HP_RESOURCES_MAX),
    HP_GROUP("network", network),
    HP_GROUP("pids", pids),
    HP_MAP("rdma", struct hp_resources, rdma, rdma_count, struct hp_rdma, rdma, HP_RESOURCES_MAX,
	   hp_check_file_name),
    HP_MAP("unified", struct hp_resources, unified, unified_count, struct hp_unified, unified,
	   HP_RESOURCES_MAX, hp_check_unified_file),
};
/*
 * From before runtime-spec 1.0, and in its examples for longer: now process.oomScoreAdj and
 * memory.disableOOMKiller. Runtimes read them there only.
 */
static const char *const resources_passed_over[] = {"oomScoreAdj", "disableOOMKiller", NULL};
const struct hp_table hp_oci_resources_table =
    HP_TABLE(struct hp_resources, resources_fields, .passed_over = resources_passed_over,
	     .is_section = true, .root = &hp_oci_settings_table);

static int read_resources(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_resources *resources = hp_arena_calloc(arena, 1, sizeof(*resources));
	int r;

	if (!resources)
		return hp_err_no_memory(err);
	r = hp_table_read(&hp_oci_resources_table, value, arena, resources, err);
	if (r == 0 && !hp_resources_is_empty(resources))
		memcpy(hp_field_at(field, object), &resources, sizeof(resources));
	return r;
}

const struct hp_field_type hp_field_oci_resources = {.read = read_resources};
