/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `cgroups` of libcontainer's Config, by one table that reads and writes it: the path of the cgroup
 * and, in the same object, its limits. The rows are in the order of today's Go struct; members of
 * the struct of 2020 are where they were then. The device lists of 2020 are written only if
 * `devices` cannot express the rules. 2020 wrote 0 for an absent limit, so a limit of 0 cannot be
 * written.
 */

#include <errno.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_tables.h"

/* A device number, or -1 for all. */
#define DEVICE_MAX UINT32_MAX

/* Members until May 2020, instead of `devices`. */
struct old_devices {
	struct hp_bool allows_all;
	struct hp_device_rule *allowed, *denied;
	size_t allowed_count, denied_count;
};

struct go_cgroup {
	char *name, *parent, *path, *scope_prefix;
	bool is_systemd, is_rootless;
	struct old_devices old_devices;
	struct hp_resources resources;
};

/* ---- devices ---- */

/* Go's rune: the code point of the letter. */
static int read_device_type(const struct hp_field *field, struct hp_json_value value,
			    struct hp_arena *arena, void *object, struct hp_err *err)
{
	int64_t letter;
	int r = hp_json_get_int64(value, 'a', 'c', &letter, err);

	(void)arena;
	if (r < 0)
		return hp_err_invalid(err, NULL, "must be 97, 98 or 99, for a, b and c");
	*(char *)hp_field_at(field, object) = (char)letter;
	return 0;
}

#define ALL_ACCESS (HP_DEVICE_READ | HP_DEVICE_WRITE | HP_DEVICE_MKNOD)

/* devices.Rule: "If set to 'a', this rule acts as a wildcard", and only `allow` counts. */
static bool is_wildcard(const struct hp_device_rule *rule)
{
	return rule->major == -1 && rule->minor == -1 && rule->access == ALL_ACCESS;
}

static int write_device_type(const struct hp_field *field, struct hp_json_writer *writer,
			     const void *object, struct hp_err *err)
{
	const struct hp_device_rule *rule = object;

	(void)field;
	if (rule->type == 'a' && !is_wildcard(rule)) {
		hp_err_invalid(err, NULL,
			       "is all devices: libcontainer cannot limit their access or numbers");
		return -ENOTSUP;
	}
	hp_json_put_int(writer, rule->type);
	return 0;
}

static const struct hp_field_type field_device_type = {read_device_type, NULL, write_device_type};

static int check_device(void *object, const void *first, struct hp_err *err)
{
	struct hp_device_rule *rule = object;

	(void)first;
	if (rule->type == 'a') {
		rule->major = rule->minor = -1;
		rule->access = ALL_ACCESS;
	} else if (rule->access == 0) {
		return hp_err_invalid(err, "permissions", "is required");
	}
	return 0;
}

static const struct hp_field device_fields[] = {
    HP_FIELD("type", field_device_type, struct hp_device_rule, type, char, .is_required = true),
    HP_INT64("major", struct hp_device_rule, major, -1, DEVICE_MAX, .is_always_written = true),
    HP_INT64("minor", struct hp_device_rule, minor, -1, DEVICE_MAX, .is_always_written = true),
    HP_FIELD("permissions", hp_field_device_access, struct hp_device_rule, access, unsigned int),
    HP_TRUTH("allow", struct hp_device_rule, allow, .is_always_written = true),
};
/* In 2020 a rule also described a device node, with these members. */
static const char *const device_passed_over[] = {"path", "file_mode", "uid", "gid", NULL};
static const struct hp_table device = HP_TABLE(
    struct hp_device_rule, device_fields, .check = check_device, .passed_over = device_passed_over);

static int refuse_old_devices(const struct old_devices *old, struct hp_err *err)
{
	const char *key = old->allowed_count	   ? "allowed_devices"
			  : old->denied_count	   ? "denied_devices"
			  : old->allows_all.is_set ? "allow_all_devices"
						   : NULL;

	return key ? hp_err_invalid(err, key, "must not be given with devices") : 0;
}

static void add_old_devices(struct hp_resources *resources, const struct hp_device_rule *rules,
			    size_t count, bool allow)
{
	for (size_t i = 0; i < count; i++) {
		struct hp_device_rule *rule = &resources->devices[resources->device_count++];

		*rule = rules[i];
		rule->allow = allow; /* by the list; runc ignored the member */
	}
}

