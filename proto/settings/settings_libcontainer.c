/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings in libcontainer's words: its Config, of 2020 and of today, as runc writes it into the
 * `config` of its state.json. One table reads and writes; its rows are in the order of today's Go
 * struct, which omits what is unset. Fields of the container that have no meaning for another
 * process (rootfs, mounts, networks, ...) are ignored.
 */

#include <sys/resource.h>

#include "proto/base/limits.h"
#include "proto/settings/kernel_names.h"
#include "proto/settings/mask.h"
#include "proto/settings/settings_json.h"
#include "proto/settings/settings_tables.h"

/* ---- process ---- */

#define CAPABILITIES(key, set)                                                                     \
	HP_FIELD(key, hp_field_flags, struct hp_capabilities, sets[set], uint64_t,                 \
		 .names = &hp_capability_names)

/* Go's names: the struct has no tags. */
static const struct hp_field capabilities_fields[] = {
    CAPABILITIES("Bounding", HP_CAPABILITIES_BOUNDING),
    CAPABILITIES("Effective", HP_CAPABILITIES_EFFECTIVE),
    CAPABILITIES("Inheritable", HP_CAPABILITIES_INHERITABLE),
    CAPABILITIES("Permitted", HP_CAPABILITIES_PERMITTED),
    CAPABILITIES("Ambient", HP_CAPABILITIES_AMBIENT),
};
static const struct hp_table capabilities =
    HP_TABLE(struct hp_capabilities, capabilities_fields, .is_section = true,
	     .root = &hp_libcontainer_settings_table);

static const struct hp_field rlimit_fields[] = {
    HP_INT32("type", struct hp_rlimit, resource, int, 0, RLIM_NLIMITS - 1, .is_required = true),
    HP_RLIMIT_VALUE("hard", hard),
    HP_RLIMIT_VALUE("soft", soft),
};
static const struct hp_table rlimit =
    HP_TABLE(struct hp_rlimit, rlimit_fields, .check = hp_rlimit_check);

/* A pointer to a struct without tags: nil pointers in it are written as null. */
static const struct hp_field affinity_fields[] = {
    HP_MASK_WORDS("Initial", struct hp_settings, cpu_affinity_initial),
    HP_MASK_WORDS("Final", struct hp_settings, cpu_affinity_final),
};
static const struct hp_table affinity =
    HP_TABLE(struct hp_settings, affinity_fields, .is_section = true,
	     .root = &hp_libcontainer_settings_table);

static int check_personality(void *object, const void *first, struct hp_err *err)
{
	uint64_t domain = ((const struct hp_settings *)object)->personality.value;

	(void)first;
	if (domain != HP_PER_LINUX && domain != HP_PER_LINUX32)
		return hp_err_invalid(err, "domain", "must be %d or %d", HP_PER_LINUX,
				      HP_PER_LINUX32);
	return 0;
}

static const struct hp_field personality_fields[] = {
    HP_UINT("domain", struct hp_settings, personality, 0, HP_PER_LINUX32, .is_required = true),
};
static const struct hp_table personality =
    HP_TABLE(struct hp_settings, personality_fields, .check = check_personality, .is_section = true,
	     .root = &hp_libcontainer_settings_table);

static int check_memory_policy(void *object, const void *first, struct hp_err *err)
{
	const struct hp_memory_policy *policy = object;

	if (policy->flags & ~HP_MEMORY_POLICY_FLAGS)
		return hp_err_invalid(err, "flags", "must be made of MPOL_F_... flags");
	return hp_memory_policy_check(object, first, err);
}

static const struct hp_field memory_policy_fields[] = {
    HP_INT32("mode", struct hp_memory_policy, mode, int, 0, 6),
    HP_FIELD("flags", hp_field_uint32, struct hp_memory_policy, flags, unsigned int,
	     .max = UINT16_MAX),
    HP_MASK_WORDS("nodes", struct hp_memory_policy, nodes),
};
static const struct hp_table memory_policy =
    HP_TABLE(struct hp_memory_policy, memory_policy_fields, .check = check_memory_policy,
	     .is_section = true, .root = &hp_libcontainer_settings_table);

/* ---- seccomp ---- */

static int read_seccomp(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_settings *settings = object;

	(void)field;
	return hp_seccomp_read(value, HP_DIALECT_LIBCONTAINER, arena, &settings->seccomp, err);
}

