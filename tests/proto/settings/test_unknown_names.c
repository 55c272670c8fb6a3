/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of settings without a row: misspelt ones, and those in the wrong place or of the other
 * dialect, are refused by name; members of runtime-spec and runc, and names that resemble nothing,
 * are not.
 */

#include "tests/proto/settings/settings_unit.h"

#include <ctype.h>

#include "proto/settings/settings_tables.h"

#define OCI	     HP_DIALECT_OCI
#define LIBCONTAINER HP_DIALECT_LIBCONTAINER

static bool is_about_the_name(const struct reading *reading)
{
	const char *reason = reading->document.err.reason;

	return reading->r == -EINVAL &&
	       (strstr(reason, "did you mean") || strstr(reason, "must be under") ||
		strstr(reason, "the dialect must be"));
}

/* ---- names that are known ---- */

/*
 * Every member of specs-go's Spec, as of runtime-spec 1.3 and the main branch after it; and of
 * libcontainer's Config from runc 1.0.0-rc8 to the main branch after 1.3. Old ones are in it.
 */
static const struct {
	enum hp_dialect dialect;
	const char *before, *after, *names;
} known[] = {
    {OCI, "", "",
     "ociVersion process root hostname domainname mounts hooks annotations linux solaris windows "
     "vm zos freebsd"},
    {OCI, "{\"process\":", "}",
     "terminal consoleSize user args commandLine env cwd capabilities rlimits noNewPrivileges "
     "apparmorProfile oomScoreAdj scheduler selinuxLabel ioPriority execCPUAffinity"},
    {OCI, "{\"process\":{\"user\":", "}}", "uid gid umask additionalGids username"},
    {OCI, "{\"process\":{\"capabilities\":", "}}",
     "bounding effective inheritable permitted ambient"},
    {OCI, "{\"process\":{\"rlimits\":[", "]}}", "type hard soft"},
    {OCI, "{\"process\":{\"scheduler\":", "}}",
     "policy nice priority flags runtime deadline period"},
    {OCI, "{\"process\":{\"ioPriority\":", "}}", "class priority"},
    {OCI, "{\"process\":{\"execCPUAffinity\":", "}}", "initial final"},
    {OCI, "{\"linux\":", "}",
     "uidMappings gidMappings sysctl resources cgroupsPath namespaces devices netDevices seccomp "
     "rootfsPropagation maskedPaths readonlyPaths mountLabel intelRdt memoryPolicy personality "
     "timeOffsets"},
    {OCI, "{\"linux\":{\"namespaces\":[", "]}}", "type path"},
    {OCI, "{\"linux\":{\"personality\":", "}}", "domain flags"},
    {OCI, "{\"linux\":{\"memoryPolicy\":", "}}", "mode nodes flags"},
    {OCI, "{\"linux\":{\"intelRdt\":", "}}",
     "closID schemata l3CacheSchema memBwSchema enableMonitoring enableCMT enableMBM"},
    {OCI, "{\"linux\":{\"resources\":", "}}",
     "devices memory cpu pids blockIO hugepageLimits network rdma unified oomScoreAdj "
     "disableOOMKiller"},
    {OCI, "{\"linux\":{\"resources\":{\"devices\":[", "]}}}", "allow type major minor access"},
    {OCI, "{\"linux\":{\"resources\":{\"memory\":", "}}}",
     "limit reservation swap kernel kernelTCP swappiness disableOOMKiller useHierarchy "
     "checkBeforeUpdate"},
    {OCI, "{\"linux\":{\"resources\":{\"cpu\":", "}}}",
     "shares quota burst period realtimeRuntime realtimePeriod cpus mems idle"},
    {OCI, "{\"linux\":{\"resources\":{\"pids\":", "}}}", "limit"},
    {OCI, "{\"linux\":{\"resources\":{\"blockIO\":", "}}}",
     "weight leafWeight weightDevice throttleReadBpsDevice throttleWriteBpsDevice "
     "throttleReadIOPSDevice throttleWriteIOPSDevice"},
    {OCI, "{\"linux\":{\"resources\":{\"blockIO\":{\"weightDevice\":[", "]}}}}",
     "major minor weight leafWeight"},
    {OCI, "{\"linux\":{\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[", "]}}}}",
     "major minor rate"},
    {OCI, "{\"linux\":{\"resources\":{\"hugepageLimits\":[", "]}}}", "pageSize limit"},
    {OCI, "{\"linux\":{\"resources\":{\"network\":", "}}}", "classID classId priorities"},
    {OCI, "{\"linux\":{\"resources\":{\"network\":{\"priorities\":[", "]}}}}", "name priority"},
    {OCI, "{\"linux\":{\"resources\":{\"rdma\":{\"mlx\":", "}}}}", "hcaHandles hcaObjects"},
    {OCI, "{\"linux\":{\"seccomp\":", "}}",
     "defaultAction defaultErrnoRet architectures flags listenerPath listenerMetadata syscalls "
     "defaultErrno"},
    {OCI, "{\"linux\":{\"seccomp\":{\"syscalls\":[", "]}}}",
     "names action errnoRet args comment errno"},
    {OCI, "{\"linux\":{\"seccomp\":{\"syscalls\":[{\"args\":[", "]}]}}}",
     "index value valueTwo op"},
    {LIBCONTAINER, "", "",
     "no_pivot_root parent_death_signal rootfs umask readonlyfs rootPropagation mounts devices "
     "netDevices mount_label hostname domainname namespaces capabilities networks routes cgroups "
     "apparmor_profile process_label rlimits oom_score_adj uid_mappings gid_mappings mask_paths "
     "readonly_paths sysctl seccomp no_new_privileges Hooks version labels no_new_keyring "
     "intel_rdt memory_policy rootless_euid rootless_cgroups time_offsets scheduler personality "
     "io_priority exec_cpu_affinity rootless"},
    {LIBCONTAINER, "{\"capabilities\":", "}", "Bounding Effective Inheritable Permitted Ambient"},
    {LIBCONTAINER, "{\"namespaces\":[", "]}", "type path"},
    {LIBCONTAINER, "{\"rlimits\":[", "]}", "type hard soft"},
    {LIBCONTAINER, "{\"intel_rdt\":", "}",
     "closID schemata l3_cache_schema memBwSchema mem_bw_schema enableMonitoring"},
    {LIBCONTAINER, "{\"memory_policy\":", "}", "mode flags nodes"},
    {LIBCONTAINER, "{\"personality\":", "}", "domain"},
    {LIBCONTAINER, "{\"scheduler\":", "}", "policy nice priority flags runtime deadline period"},
    {LIBCONTAINER, "{\"io_priority\":", "}", "class priority"},
    {LIBCONTAINER, "{\"exec_cpu_affinity\":", "}", "Initial Final"},
    {LIBCONTAINER, "{\"seccomp\":", "}",
     "default_action architectures flags syscalls default_errno_ret listener_path "
     "listener_metadata"},
    {LIBCONTAINER, "{\"seccomp\":{\"syscalls\":[", "]}}", "name action errnoRet args"},
    {LIBCONTAINER, "{\"seccomp\":{\"syscalls\":[{\"args\":[", "]}]}}", "index value value_two op"},
    {LIBCONTAINER, "{\"cgroups\":", "}",
     "name parent path scope_prefix Paths devices allow_all_devices allowed_devices denied_devices "
     "memory memory_reservation memory_swap kernel_memory kernel_memory_tcp cpu_shares cpu_quota "
     "cpu_burst cpu_period cpu_rt_quota cpu_rt_period cpu_max cpuset_cpus cpuset_mems cpu_idle "
     "pids_limit blkio_weight blkio_leaf_weight blkio_weight_device "
     "blkio_throttle_read_bps_device blkio_throttle_write_bps_device "
     "blkio_throttle_read_iops_device blkio_throttle_write_iops_device freezer hugetlb_limit "
     "oom_kill_disable memory_swappiness net_prio_ifpriomap net_cls_classid_u net_cls_classid "
     "rdma cpu_weight unified memory_check_before_update skip_devices Systemd Rootless owner_uid"},
    {LIBCONTAINER, "{\"cgroups\":{\"devices\":[", "]}}",
     "type path major minor permissions file_mode uid gid allow"},
    {LIBCONTAINER, "{\"cgroups\":{\"blkio_weight_device\":[", "]}}",
     "major minor weight leafWeight"},
    {LIBCONTAINER, "{\"cgroups\":{\"blkio_throttle_read_bps_device\":[", "]}}", "major minor rate"},
    {LIBCONTAINER, "{\"cgroups\":{\"hugetlb_limit\":[", "]}}", "page_size limit"},
    {LIBCONTAINER, "{\"cgroups\":{\"net_prio_ifpriomap\":[", "]}}", "interface priority"},
    {LIBCONTAINER, "{\"cgroups\":{\"rdma\":{\"mlx\":", "}}}", "hca_handles hca_objects"},
};

