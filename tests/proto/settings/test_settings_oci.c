/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings in runtime-spec's dialect: the result of what is accepted. What is refused is in
 * tests/data/bad.
 */

#include "tests/proto/settings/settings_unit.h"

#include <sched.h>
#include <sys/resource.h>

static void process_has_all_its_fields(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_true(settings->user.is_set);
	assert_int_equal(settings->user.uid, 1000);
	assert_int_equal(settings->user.gid, 1000);
	assert_int_equal(settings->user.group_count, 2);
	assert_int_equal(settings->user.groups[1], 6);
	assert_true(settings->umask.is_set);
	assert_int_equal(settings->umask.value, 022);
	assert_true(settings->capabilities.is_set);
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_BOUNDING] ==
		    (1ull << 5 | 1ull << 40));
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_EFFECTIVE] == 1ull << 5);
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_INHERITABLE] == 0);
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_PERMITTED] == 1ull << 5);
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_AMBIENT] == 1ull << 5);
	assert_true(settings->oom_score_adj.is_set);
	assert_int_equal(settings->oom_score_adj.value, -1000);
	assert_true(settings->no_new_privileges);
	assert_string_equal(settings->apparmor_profile, "docker-default");
	assert_string_equal(settings->selinux_label,
			    "system_u:system_r:svirt_lxc_net_t:s0:c124,c675");
	assert_int_equal(settings->parent_death_signal, 0);
	assert_false(settings->no_new_keyring);
	settings_close(&reading);
}