/*
 * What runc wrote to devices.allow and devices.deny, in the same order: all devices or none, then
 * the exceptions. The default devices were among the allowed ones, so denied_devices applied to
 * them too. In two cases this differs from runc: if allow_all_devices is false, runc ignored
 * denied_devices; if it is absent, runc ignored allowed_devices and allowed all devices, which
 * cannot be intended.
 */
static int convert_old_devices(const struct old_devices *old, struct hp_arena *arena,
			       struct hp_resources *resources, struct hp_err *err)
{
	const struct hp_device_rule every = {
	    .type = 'a', .major = -1, .minor = -1, .access = ALL_ACCESS};
	bool allows_all = !old->allows_all.is_set || old->allows_all.value;
	size_t count = 1 + old->allowed_count + old->denied_count;

	if (resources->device_count > 0)
		return refuse_old_devices(old, err);
	if (!old->allows_all.is_set && old->allowed_count > 0)
		return hp_err_invalid(err, "allowed_devices",
				      "must not be given without allow_all_devices");
	if (!old->allows_all.is_set && old->denied_count == 0)
		return 0;
	if (count > HP_RESOURCES_MAX)
		return hp_err_invalid(err,
				      old->allowed_count ? "allowed_devices" : "denied_devices",
				      "would make more than %d device rules", HP_RESOURCES_MAX);
	resources->devices = hp_arena_calloc(arena, count, sizeof(*resources->devices));
	if (!resources->devices)
		return hp_err_no_memory(err);
	add_old_devices(resources, &every, 1, allows_all);
	add_old_devices(resources, old->allowed, old->allowed_count, true);
	add_old_devices(resources, old->denied, old->denied_count, false);
	for (size_t i = count - old->denied_count; i < count; i++)
		resources->devices[i].is_over_defaults = true;
	return 0;
}

/* For writing: rules that apply to the default devices cannot be expressed by `devices`. */
static void restore_old_devices(struct go_cgroup *cgroup)
{
	struct hp_resources *resources = &cgroup->resources;
	struct old_devices *old = &cgroup->old_devices;
	size_t count = resources->device_count;

	while (count > 0 && resources->devices[count - 1].is_over_defaults)
		count--;
	if (count == resources->device_count)
		return;
	old->allows_all = (struct hp_bool){true, resources->devices[0].allow};
	old->allowed = resources->devices + 1;
	old->allowed_count = count - 1;
	old->denied = resources->devices + count;
	old->denied_count = resources->device_count - count;
	resources->devices = NULL;
	resources->device_count = 0;
}

/* ---- lists and maps ---- */

static const struct hp_field weight_device_fields[] = {
    HP_INT64("major", struct hp_weight_device, major, 0, DEVICE_MAX, .is_always_written = true),
    HP_INT64("minor", struct hp_weight_device, minor, 0, DEVICE_MAX, .is_always_written = true),
    HP_GO_UINT("weight", struct hp_weight_device, weight, HP_IO_WEIGHT_MIN, HP_IO_WEIGHT_MAX),
    HP_GO_UINT("leafWeight", struct hp_weight_device, leaf_weight, 0, 1000),
};
static const struct hp_table weight_device =
    HP_TABLE(struct hp_weight_device, weight_device_fields, .check = hp_weight_device_check);

static const struct hp_field throttle_device_fields[] = {
    HP_INT64("major", struct hp_throttle_device, major, 0, DEVICE_MAX, .is_always_written = true),
    HP_INT64("minor", struct hp_throttle_device, minor, 0, DEVICE_MAX, .is_always_written = true),
    HP_UINT64("rate", struct hp_throttle_device, rate, .is_always_written = true),
};
static const struct hp_table throttle_device =
    HP_TABLE(struct hp_throttle_device, throttle_device_fields);

static const struct hp_field hugepage_fields[] = {
    HP_TEXT("page_size", struct hp_hugepage_limit, page_size, HP_ID_BYTES_MAX, hp_check_page_size,
	    .is_required = true),
    HP_UINT64("limit", struct hp_hugepage_limit, limit, .is_always_written = true),
};
static const struct hp_table hugepage = HP_TABLE(struct hp_hugepage_limit, hugepage_fields);

static const struct hp_field priority_fields[] = {
    HP_TEXT("interface", struct hp_interface_priority, name, HP_ID_BYTES_MAX, hp_check_line,
	    .is_required = true),
    HP_FIELD("priority", hp_field_uint64, struct hp_interface_priority, priority, uint64_t,
	     .max = UINT32_MAX, .is_always_written = true),
};
static const struct hp_table priority = HP_TABLE(struct hp_interface_priority, priority_fields);