static struct reading try_member(enum hp_dialect dialect, const char *before, const char *name,
				 const char *after)
{
	char text[512];

	snprintf(text, sizeof(text), "%s{\"%s\":7}%s", before, name, after);
	return settings_try(text, dialect);
}

/* A number has the wrong type for most members; but the name is never the error. */
static void no_known_name_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		char names[1024], *save = NULL;

		snprintf(names, sizeof(names), "%s", known[i].names);
		for (char *name = strtok_r(names, " ", &save); name;
		     name = strtok_r(NULL, " ", &save)) {
			struct reading reading =
			    try_member(known[i].dialect, known[i].before, name, known[i].after);

			if (is_about_the_name(&reading))
				fail_msg("%s%s: %s", known[i].before, name,
					 reading.document.err.reason);
			settings_close(&reading);
		}
	}
}

/* Members that others add, and possible future ones. */
static void names_that_resemble_none_are_passed_over(void **state)
{
	static const struct {
		enum hp_dialect dialect;
		const char *text;
	} cases[] = {
	    {OCI, "{\"com.example.key\":1,\"x-vendor\":{},\"name\":\"web\",\"path\":\"/x\","
		  "\"runtime\":\"runc\",\"process\":{}}"},
	    {OCI, "{\"ociVersion\":\"1.3.0\",\"annotations\":{},\"name\":\"web\"}"},
	    {OCI, "{\"process\":{\"user\":{\"uid\":1,\"gid\":1,\"name\":\"web\"},\"path\":1}}"},
	    {OCI, "{\"linux\":{\"resources\":{\"network\":{\"classId\":1048577},"
		  "\"oomScoreAdj\":100,\"disableOOMKiller\":false}}}"},
	    {OCI, "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
		  "[{\"name\":\"\",\"names\":[\"uname\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}"},
	    {OCI, "{\"root\":{\"path\":\"rootfs\"},\"platform\":{\"os\":\"linux\"}}"},
	    {LIBCONTAINER, "{\"labels\":[],\"version\":\"1.0.2\",\"rootfs\":\"/x\"}"},
	    {OCI, "{\"process\":{\"landlock\":{},\"idmap\":1}}"},
	    {OCI, "{\"linux\":{\"resources\":{\"misc\":{},\"cpu\":{\"uclamp\":1}}}}"},
	    {OCI, "{\"linux\":{\"resources\":{\"memroy\":null}},\"proces\":null}"},
	    {OCI, "{\"linux\":{\"netdevices\":{},\"MaskedPaths\":[]}}"},
	    {LIBCONTAINER, "{\"landlock\":{},\"hooks\":{},\"cgroups\":{\"dmem\":7}}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading reading = settings_open(cases[i].text, cases[i].dialect);

		settings_close(&reading);
	}
}

/* ---- names that are misspelt ---- */

struct misspelling {
	const char *text, *path, *meant;
};

static void assert_misspelt(const struct misspelling *cases, size_t count)
{
	char reason[HP_ERR_REASON_SIZE];

	for (size_t i = 0; i < count; i++) {
		struct reading reading = settings_try(cases[i].text, OCI);

		if (reading.r != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		snprintf(reason, sizeof(reason), "unknown; did you mean \"%s\"?", cases[i].meant);
		assert_string_equal(reading.document.err.path, cases[i].path);
		assert_string_equal(reading.document.err.reason, reason);
		settings_close(&reading);
	}
}

static void misspelt_names_are_refused(void **state)
{
	static const struct misspelling cases[] = {
	    {"{\"linux\":{\"resources\":{\"memory\":{\"limt\":1}}}}", "linux.resources.memory.limt",
	     "limit"},
	    {"{\"linux\":{\"resources\":{\"memory\":{\"l\\u0069mt\":1}}}}",
	     "linux.resources.memory.limt", "limit"},
	    {"{\"linux\":{\"resources\":{\"pids\":{\"Limit\":1}}}}", "linux.resources.pids.Limit",
	     "limit"},
	    {"{\"linux\":{\"resources\":{\"cpu\":{\"Cpus\":\"0\"}}}}", "linux.resources.cpu.Cpus",
	     "cpus"},
	    {"{\"linux\":{\"resources\":{\"CPU\":{\"Cpus\":\"0\"}}}}", "linux.resources.CPU",
	     "cpu"},
	    {"{\"linux\":{\"Seccomp\":{}}}", "linux.Seccomp", "seccomp"},
	    {"{\"process\":{\"noNewPrivilege\":true}}", "process.noNewPrivilege",
	     "noNewPrivileges"},
	    {"{\"process\":{\"no_new_privileges\":true}}", "process.no_new_privileges",
	     "noNewPrivileges"},
	    {"{\"process\":{\"capabilites\":{}}}", "process.capabilites", "capabilities"},
	    {"{\"process\":{\"oomscoreadj\":1}}", "process.oomscoreadj", "oomScoreAdj"},
	    {"{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"sotf\":1}]}}",
	     "process.rlimits[0].sotf", "soft"},
	    {"{\"proces\":{}}", "proces", "process"},
	    {"{\"lnux\":{}}", "lnux", "linux"},
	    {"{\"linux\":{\"seccomp\":{\"DefaultAction\":\"SCMP_ACT_KILL\"}}}",
	     "linux.seccomp.DefaultAction", "defaultAction"},
	    {"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscals\":[]}}}",
	     "linux.seccomp.syscals", "syscalls"},
	};

	(void)state;
	assert_misspelt(cases, COUNT(cases));
}

static void words_of_others_are_refused(void **state)
{
	static const struct misspelling cases[] = {
	    {"{\"process\":{\"no_new_privs\":true}}", "process.no_new_privs", "noNewPrivileges"},
	    {"{\"process\":{\"noNewPrivs\":true}}", "process.noNewPrivs", "noNewPrivileges"},
	    {"{\"process\":{\"oomScore\":500}}", "process.oomScore", "oomScoreAdj"},
	    {"{\"process\":{\"selinux\":\"x\"}}", "process.selinux", "selinuxLabel"},
	    {"{\"process\":{\"user\":{\"uid\":1,\"gid\":1,\"groups\":[1]}}}", "process.user.groups",
	     "additionalGids"},
	    {"{\"linux\":{\"cgroup\":\"/x\"}}", "linux.cgroup", "cgroupsPath"},
	    {"{\"linux\":{\"resources\":{\"pids\":{\"max\":1}}}}", "linux.resources.pids.max",
	     "limit"},
	    {"{\"linux\":{\"resources\":{\"io\":{\"weight\":10}}}}", "linux.resources.io",
	     "blockIO"},
	    {"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"rules\":[]}}}",
	     "linux.seccomp.rules", "syscalls"},
	};

	(void)state;
	assert_misspelt(cases, COUNT(cases));
}

static void two_names_in_one_are_refused(void **state)
{
	static const struct misspelling cases[] = {
	    {"{\"linux\":{\"resources\":{\"memory\":{\"memory_limit\":1}}}}",
	     "linux.resources.memory.memory_limit", "linux.resources.memory.limit"},
	    {"{\"linux\":{\"resources\":{\"memoryLimit\":1}}}", "linux.resources.memoryLimit",
	     "linux.resources.memory.limit"},
	    {"{\"linux\":{\"resources\":{\"networkClassID\":1}}}", "linux.resources.networkClassID",
	     "linux.resources.network.classID"},
	};

	(void)state;
	assert_misspelt(cases, COUNT(cases));
}

/* The same at random places of every table. */
struct walk {
	enum hp_dialect dialect;
	uint32_t random;
	size_t tried, refused;
};

static uint32_t next_random(struct walk *walk, uint32_t below)
{
	walk->random = walk->random * 1664525 + 1013904223;
	return (walk->random >> 8) % below;
}

/* One edit: a letter added, removed or replaced, two swapped, the other case, or a mark added. */
static void mutate(struct walk *walk, const char *name, char edited[64])
{
	size_t length = strlen(name), at = next_random(walk, (uint32_t)length);
	char letter = (char)('a' + next_random(walk, 26)), *place = edited + at;

	snprintf(edited, 64, "%s", name);
	switch (next_random(walk, 6)) {
	case 0:
		memmove(place, place + 1, length - at);
		break;
	case 1:
		*place = letter;
		break;
	case 2:
		letter = place[0];
		if (at + 1 < length) {
			place[0] = place[1];
			place[1] = letter;
		}
		break;
	case 3:
		*place = isalpha(*place) ? (char)(*place ^ 'a' ^ 'A') : letter;
		break;
	case 4:
		letter = next_random(walk, 2) ? '_' : '-';
		/* fall through */
	default:
		memmove(place + 1, place, length - at + 1);
		*place = letter;
	}
}

static bool is_known(const struct hp_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].key, name) == 0)
			return true;
	for (const char *const *other = table->passed_over; other && *other; other++)
		if (strcmp(*other, name) == 0)
			return true;
	return false;
}