static void rlimits_reach_infinity_in_each_spelling(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_rlimit *rlimits = reading.settings->rlimits;

	(void)state;
	assert_int_equal(reading.settings->rlimit_count, 3);
	assert_int_equal(rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(rlimits[0].soft, 1024);
	assert_true(rlimits[0].hard == UINT64_MAX);
	assert_int_equal(rlimits[1].resource, RLIMIT_CORE);
	assert_int_equal(rlimits[1].soft, 0);
	assert_true(rlimits[1].hard == UINT64_MAX);
	assert_int_equal(rlimits[2].resource, RLIMIT_RTTIME);
	assert_true(rlimits[2].soft == UINT64_MAX && rlimits[2].hard == UINT64_MAX);
	settings_close(&reading);
}

static void scheduling_has_all_its_fields(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_true(settings->scheduler.is_set);
	assert_int_equal(settings->scheduler.policy, SCHED_DEADLINE);
	assert_int_equal(settings->scheduler.flags, 0x05);
	assert_int_equal(settings->scheduler.runtime_ns, 1000000);
	assert_int_equal(settings->scheduler.deadline_ns, 2000000);
	assert_int_equal(settings->scheduler.period_ns, 3000000);
	assert_true(settings->io_priority.is_set);
	assert_int_equal(settings->io_priority.io_class, 3);
	assert_int_equal(settings->io_priority.priority, 4);
	assert_true(settings->cpu_affinity_initial.is_set);
	assert_int_equal(settings->cpu_affinity_initial.words[0], 0x80);
	assert_true(settings->cpu_affinity_final.is_set);
	assert_int_equal(settings->cpu_affinity_final.words[0], 0x8f);
	assert_true(settings->cpu_affinity_final.words[15] == 1ull << 63);
	assert_true(settings->memory_policy.is_set);
	assert_int_equal(settings->memory_policy.mode, 3);
	assert_int_equal(settings->memory_policy.flags, 1 << 15);
	assert_int_equal(settings->memory_policy.nodes.words[0], 3);
	assert_true(settings->personality.is_set);
	assert_int_equal(settings->personality.value, 8);
	settings_close(&reading);
}

static void linux_has_all_its_fields(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_string_equal(settings->cgroups_path, "system.slice:docker:web-1");
	assert_int_equal(settings->namespace_count, 8);
	assert_int_equal(settings->namespaces[0].type, CLONE_NEWPID);
	assert_null(settings->namespaces[0].path);
	assert_int_equal(settings->namespaces[7].type, CLONE_NEWNET);
	assert_string_equal(settings->namespaces[7].path, "/run/netns/web");
	assert_non_null(settings->seccomp);
	assert_non_null(settings->resources);
	assert_non_null(settings->intel_rdt);
	assert_string_equal(settings->intel_rdt->clos_id, "guaranteed_group");
	assert_string_equal(settings->intel_rdt->l3_cache_schema,
			    "L3CODE:0=7f0;1=1f\nL3DATA:0=f;1=f");
	assert_string_equal(settings->intel_rdt->mem_bw_schema, "MB:0=20;1=70");
	assert_string_equal(settings->intel_rdt->schemata[0], "L2:0=ff");
	assert_null(settings->intel_rdt->schemata[1]);
	assert_true(settings->intel_rdt->enable_monitoring);
	settings_close(&reading);
}

static void nothing_is_set_where_nothing_is_said(void **state)
{
	static const struct hp_settings nothing;
	static const char *const texts[] = {
	    "{}",
	    "{\"process\":{},\"linux\":{}}",
	    "{\"process\":null,\"linux\":null,\"root\":{}}",
	    "{\"process\":{\"apparmorProfile\":\"\",\"selinuxLabel\":\"\",\"rlimits\":[],"
	    "\"execCPUAffinity\":{\"initial\":\"\"},\"oomScoreAdj\":null}}",
	    "{\"linux\":{\"cgroupsPath\":\"\",\"namespaces\":[],\"resources\":{\"devices\":[],"
	    "\"memory\":{},\"unified\":{}},\"seccomp\":{},\"intelRdt\":null}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct reading reading = settings_open(texts[i], HP_DIALECT_OCI);

		assert_null(settings_difference(reading.settings, &nothing));
		settings_close(&reading);
	}
}

/* What the users of runc and crun write, and these take. */
static void unusual_values_are_taken(void **state)
{
	struct reading reading = settings_open(
	    "{\"process\":{\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\"}},\"linux\":{"
	    "\"cgroupsPath\":"
	    "\"/a "
	    "b//\xc3\xa9/\",\"intelRdt\":{\"closID\":\"\",\"l3CacheSchema\":\"\"},\"resources\":{"
	    "\"memory\":{\"swappiness\":-1},\"cpu\":{\"cpus\":\"0, "
	    "1,,2000\"},\"devices\":[{\"allow\":"
	    "true,\"access\":\"rrwmm\"}],\"unified\":{\"cpu.idle\":\"1\",\"cpu.weight\":\"7\","
	    "\"io.max\":\"8:0 rbps=1\\n8:16 rbps=2\\n\"}}}}",
	    HP_DIALECT_OCI);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_false(settings->io_priority.has_priority);
	assert_string_equal(settings->cgroups_path, "/a b//\xc3\xa9/");
	assert_null(settings->intel_rdt->clos_id);
	assert_false(settings->resources->memory.swappiness.is_set);
	assert_string_equal(settings->resources->cpu.cpus, "0, 1,,2000");
	assert_int_equal(settings->resources->devices[0].access, 7);
	assert_int_equal(settings->resources->unified_count, 3);
	settings_close(&reading);
}

/* An empty object can have a meaning: a container may have a resctrl group of its name. */
static void empty_objects_that_mean_something(void **state)
{
	struct reading reading =
	    settings_open("{\"process\":{\"capabilities\":{},\"user\":{\"uid\":0,\"gid\":0}},"
			  "\"linux\":{\"intelRdt\":{}}}",
			  HP_DIALECT_OCI);

	(void)state;
	assert_true(reading.settings->capabilities.is_set);
	assert_true(reading.settings->user.is_set);
	assert_int_equal(reading.settings->user.group_count, 0);
	assert_non_null(reading.settings->intel_rdt);
	assert_null(reading.settings->intel_rdt->clos_id);
	settings_close(&reading);
}

static void absent_settings_are_refused(void **state)
{
	struct hp_settings *settings = NULL;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;

	(void)state;
	assert_int_equal(
	    hp_settings_read((struct hp_json_value){0}, HP_DIALECT_OCI, &arena, &settings, &err),
	    -EINVAL);
	assert_string_equal(err.reason, "is required");
	assert_null(settings);
	hp_arena_free(&arena);
	assert_refused("[]", HP_DIALECT_OCI, "");
}

static void reasons_list_the_names_or_give_one(void **state)
{
	struct reading reading =
	    settings_try("{\"process\":{\"ioPriority\":{\"class\":\"x\"}}}", HP_DIALECT_OCI);

	(void)state;
	assert_string_equal(reading.document.err.reason,
			    "must be one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE");
	settings_close(&reading);
	reading =
	    settings_try("{\"process\":{\"capabilities\":{\"bounding\":[\"x\"]}}}", HP_DIALECT_OCI);
	assert_string_equal(reading.document.err.reason,
			    "must be the name of a capability, such as CAP_CHOWN");
	settings_close(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(process_has_all_its_fields),
	    cmocka_unit_test(rlimits_reach_infinity_in_each_spelling),
	    cmocka_unit_test(scheduling_has_all_its_fields),
	    cmocka_unit_test(linux_has_all_its_fields),
	    cmocka_unit_test(nothing_is_set_where_nothing_is_said),
	    cmocka_unit_test(unusual_values_are_taken),
	    cmocka_unit_test(empty_objects_that_mean_something),
	    cmocka_unit_test(absent_settings_are_refused),
	    cmocka_unit_test(reasons_list_the_names_or_give_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
