/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings in runtime-spec's words: `process` and `linux` of config.json, or of a fragment with
 * nothing else in it. Ignored are members that describe the container and not a process (root,
 * mounts, hostname), or the container's own program (args, env, cwd).
 */

#include <sys/resource.h>

#include "proto/base/limits.h"
#include "proto/settings/kernel_names.h"
#include "proto/settings/mask.h"
#include "proto/settings/settings_json.h"
#include "proto/settings/settings_tables.h"

/*
 * Members that the state of a container and the output of tools have too. The last four are also
 * names of rows: of Config's cgroups and of the scheduler.
 */
static const char *const common[] = {
    "ociVersion", "annotations", "name", "path", "parent", "runtime", NULL,
};

/* 2^32-1 means "do not change" to setresuid(2) and similar calls: it is not an id. */
#define ID_MAX (UINT32_MAX - 1)
/* NGROUPS_MAX, the bound of setgroups(2). */
#define GROUPS_MAX 65536

/* ---- process ---- */

static const struct hp_field group_fields[] = {
    {.type = &hp_field_uint32, .max = ID_MAX},
};
static const struct hp_table group = HP_TABLE(uint32_t, group_fields, .is_value = true);

static int set_user(void *object, const void *first, struct hp_err *err)
{
	(void)first;
	(void)err;
	((struct hp_settings *)object)->user.is_set = true;
	return 0;
}

static const struct hp_field user_fields[] = {
    HP_UINT32("uid", struct hp_settings, user.uid, 0, ID_MAX, .is_required = true),
    HP_UINT32("gid", struct hp_settings, user.gid, 0, ID_MAX, .is_required = true),
    HP_UINT("umask", struct hp_settings, umask, 0, 0777),
    HP_LIST("additionalGids", struct hp_settings, user.groups, user.group_count, uint32_t, group,
	    GROUPS_MAX),
};
static const char *const user_passed_over[] = {"username", NULL};
static const struct hp_table user =
    HP_TABLE(struct hp_settings, user_fields, .check = set_user, .passed_over = user_passed_over,
	     .is_section = true, .root = &hp_oci_settings_table);

#define CAPABILITIES(key, set)                                                                     \
	HP_FIELD(key, hp_field_flags, struct hp_capabilities, sets[set], uint64_t,                 \
		 .names = &hp_capability_names)

static const struct hp_field capabilities_fields[] = {
    CAPABILITIES("bounding", HP_CAPABILITIES_BOUNDING),
    CAPABILITIES("effective", HP_CAPABILITIES_EFFECTIVE),
    CAPABILITIES("inheritable", HP_CAPABILITIES_INHERITABLE),
    CAPABILITIES("permitted", HP_CAPABILITIES_PERMITTED),
    CAPABILITIES("ambient", HP_CAPABILITIES_AMBIENT),
};
static const struct hp_table capabilities =
    HP_TABLE(struct hp_capabilities, capabilities_fields, .is_section = true,
	     .root = &hp_oci_settings_table);

static const struct hp_field rlimit_fields[] = {
    HP_ENUM("type", struct hp_rlimit, resource, int, hp_rlimit_names, .is_required = true),
    HP_RLIMIT_VALUE("hard", hard),
    HP_RLIMIT_VALUE("soft", soft),
};
static const struct hp_table rlimit =
    HP_TABLE(struct hp_rlimit, rlimit_fields, .check = hp_rlimit_check);