static void try_mutations(struct walk *walk, const struct hp_table *table, const char *name,
			  const char *before, const char *after)
{
	char edited[64];

	for (int i = 0; i < 40; i++) {
		struct reading reading;

		mutate(walk, name, edited);
		if (edited[0] == '\0' || is_known(table, edited))
			continue;
		reading = try_member(walk->dialect, before, edited, after);
		walk->tried++;
		if (!is_about_the_name(&reading))
			fail_msg("%s%s was taken for %s", before, edited, name);
		walk->refused += reading.r == -EINVAL;
		settings_close(&reading);
	}
}

static void walk_table(struct walk *walk, const struct hp_table *table, const char *before,
		       const char *after)
{
	assert_true(table->count <= 64);
	for (size_t i = 0; !table->is_value && i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];
		bool is_list = field->type == &hp_field_list || field->type == &hp_field_array;
		bool is_map = field->type == &hp_field_map;
		char inner_before[256], inner_after[64];

		assert_true(strlen(field->key) < 60);
		try_mutations(walk, table, field->key, before, after);
		if (!field->table)
			continue;
		snprintf(inner_before, sizeof(inner_before), "%s{\"%s\":%s", before, field->key,
			 is_list  ? "["
			 : is_map ? "{\"a\":"
				  : "");
		snprintf(inner_after, sizeof(inner_after), "%s}%s",
			 is_list  ? "]"
			 : is_map ? "}"
				  : "",
			 after);
		walk_table(walk, field->table, inner_before, inner_after);
	}
}