static const struct hp_field rdma_fields[] = {
    HP_UINT("hca_handles", struct hp_rdma, hca_handles, 0, UINT32_MAX),
    HP_UINT("hca_objects", struct hp_rdma, hca_objects, 0, UINT32_MAX),
};
static const struct hp_table rdma = HP_TABLE(struct hp_rdma, rdma_fields);

static const struct hp_field unified_fields[] = {
    HP_TEXT(NULL, struct hp_unified, value, HP_PATH_BYTES_MAX, hp_check_unified_value, .min = 1),
};
static const struct hp_table unified =
    HP_TABLE(struct hp_unified, unified_fields, .is_value = true);

/* ---- the freezer ---- */

static const struct hp_name freezer_states[] = {
    {"FROZEN", HP_FREEZER_FROZEN},
    {"THAWED", HP_FREEZER_THAWED},
};
static const struct hp_names freezer_names = {"freezer state", freezer_states, 2};

/* ---- the cgroup ---- */

#define THROTTLE(key, which)                                                                       \
	HP_LIST(key, struct go_cgroup, resources.block_io.throttle[which],                         \
		resources.block_io.throttle_count[which], struct hp_throttle_device,               \
		throttle_device, HP_RESOURCES_MAX)

static const struct hp_field cgroup_fields[] = {
    HP_TEXT("name", struct go_cgroup, name, HP_PATH_BYTES_MAX, hp_check_cgroups_path),
    HP_TEXT("parent", struct go_cgroup, parent, HP_PATH_BYTES_MAX, hp_check_cgroups_path),
    HP_TEXT("path", struct go_cgroup, path, HP_PATH_BYTES_MAX, hp_check_cgroups_path),
    HP_TEXT("scope_prefix", struct go_cgroup, scope_prefix, HP_PATH_BYTES_MAX,
	    hp_check_cgroups_path),
    HP_REFUSED("Paths", "is for cgroup v1; hookd supports cgroup v2 only"),
    HP_LIST("devices", struct go_cgroup, resources.devices, resources.device_count,
	    struct hp_device_rule, device, HP_RESOURCES_MAX),
    HP_BOOL("allow_all_devices", struct go_cgroup, old_devices.allows_all),
    HP_LIST("allowed_devices", struct go_cgroup, old_devices.allowed, old_devices.allowed_count,
	    struct hp_device_rule, device, HP_RESOURCES_MAX),
    HP_LIST("denied_devices", struct go_cgroup, old_devices.denied, old_devices.denied_count,
	    struct hp_device_rule, device, HP_RESOURCES_MAX),
    HP_GO_INT("memory", struct go_cgroup, resources.memory.limit, -1, INT64_MAX),
    HP_GO_INT("memory_reservation", struct go_cgroup, resources.memory.reservation, -1, INT64_MAX),
    HP_GO_INT("memory_swap", struct go_cgroup, resources.memory.swap, -1, INT64_MAX),
    HP_GO_INT("kernel_memory", struct go_cgroup, resources.memory.kernel, -1, INT64_MAX),
    HP_GO_INT("kernel_memory_tcp", struct go_cgroup, resources.memory.kernel_tcp, -1, INT64_MAX),
    HP_GO_UINT("cpu_shares", struct go_cgroup, resources.cpu.shares, 0, UINT64_MAX),
    HP_GO_INT("cpu_quota", struct go_cgroup, resources.cpu.quota, -1, INT64_MAX),
    HP_UINT("cpu_burst", struct go_cgroup, resources.cpu.burst, 0, UINT64_MAX),
    HP_GO_UINT("cpu_period", struct go_cgroup, resources.cpu.period, 0, UINT64_MAX),
    HP_REFUSED("cpu_max", "is not supported: give cpu_quota and cpu_period"),
    HP_GO_INT("cpu_rt_quota", struct go_cgroup, resources.cpu.realtime_runtime, -1, INT64_MAX),
    HP_GO_UINT("cpu_rt_period", struct go_cgroup, resources.cpu.realtime_period, 0, UINT64_MAX),
    HP_TEXT("cpuset_cpus", struct go_cgroup, resources.cpu.cpus, HP_PATH_BYTES_MAX,
	    hp_check_cpu_list),
    HP_TEXT("cpuset_mems", struct go_cgroup, resources.cpu.mems, HP_PATH_BYTES_MAX,
	    hp_check_cpu_list),
    HP_INT("cpu_idle", struct go_cgroup, resources.cpu.idle, 0, 1),
    HP_INT("pids_limit", struct go_cgroup, resources.pids_limit, -1, INT64_MAX),
    HP_GO_UINT("blkio_weight", struct go_cgroup, resources.block_io.weight, HP_IO_WEIGHT_MIN,
	       HP_IO_WEIGHT_MAX),
    HP_GO_UINT("blkio_leaf_weight", struct go_cgroup, resources.block_io.leaf_weight, 0, 1000),
    HP_LIST("blkio_weight_device", struct go_cgroup, resources.block_io.weight_devices,
	    resources.block_io.weight_device_count, struct hp_weight_device, weight_device,
	    HP_RESOURCES_MAX),
    THROTTLE("blkio_throttle_read_bps_device", HP_THROTTLE_READ_BPS),
    THROTTLE("blkio_throttle_write_bps_device", HP_THROTTLE_WRITE_BPS),
    THROTTLE("blkio_throttle_read_iops_device", HP_THROTTLE_READ_IOPS),
    THROTTLE("blkio_throttle_write_iops_device", HP_THROTTLE_WRITE_IOPS),
    HP_FIELD("freezer", hp_field_enum, struct go_cgroup, resources.freezer, enum hp_freezer,
	     .names = &freezer_names),
    HP_LIST("hugetlb_limit", struct go_cgroup, resources.hugepage_limits,
	    resources.hugepage_limit_count, struct hp_hugepage_limit, hugepage, HP_RESOURCES_MAX),
    HP_GO_BOOL("oom_kill_disable", struct go_cgroup, resources.memory.disable_oom_killer),
    HP_FIELD("memory_swappiness", hp_field_swappiness, struct go_cgroup,
	     resources.memory.swappiness, struct hp_uint, .max = 100),
    HP_LIST("net_prio_ifpriomap", struct go_cgroup, resources.network_priorities,
	    resources.network_priority_count, struct hp_interface_priority, priority,
	    HP_RESOURCES_MAX),
    HP_GO_UINT("net_cls_classid_u", struct go_cgroup, resources.network_class_id, 0, UINT32_MAX),
    HP_REFUSED("net_cls_classid", "is not supported: give net_cls_classid_u"),
    HP_MAP("rdma", struct go_cgroup, resources.rdma, resources.rdma_count, struct hp_rdma, rdma,
	   HP_RESOURCES_MAX, hp_check_file_name),
    HP_GO_UINT("cpu_weight", struct go_cgroup, resources.cpu.weight, 0, 10000),
    HP_MAP("unified", struct go_cgroup, resources.unified, resources.unified_count,
	   struct hp_unified, unified, HP_RESOURCES_MAX, hp_check_unified_file),
    HP_GO_BOOL("memory_check_before_update", struct go_cgroup,
	       resources.memory.check_before_update),
    HP_TRUTH("Systemd", struct go_cgroup, is_systemd),
    HP_TRUTH("Rootless", struct go_cgroup, is_rootless),
};
/* skip_devices: of 2020, for internal use of runc and always false in a file. */
static const char *const cgroup_passed_over[] = {"owner_uid", "skip_devices", NULL};

