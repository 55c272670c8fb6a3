/* SPDX-License-Identifier: Apache-2.0 */

/* Members that are the kernel's or another tool's words for a setting: the error has the right
 * name. */

#include "tests/proto/settings/settings_unit.h"

#define OCI	     HP_DIALECT_OCI
#define LIBCONTAINER HP_DIALECT_LIBCONTAINER

struct word {
	const char *text, *path, *meant;
};

static const struct word words[] = {
    {"{\"no_new_privs\":true}", "no_new_privs", "process.noNewPrivileges"},
    {"{\"linux\":{\"seccompProfile\":{}}}", "linux.seccompProfile", "seccomp"},
    {"{\"process\":{\"seccompProfile\":{}}}", "process.seccompProfile", "linux.seccomp"},
    {"{\"linux\":{\"mempolicy\":{}}}", "linux.mempolicy", "memoryPolicy"},
    {"{\"process\":{\"sched\":{}}}", "process.sched", "scheduler"},
    {"{\"process\":{\"ionice\":{}}}", "process.ionice", "ioPriority"},
    {"{\"linux\":{\"resources\":{\"memoryMax\":1}}}", "linux.resources.memoryMax",
     "linux.resources.memory.limit"},
    {"{\"linux\":{\"resources\":{\"hugepages\":[]}}}", "linux.resources.hugepages",
     "hugepageLimits"},
    {"{\"linux\":{\"resources\":{\"unify\":{}}}}", "linux.resources.unify", "unified"},
    {"{\"linux\":{\"resources\":{\"memory\":{\"low\":1}}}}", "linux.resources.memory.low",
     "reservation"},
    {"{\"linux\":{\"resources\":{\"memory\":{\"swapLimit\":1}}}}",
     "linux.resources.memory.swapLimit", "swap"},
    {"{\"linux\":{\"resources\":{\"memory\":{\"limit_in_bytes\":1}}}}",
     "linux.resources.memory.limit_in_bytes", "limit"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"max\":1}}}}", "linux.resources.cpu.max", "quota"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"cfs_quota_us\":1}}}}",
     "linux.resources.cpu.cfs_quota_us", "quota"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"quotaUs\":1}}}}", "linux.resources.cpu.quotaUs",
     "quota"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"nanoCpus\":1}}}}", "linux.resources.cpu.nanoCpus",
     "quota"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"cpuset\":\"0\"}}}}", "linux.resources.cpu.cpuset",
     "cpus"},
    {"{\"linux\":{\"resources\":{\"cpu\":{\"weight\":1}}}}", "linux.resources.cpu.weight",
     "shares"},
};

static void words_are_refused_with_the_name(void **state)
{
	char reason[HP_ERR_REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct reading reading = settings_try(words[i].text, OCI);

		if (reading.r != -EINVAL)
			fail_msg("%s was taken", words[i].text);
		snprintf(reason, sizeof(reason), "unknown; did you mean \"%s\"?", words[i].meant);
		assert_string_equal(reading.document.err.path, words[i].path);
		assert_string_equal(reading.document.err.reason, reason);
		settings_close(&reading);
	}
}

/* What only a file of cgroup v2 can set; and Config's words. */
static const struct {
	enum hp_dialect dialect;
	const char *text, *path, *reason;
} others[] = {
    {OCI, "{\"linux\":{\"resources\":{\"memory\":{\"high\":1}}}}", "linux.resources.memory.high",
     "unknown; did you mean \"memory.high\" of unified?"},
    {OCI, "{\"linux\":{\"resources\":{\"memory\":{\"min\":1}}}}", "linux.resources.memory.min",
     "unknown; did you mean \"memory.min\" of unified?"},
    {OCI, "{\"linux\":{\"resources\":{\"memory\":{\"oom_group\":1}}}}",
     "linux.resources.memory.oom_group", "unknown; did you mean \"memory.oom.group\" of unified?"},
    {OCI, "{\"linux\":{\"resources\":{\"memory.max\":\"1\"}}}", "linux.resources.memory.max",
     "must be under unified"},
    {LIBCONTAINER, "{\"cgroups\":{\"memory.max\":\"1\"}}", "cgroups.memory.max",
     "must be under unified"},
    {LIBCONTAINER, "{\"cgroups\":{\"cpuset\":\"0\"}}", "cgroups.cpuset",
     "unknown; did you mean \"cpuset_cpus\"?"},
    {LIBCONTAINER, "{\"no_new_privs\":true}", "no_new_privs",
     "unknown; did you mean \"no_new_privileges\"?"},
};

static void files_of_the_kernel_are_refused_with_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		struct reading reading = settings_try(others[i].text, others[i].dialect);

		if (reading.r != -EINVAL)
			fail_msg("%s was taken", others[i].text);
		assert_string_equal(reading.document.err.path, others[i].path);
		assert_string_equal(reading.document.err.reason, others[i].reason);
		settings_close(&reading);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_refused_with_the_name),
	    cmocka_unit_test(files_of_the_kernel_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