static void every_misspelling_of_a_row_is_refused(void **state)
{
	struct walk oci = {.dialect = OCI, .random = 1}, libcontainer = {LIBCONTAINER, 2, 0, 0};

	(void)state;
	walk_table(&oci, &hp_oci_settings_table, "", "");
	walk_table(&libcontainer, &hp_libcontainer_settings_table, "", "");
	assert_true(oci.tried > 3000 && oci.refused == oci.tried);
	assert_true(libcontainer.tried > 3000 && libcontainer.refused == libcontainer.tried);
}

/* ---- names of another place ---- */

static const struct {
	enum hp_dialect dialect;
	const char *text, *path, *reason;
} misplaced[] = {
    {OCI, "{\"noNewPrivileges\":true}", "noNewPrivileges", "must be under process"},
    {OCI, "{\"NoNewPrivileges\":true}", "NoNewPrivileges",
     "must be under process, or the dialect must be libcontainer"},
    {OCI, "{\"user\":{\"uid\":1,\"gid\":1}}", "user", "must be under process"},
    {OCI, "{\"uid\":1}", "uid", "must be under process.user"},
    {OCI, "{\"resources\":{}}", "resources", "must be under linux"},
    {OCI, "{\"memory\":{\"limit\":1}}", "memory", "must be under linux.resources"},
    {OCI, "{\"devices\":[]}", "devices", "must be under linux.resources"},
    {OCI, "{\"linux\":{\"pids\":{\"limit\":1}}}", "linux.pids", "must be under linux.resources"},
    {OCI, "{\"linux\":{\"rlimits\":[]}}", "linux.rlimits", "must be under process"},
    {OCI, "{\"linux\":{\"process\":{}}}", "linux.process", "must not be under another member"},
    {OCI, "{\"linux\":{\"oomScoreAdj\":1}}", "linux.oomScoreAdj", "must be under process"},
    {OCI, "{\"limit\":1}", "limit", "must be under linux.resources.memory"},
    {OCI, "{\"quota\":1000,\"period\":100000}", "quota", "must be under linux.resources.cpu"},
    {OCI, "{\"weight\":10}", "weight", "must be under linux.resources.blockIO"},
    {OCI, "{\"classID\":10}", "classID", "must be under linux.resources.network"},
    {OCI, "{\"closID\":\"x\"}", "closID", "must be under linux.intelRdt"},
    {OCI, "{\"policy\":\"SCHED_IDLE\"}", "policy", "must be under process.scheduler"},
    {OCI, "{\"class\":\"IOPRIO_CLASS_IDLE\"}", "class", "must be under process.ioPriority"},
    {OCI, "{\"domain\":\"LINUX32\"}", "domain", "must be under linux.personality"},
    {OCI, "{\"mode\":\"MPOL_BIND\"}", "mode", "must be under linux.memoryPolicy"},
    {OCI, "{\"final\":\"0\"}", "final", "must be under process.execCPUAffinity"},
    {OCI, "{\"process\":{\"policy\":\"SCHED_IDLE\"}}", "process.policy",
     "must be under process.scheduler"},
    {OCI, "{\"linux\":{\"resources\":{\"limit\":1}}}", "linux.resources.limit",
     "must be under linux.resources.memory"},
    {OCI, "{\"linux\":{\"cgroups\":{\"pids_limit\":1}}}", "linux.cgroups",
     "is libcontainer's: the dialect must be libcontainer, not oci"},
    {OCI, "{\"linux\":{\"resources\":{\"pids_limit\":1}}}", "linux.resources.pids_limit",
     "must be under cgroups, and the dialect be libcontainer"},
    {OCI, "{\"linux\":{\"resources\":{\"pidsLimit\":1}}}", "linux.resources.pidsLimit",
     "must be under cgroups, and the dialect be libcontainer"},
    {OCI, "{\"linux\":{\"resources\":{\"cpu\":{\"cpuset_cpus\":\"0\"}}}}",
     "linux.resources.cpu.cpuset_cpus", "must be under cgroups, and the dialect be libcontainer"},
    {OCI, "{\"linux\":{\"resources\":{\"cpu\":{\"cpu_quota\":1}}}}",
     "linux.resources.cpu.cpu_quota", "must be under cgroups, and the dialect be libcontainer"},
    {OCI, "{\"process\":{\"process_label\":\"x\"}}", "process.process_label",
     "is libcontainer's: the dialect must be libcontainer, not oci"},
    {OCI, "{\"process\":{\"seccomp\":{}}}", "process.seccomp", "must be under linux"},
    {OCI, "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", "defaultAction", "must be under linux.seccomp"},
    {OCI, "{\"archMap\":[],\"syscalls\":[]}", "archMap", "must be under linux.seccomp"},
    {OCI, "{\"syscalls\":[]}", "syscalls", "must be under linux.seccomp"},
    {OCI, "{\"architectures\":[]}", "architectures", "must be under linux.seccomp"},
    {OCI, "{\"default_action\":2}", "default_action",
     "must be under seccomp, and the dialect be libcontainer"},
    {OCI, "{\"capabilities\":{}}", "capabilities",
     "must be under process, or the dialect must be libcontainer"},
    {OCI, "{\"no_new_privileges\":false}", "no_new_privileges",
     "is libcontainer's: the dialect must be libcontainer, not oci"},
    {LIBCONTAINER, "{\"process\":{}}", "process",
     "is oci's: the dialect must be oci, not libcontainer"},
    {LIBCONTAINER, "{\"noNewPrivileges\":true}", "noNewPrivileges",
     "must be under process, and the dialect be oci"},
    {LIBCONTAINER, "{\"default_action\":2}", "default_action", "must be under seccomp"},
    {LIBCONTAINER, "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", "defaultAction",
     "must be under linux.seccomp, and the dialect be oci"},
    {LIBCONTAINER, "{\"pids_limit\":7}", "pids_limit", "must be under cgroups"},
    {LIBCONTAINER, "{\"memory\":{\"limit\":7}}", "memory", "must be under cgroups"},
    {LIBCONTAINER, "{\"cgroups\":{\"no_new_privileges\":true}}", "cgroups.no_new_privileges",
     "must not be under another member"},
    {LIBCONTAINER, "{\"closID\":\"x\"}", "closID", "must be under intel_rdt"},
    {LIBCONTAINER, "{\"cgroups\":{\"pids\":{\"limit\":1}}}", "cgroups.pids",
     "must be under linux.resources, and the dialect be oci"},
    {LIBCONTAINER, "{\"cgroups\":{\"cpu\":{\"quota\":1000}}}", "cgroups.cpu",
     "must be under linux.resources, and the dialect be oci"},
    {LIBCONTAINER, "{\"cgroups\":{\"blockIO\":{\"weight\":10}}}", "cgroups.blockIO",
     "must be under linux.resources, and the dialect be oci"},
    {LIBCONTAINER, "{\"cgroups\":{\"resources\":{\"memory\":1}}}", "cgroups.resources",
     "must be under linux, and the dialect be oci"},
    {LIBCONTAINER, "{\"cgroups\":{\"Resources\":{\"memory\":1}}}", "cgroups.Resources",
     "must be under linux, and the dialect be oci"},
    {LIBCONTAINER, "{\"cgroups\":{\"memory_limit\":1}}", "cgroups.memory_limit",
     "unknown; did you mean \"linux.resources.memory.limit\" of the dialect oci?"},
};