static int check_cgroup(void *object, const void *first, struct hp_err *err)
{
	const struct go_cgroup *cgroup = object;

	(void)first;
	return hp_check_swap(&cgroup->resources.memory, "memory_swap", "memory", err);
}

const struct hp_table hp_libcontainer_cgroup_table =
    HP_TABLE(struct go_cgroup, cgroup_fields, .passed_over = cgroup_passed_over, .is_section = true,
	     .root = &hp_libcontainer_settings_table, .check = check_cgroup);

/* Joins two texts with `mark` between them. */
static char *join(struct hp_arena *arena, const char *first, char mark, const char *second)
{
	size_t length = strlen(first);
	size_t size = length + 1 + strlen(second) + 1;
	char *joined = hp_arena_alloc(arena, size);

	if (!joined)
		return NULL;
	memcpy(joined, first, length);
	joined[length] = mark;
	memcpy(joined + length + 1, second, size - length - 1);
	return joined;
}

/*
 * Makes the text that linux.cgroupsPath would be. With systemd runc splits "slice:prefix:name" and
 * leaves the path empty; without systemd and without a path, parent and name are below the
 * runtime's own cgroup.
 */
static int make_path(const struct go_cgroup *cgroup, struct hp_arena *arena, char **ret_path,
		     struct hp_err *err)
{
	const char *parent = cgroup->parent ? cgroup->parent : "";
	const char *prefix = cgroup->scope_prefix ? cgroup->scope_prefix : "";
	char *path = cgroup->path;

