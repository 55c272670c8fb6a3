/* SPDX-License-Identifier: Apache-2.0 */

/* The numbers in proto/ are the kernel's: compared with its headers. */

#include "tests/proto/base/unit.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "proto/settings/kernel_names.h"

static uint64_t number_of(const struct hp_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i].name, name) == 0)
			return names->names[i].value;
	}
	fail_msg("%s is missing", name);
	return 0;
}

#define IS(names, constant)    assert_int_equal(number_of(&(names), #constant), constant)
#define HAS(names, capability) assert_true(number_of(&(names), #capability) == 1ull << (capability))

static void capabilities_are_the_kernels(void **state)
{
	(void)state;
	assert_true(hp_capability_names.count >= CAP_LAST_CAP + 1);
	for (size_t i = 0; i < hp_capability_names.count; i++)
		assert_true(hp_capability_names.names[i].value == 1ull << i);
	HAS(hp_capability_names, CAP_CHOWN);
	HAS(hp_capability_names, CAP_SETPCAP);
	HAS(hp_capability_names, CAP_SYS_MODULE);
	HAS(hp_capability_names, CAP_SYS_ADMIN);
	HAS(hp_capability_names, CAP_MKNOD);
	HAS(hp_capability_names, CAP_SETFCAP);
	HAS(hp_capability_names, CAP_MAC_OVERRIDE);
	HAS(hp_capability_names, CAP_SYSLOG);
	HAS(hp_capability_names, CAP_AUDIT_READ);
	HAS(hp_capability_names, CAP_BPF);
	HAS(hp_capability_names, CAP_CHECKPOINT_RESTORE);
}

static void rlimits_are_all_there(void **state)
{
	bool seen[RLIM_NLIMITS] = {false};

	(void)state;
	assert_int_equal(hp_rlimit_names.count, RLIM_NLIMITS);
	for (size_t i = 0; i < hp_rlimit_names.count; i++)
		seen[hp_rlimit_names.names[i].value] = true;
	for (size_t i = 0; i < RLIM_NLIMITS; i++)
		assert_true(seen[i]);
}

static void scheduling_is_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(number_of(&hp_scheduler_policy_names, "SCHED_OTHER"), SCHED_NORMAL);
	IS(hp_scheduler_policy_names, SCHED_FIFO);
	IS(hp_scheduler_policy_names, SCHED_RR);
	IS(hp_scheduler_policy_names, SCHED_BATCH);
	IS(hp_scheduler_policy_names, SCHED_IDLE);
	IS(hp_scheduler_policy_names, SCHED_DEADLINE);
	IS(hp_scheduler_flag_names, SCHED_FLAG_RESET_ON_FORK);
	IS(hp_scheduler_flag_names, SCHED_FLAG_RECLAIM);
	IS(hp_scheduler_flag_names, SCHED_FLAG_DL_OVERRUN);
	IS(hp_scheduler_flag_names, SCHED_FLAG_KEEP_POLICY);
	IS(hp_scheduler_flag_names, SCHED_FLAG_KEEP_PARAMS);
	IS(hp_scheduler_flag_names, SCHED_FLAG_UTIL_CLAMP_MIN);
	IS(hp_scheduler_flag_names, SCHED_FLAG_UTIL_CLAMP_MAX);
	IS(hp_io_class_names, IOPRIO_CLASS_RT);
	IS(hp_io_class_names, IOPRIO_CLASS_BE);
	IS(hp_io_class_names, IOPRIO_CLASS_IDLE);
}

static void memory_policies_are_the_kernels(void **state)
{
	(void)state;
	IS(hp_memory_policy_mode_names, MPOL_DEFAULT);
	IS(hp_memory_policy_mode_names, MPOL_PREFERRED);
	IS(hp_memory_policy_mode_names, MPOL_BIND);
	IS(hp_memory_policy_mode_names, MPOL_INTERLEAVE);
	IS(hp_memory_policy_mode_names, MPOL_LOCAL);
	IS(hp_memory_policy_mode_names, MPOL_PREFERRED_MANY);
	IS(hp_memory_policy_flag_names, MPOL_F_STATIC_NODES);
	IS(hp_memory_policy_flag_names, MPOL_F_RELATIVE_NODES);
	IS(hp_memory_policy_flag_names, MPOL_F_NUMA_BALANCING);
	assert_int_equal(HP_MEMORY_POLICY_FLAGS,
			 MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING);
}

static void namespaces_are_the_kernels(void **state)
{
	static const struct {
		const char *oci, *libcontainer;
		uint64_t flag;
	} cases[] = {
	    {"pid", "NEWPID", CLONE_NEWPID},	{"network", "NEWNET", CLONE_NEWNET},
	    {"mount", "NEWNS", CLONE_NEWNS},	{"ipc", "NEWIPC", CLONE_NEWIPC},
	    {"uts", "NEWUTS", CLONE_NEWUTS},	{"user", "NEWUSER", CLONE_NEWUSER},
	    {"time", "NEWTIME", CLONE_NEWTIME}, {"cgroup", "NEWCGROUP", CLONE_NEWCGROUP},
	};

	(void)state;
	assert_int_equal(hp_namespace_names.count, COUNT(cases));
	assert_int_equal(hp_libcontainer_namespace_names.count, COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(number_of(&hp_namespace_names, cases[i].oci), cases[i].flag);
		assert_int_equal(number_of(&hp_libcontainer_namespace_names, cases[i].libcontainer),
				 cases[i].flag);
	}
}

static void personalities_are_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(number_of(&hp_personality_names, "LINUX"), PER_LINUX);
	assert_int_equal(number_of(&hp_personality_names, "LINUX32"), PER_LINUX32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(capabilities_are_the_kernels),
	    cmocka_unit_test(rlimits_are_all_there),
	    cmocka_unit_test(scheduling_is_the_kernels),
	    cmocka_unit_test(memory_policies_are_the_kernels),
	    cmocka_unit_test(namespaces_are_the_kernels),
	    cmocka_unit_test(personalities_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