static void misplaced_names_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(misplaced); i++) {
		struct reading reading = settings_try(misplaced[i].text, misplaced[i].dialect);

		if (reading.r != -EINVAL)
			fail_msg("%s was taken", misplaced[i].text);
		assert_string_equal(reading.document.err.path, misplaced[i].path);
		assert_string_equal(reading.document.err.reason, misplaced[i].reason);
		settings_close(&reading);
	}
}

/* Every member that is read from Config identifies its dialect. */
static void a_config_read_as_oci_is_refused(void **state)
{
	const struct hp_table *config = &hp_libcontainer_settings_table;

	(void)state;
	for (size_t i = 0; i < config->count; i++) {
		const char *key = config->fields[i].key;
		struct reading reading = try_member(OCI, "", key, "");

		assert_int_equal(reading.r, -EINVAL);
		assert_string_equal(reading.document.err.path, key);
		assert_non_null(strstr(reading.document.err.reason, "libcontainer"));
		settings_close(&reading);
	}
}

/* ---- documents of another kind ---- */

/* Documents of other tools about a container, and settings inside another object. */
static const char *const other_documents[] = {
    "{\"ociVersion\":\"1.0.2\",\"id\":\"x\",\"pid\":1,\"status\":\"running\",\"bundle\":\"/b\","
    "\"rootfs\":\"/b/r\",\"created\":\"2026-01-01\",\"annotations\":{},\"owner\":\"\"}",
    "{\"pid\":4,\"process-start-time\":5,\"cgroup-path\":\"/x\",\"scope\":null,"
    "\"rootfs\":\"/r\",\"systemd-cgroup\":false,\"bundle\":\"/b\",\"created\":\"2026-01-01\","
    "\"owner\":\"root\",\"detached\":false,\"external_descriptors\":\"[]\"}",
    "{\"spec\":{\"process\":{\"noNewPrivileges\":true}}}",
    "{\"ID\":\"x\",\"Labels\":{},\"Image\":\"i\",\"Runtime\":{\"Name\":\"io.containerd.runc.v2\"},"
    "\"Spec\":{\"process\":{\"noNewPrivileges\":true}}}",
    "{\"status\":{},\"info\":{\"runtimeSpec\":{\"process\":{\"noNewPrivileges\":true}}}}",
    "{\"Id\":\"x\",\"Name\":\"/web\",\"Path\":\"sh\",\"HostConfig\":{\"PidsLimit\":5}}",
    "{\"settings\":{\"process\":{}},\"process\":null}",
};