	if (!path && !cgroup->name)
		return 0;
	if (!path && cgroup->is_systemd) {
		path = join(arena, parent, ':', prefix);
		path = path ? join(arena, path, ':', cgroup->name) : NULL;
	} else if (!path) {
		path = cgroup->parent ? join(arena, parent, '/', cgroup->name) : cgroup->name;
	}
	if (!path)
		return hp_err_no_memory(err);
	if (strlen(path) > HP_PATH_BYTES_MAX)
		return hp_err_invalid(err, "name", "would make a path that is too long");
	*ret_path = path;
	return 0;
}

/* Pointers in Go, of which 0 is a value; the others of their time are plain numbers. */
static bool is_pointer(struct hp_json_value key)
{
	static const char *const keys[] = {"pids_limit", "cpu_burst", "cpu_idle",
					   "memory_swappiness", "owner_uid"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (hp_json_equals(key, keys[i]))
			return true;
	}
	return false;
}

/* Go's value of a member that was not set. The text "0" is a list of CPUs. */
static bool is_unset_in_go(struct hp_json_value value)
{
	int64_t number;
	bool truth;
	struct hp_err ignored;

	return hp_json_is_absent(value) || hp_json_equals(value, "") ||
	       (hp_json_get_bool(value, &truth, &ignored) == 0 && !truth) ||
	       (hp_json_type(value) == HP_JSON_INTEGER &&
		hp_json_get_int64(value, 0, 0, &number, &ignored) == 0);
}

/*
 * pids_limit became a pointer, whose 0 is a limit, with cgroups v0.0.6 (2025). Before, 0 meant that
 * there is none, and runc wrote every member, so there are others that are not set; v0.0.6 and
 * later leave all of those out.
 */
static bool writes_unset_members(struct hp_json_value cgroup)
{
	struct hp_json_value key, value;
	bool found = false;

	HP_JSON_FOREACH (key, value, cgroup)
		found |= !is_pointer(key) && is_unset_in_go(value);
	return found;
}

static int read_cgroup(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_settings *settings = object;
	struct go_cgroup *cgroup = hp_arena_calloc(arena, 1, sizeof(*cgroup));
	size_t mistakes = hp_json_mistake_count(value);
	int r;

	(void)field;
	if (!cgroup)
		return hp_err_no_memory(err);
	r = hp_table_read(&hp_libcontainer_cgroup_table, value, arena, cgroup, err);
	if (hp_json_mistake_count(value) > mistakes)
		return r;
	if (r == 0 && cgroup->resources.pids_limit.value == 0 && writes_unset_members(value))
		cgroup->resources.pids_limit.is_set = false;
	if (r == 0)
		r = convert_old_devices(&cgroup->old_devices, arena, &cgroup->resources, err);
	if (r == 0)
		r = make_path(cgroup, arena, &settings->cgroups_path, err);
	if (r < 0)
		return r;
	settings->is_cgroups_path_joined = settings->cgroups_path && !cgroup->path;
	/* The member that runc's cgroup managers use; runc sets both to the same value. */
	settings->rootless_cgroups |= cgroup->is_rootless;
	if (!hp_resources_is_empty(&cgroup->resources))
		settings->resources = &cgroup->resources;
	return 0;
}

static bool is_cgroup_set(const struct hp_field *field, const void *object)
{
	const struct hp_settings *settings = object;

	(void)field;
	return settings->cgroups_path || settings->resources;
}

static int write_cgroup(const struct hp_field *field, struct hp_json_writer *writer,
			const void *object, struct hp_err *err)
{
	const struct hp_settings *settings = object;
	struct go_cgroup cgroup = {
	    .path = settings->cgroups_path,
	    .is_rootless = settings->rootless_cgroups,
	};

	(void)field;
	if (settings->resources)
		cgroup.resources = *settings->resources;
	restore_old_devices(&cgroup);
	if (cgroup.resources.memory.use_hierarchy.value) {
		hp_err_invalid(err, "useHierarchy", "cannot be expressed in libcontainer's Config");
		return -ENOTSUP;
	}
	return hp_table_write(&hp_libcontainer_cgroup_table, writer, &cgroup, err);
}

const struct hp_field_type hp_field_libcontainer_cgroup = {read_cgroup, is_cgroup_set,
							   write_cgroup};