static const struct hp_field affinity_fields[] = {
    HP_MASK_LIST("initial", struct hp_settings, cpu_affinity_initial),
    HP_MASK_LIST("final", struct hp_settings, cpu_affinity_final),
};
static const struct hp_table affinity = HP_TABLE(
    struct hp_settings, affinity_fields, .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field process_fields[] = {
    HP_GROUP("user", user),
    HP_STRUCT("capabilities", struct hp_settings, capabilities, struct hp_capabilities,
	      capabilities),
    HP_ARRAY("rlimits", struct hp_settings, rlimits, rlimit_count, struct hp_rlimit, rlimit,
	     HP_RLIMITS_MAX),
    HP_TRUTH("noNewPrivileges", struct hp_settings, no_new_privileges),
    HP_TEXT("apparmorProfile", struct hp_settings, apparmor_profile, HP_PATH_BYTES_MAX,
	    hp_check_line),
    HP_INT("oomScoreAdj", struct hp_settings, oom_score_adj, -1000, 1000),
    HP_STRUCT("scheduler", struct hp_settings, scheduler, struct hp_scheduler, hp_scheduler_table),
    HP_TEXT("selinuxLabel", struct hp_settings, selinux_label, HP_PATH_BYTES_MAX, hp_check_line),
    HP_STRUCT("ioPriority", struct hp_settings, io_priority, struct hp_io_priority,
	      hp_io_priority_table),
    HP_GROUP("execCPUAffinity", affinity),
};
/* The container's own program. */
static const char *const process_passed_over[] = {
    "terminal", "consoleSize", "args", "commandLine", "env", "cwd", NULL,
};
static const struct hp_table process =
    HP_TABLE(struct hp_settings, process_fields, .passed_over = process_passed_over,
	     .is_section = true, .root = &hp_oci_settings_table);

/* ---- linux ---- */

static int read_seccomp(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_settings *settings = object;

	(void)field;
	return hp_seccomp_read(value, HP_DIALECT_OCI, arena, &settings->seccomp, err);
}

static const struct hp_field_type field_seccomp = {.read = read_seccomp};

static const struct hp_field namespace_fields[] = {
    HP_ENUM("type", struct hp_namespace, type, int, hp_namespace_names, .is_required = true),
    HP_TEXT("path", struct hp_namespace, path, HP_PATH_BYTES_MAX, hp_check_absolute_path),
};
static const struct hp_table namespace_table =
    HP_TABLE(struct hp_namespace, namespace_fields, .check = hp_namespace_check);

static const struct hp_field personality_fields[] = {
    HP_FIELD("domain", hp_field_enum_uint, struct hp_settings, personality, struct hp_uint,
	     .names = &hp_personality_names, .is_required = true),
    HP_REFUSED("flags", "must be empty: runtime-spec defines no flags"),
};
static const struct hp_table personality = HP_TABLE(
    struct hp_settings, personality_fields, .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field memory_policy_fields[] = {
    HP_ENUM("mode", struct hp_memory_policy, mode, int, hp_memory_policy_mode_names,
	    .is_required = true),
    HP_MASK_LIST("nodes", struct hp_memory_policy, nodes),
    HP_FIELD("flags", hp_field_flags32, struct hp_memory_policy, flags, unsigned int,
	     .names = &hp_memory_policy_flag_names),
};
static const struct hp_table memory_policy =
    HP_TABLE(struct hp_memory_policy, memory_policy_fields, .check = hp_memory_policy_check,
	     .is_section = true, .root = &hp_oci_settings_table);

static const struct hp_field linux_fields[] = {
    HP_FIELD("resources", hp_field_oci_resources, struct hp_settings, resources,
	     struct hp_resources *, .table = &hp_oci_resources_table),
    HP_TEXT("cgroupsPath", struct hp_settings, cgroups_path, HP_PATH_BYTES_MAX,
	    hp_check_cgroups_path),
    HP_LIST("namespaces", struct hp_settings, namespaces, namespace_count, struct hp_namespace,
	    namespace_table, HP_RESOURCES_MAX),
    {.key = "seccomp", .type = &field_seccomp, .table = &hp_seccomp_tables[HP_DIALECT_OCI]},
    HP_POINTER("intelRdt", struct hp_settings, intel_rdt, struct hp_intel_rdt,
	       hp_oci_intel_rdt_table),
    HP_STRUCT("memoryPolicy", struct hp_settings, memory_policy, struct hp_memory_policy,
	      memory_policy),
    HP_GROUP("personality", personality),
};
static const char *const linux_passed_over[] = {
    "uidMappings", "gidMappings",   "sysctl",	  "devices",	 "netDevices", "rootfsPropagation",
    "maskedPaths", "readonlyPaths", "mountLabel", "timeOffsets", NULL,
};
static const struct hp_table linux_table =
    HP_TABLE(struct hp_settings, linux_fields, .passed_over = linux_passed_over, .is_section = true,
	     .root = &hp_oci_settings_table);

static const struct hp_field settings_fields[] = {
    HP_GROUP("process", process),
    HP_GROUP("linux", linux_table),
    HP_REFUSED("config", "is a member of runc's state.json: give its value, and the dialect "
			 "libcontainer"),
};
static const char *const settings_passed_over[] = {
    "root",    "hostname", "domainname", "mounts",  "hooks", "solaris",
    "windows", "vm",	   "zos",	 "freebsd", NULL,
};
const struct hp_table hp_oci_settings_table =
    HP_TABLE(struct hp_settings, settings_fields, .passed_over = settings_passed_over,
	     .common = common, .root = &hp_oci_settings_table,
	     .other_root = &hp_libcontainer_settings_table, .dialect = "oci");