static void documents_that_are_no_settings_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * COUNT(other_documents); i++) {
		const char *text = other_documents[i / 2];
		struct reading reading = settings_try(text, i % 2 ? OCI : LIBCONTAINER);

		if (reading.r != -EINVAL)
			fail_msg("%s was taken", text);
		assert_string_equal(reading.document.err.path, "");
		assert_string_equal(reading.document.err.reason,
				    "nothing in it is settings: give process and linux of "
				    "config.json, or libcontainer's Config with dialect "
				    "libcontainer");
		settings_close(&reading);
	}
}

/*
 * A profile without rules and default means none; a profile inside another object must not be taken
 * for that.
 */
static void a_profile_in_a_wrapper_is_refused(void **state)
{
	static const struct {
		enum hp_dialect dialect;
		const char *text, *path, *missing;
	} cases[] = {
	    {OCI, "{\"linux\":{\"seccomp\":{\"profile\":{\"defaultAction\":\"SCMP_ACT_KILL\"}}}}",
	     "linux.seccomp", "is not a seccomp profile: defaultAction is missing"},
	    {LIBCONTAINER, "{\"seccomp\":{\"profile\":{\"default_action\":2}}}", "seccomp",
	     "is not a seccomp profile: default_action is missing"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading reading = settings_try(cases[i].text, cases[i].dialect);

		assert_int_equal(reading.r, -EINVAL);
		assert_string_equal(reading.document.err.path, cases[i].path);
		assert_string_equal(reading.document.err.reason, cases[i].missing);
		settings_close(&reading);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_known_name_is_refused),
	    cmocka_unit_test(names_that_resemble_none_are_passed_over),
	    cmocka_unit_test(misspelt_names_are_refused),
	    cmocka_unit_test(words_of_others_are_refused),
	    cmocka_unit_test(two_names_in_one_are_refused),
	    cmocka_unit_test(every_misspelling_of_a_row_is_refused),
	    cmocka_unit_test(misplaced_names_are_refused),
	    cmocka_unit_test(a_config_read_as_oci_is_refused),
	    cmocka_unit_test(documents_that_are_no_settings_are_refused),
	    cmocka_unit_test(a_profile_in_a_wrapper_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