static bool is_seccomp_set(const struct hp_field *field, const void *object)
{
	(void)field;
	return ((const struct hp_settings *)object)->seccomp != NULL;
}

static int write_seccomp(const struct hp_field *field, struct hp_json_writer *writer,
			 const void *object, struct hp_err *err)
{
	(void)field;
	(void)err;
	hp_seccomp_write(writer, ((const struct hp_settings *)object)->seccomp);
	return 0;
}

static const struct hp_field_type field_seccomp = {read_seccomp, is_seccomp_set, write_seccomp};

/* ---- the Config ---- */

static const struct hp_field namespace_fields[] = {
    HP_ENUM("type", struct hp_namespace, type, int, hp_libcontainer_namespace_names,
	    .is_required = true),
    HP_TEXT("path", struct hp_namespace, path, HP_PATH_BYTES_MAX, hp_check_absolute_path),
};
static const struct hp_table namespace_table =
    HP_TABLE(struct hp_namespace, namespace_fields, .check = hp_namespace_check);

static const struct hp_field config_fields[] = {
    HP_INT32("parent_death_signal", struct hp_settings, parent_death_signal, int, 0, 64),
    HP_UINT("umask", struct hp_settings, umask, 0, 0777),
    HP_LIST("namespaces", struct hp_settings, namespaces, namespace_count, struct hp_namespace,
	    namespace_table, HP_RESOURCES_MAX),
    HP_STRUCT("capabilities", struct hp_settings, capabilities, struct hp_capabilities,
	      capabilities),
    {.key = "cgroups",
     .type = &hp_field_libcontainer_cgroup,
     .table = &hp_libcontainer_cgroup_table},
    HP_TEXT("apparmor_profile", struct hp_settings, apparmor_profile, HP_PATH_BYTES_MAX,
	    hp_check_line),
    HP_TEXT("process_label", struct hp_settings, selinux_label, HP_PATH_BYTES_MAX, hp_check_line),
    HP_ARRAY("rlimits", struct hp_settings, rlimits, rlimit_count, struct hp_rlimit, rlimit,
	     HP_RLIMITS_MAX),
    HP_INT("oom_score_adj", struct hp_settings, oom_score_adj, -1000, 1000),
    {.key = "seccomp",
     .type = &field_seccomp,
     .table = &hp_seccomp_tables[HP_DIALECT_LIBCONTAINER]},
    HP_TRUTH("no_new_privileges", struct hp_settings, no_new_privileges),
    HP_TRUTH("no_new_keyring", struct hp_settings, no_new_keyring),
    HP_POINTER("intel_rdt", struct hp_settings, intel_rdt, struct hp_intel_rdt,
	       hp_libcontainer_intel_rdt_table),
    HP_TRUTH("rootless_euid", struct hp_settings, rootless_euid),
    HP_TRUTH("rootless_cgroups", struct hp_settings, rootless_cgroups),
    HP_STRUCT("memory_policy", struct hp_settings, memory_policy, struct hp_memory_policy,
	      memory_policy),
    HP_STRUCT("scheduler", struct hp_settings, scheduler, struct hp_scheduler, hp_scheduler_table),
    HP_GROUP("personality", personality),
    HP_STRUCT("io_priority", struct hp_settings, io_priority, struct hp_io_priority,
	      hp_io_priority_table),
    HP_GROUP("exec_cpu_affinity", affinity),
    HP_REFUSED("config", "is a member of runc's state.json: give its value"),
};
static const char *const config_passed_over[] = {
    "no_pivot_root",
    "readonlyfs",
    "rootPropagation",
    "mounts",
    "devices",
    "netDevices",
    "mount_label",
    "hostname",
    "domainname",
    "networks",
    "routes",
    "uid_mappings",
    "gid_mappings",
    "mask_paths",
    "readonly_paths",
    "sysctl",
    "Hooks",
    "time_offsets",
    "rootless", /* of 2018: rootless_euid and rootless_cgroups in one */
    NULL,
};
/* As in runtime-spec, and the members of Config with the same meaning. */
static const char *const config_common[] = {
    "rootfs", "version", "labels", "ociVersion", "annotations",
    "name",   "path",	 "parent", "runtime",	 NULL,
};
const struct hp_table hp_libcontainer_settings_table =
    HP_TABLE(struct hp_settings, config_fields, .passed_over = config_passed_over,
	     .common = config_common, .root = &hp_libcontainer_settings_table,
	     .other_root = &hp_oci_settings_table, .dialect = "libcontainer");
