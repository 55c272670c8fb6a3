/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings in libcontainer's dialect, of 2020 and of today, read and written. The Configs are the
 * requests of tests/data/ok.
 */

#include "tests/proto/settings/settings_unit.h"

#include <sched.h>
#include <sys/resource.h>

static void todays_config_has_all_its_fields(void **state)
{
	struct reading reading =
	    settings_open_data("settings-libcontainer-of-today", HP_DIALECT_LIBCONTAINER);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_false(settings->user.is_set);
	assert_int_equal(settings->parent_death_signal, 9);
	assert_int_equal(settings->umask.value, 022);
	assert_int_equal(settings->namespace_count, 3);
	assert_int_equal(settings->namespaces[1].type, CLONE_NEWNET);
	assert_string_equal(settings->namespaces[1].path, "/run/netns/web");
	assert_true(settings->capabilities.sets[HP_CAPABILITIES_BOUNDING] == 1ull << 5);
	assert_string_equal(settings->apparmor_profile, "docker-default");
	assert_string_equal(settings->selinux_label, "a:b:c:d");
	assert_int_equal(settings->rlimit_count, 1);
	assert_int_equal(settings->rlimits[0].resource, RLIMIT_NOFILE);
	assert_true(settings->rlimits[0].hard == UINT64_MAX);
	assert_int_equal(settings->oom_score_adj.value, 500);
	assert_true(settings->no_new_privileges);
	assert_true(settings->no_new_keyring);
	assert_true(settings->rootless_euid);
	assert_true(settings->rootless_cgroups);
	assert_string_equal(settings->cgroups_path, "system.slice:docker:web-1");
	assert_string_equal(settings->intel_rdt->clos_id, "g");
	assert_string_equal(settings->intel_rdt->mem_bw_schema, "MB:0=10");
	settings_close(&reading);
}

static void todays_scheduling_has_all_its_fields(void **state)
{
	struct reading reading =
	    settings_open_data("settings-libcontainer-of-today", HP_DIALECT_LIBCONTAINER);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_int_equal(settings->scheduler.policy, SCHED_RR);
	assert_int_equal(settings->scheduler.priority, 1);
	assert_true(settings->personality.is_set);
	assert_int_equal(settings->personality.value, 0);
	assert_int_equal(settings->io_priority.io_class, 1);
	assert_false(settings->cpu_affinity_initial.is_set);
	assert_true(settings->cpu_affinity_final.is_set);
	assert_int_equal(settings->cpu_affinity_final.words[0], 15);
	assert_int_equal(settings->memory_policy.mode, 3);
	assert_int_equal(settings->memory_policy.flags, 1 << 15);
	assert_int_equal(settings->memory_policy.nodes.words[0], 3);
	settings_close(&reading);
}

static void todays_resources_have_all_their_fields(void **state)
{
	struct reading reading =
	    settings_open_data("settings-libcontainer-of-today", HP_DIALECT_LIBCONTAINER);
	const struct hp_resources *resources = reading.settings->resources;

	(void)state;
	assert_int_equal(resources->device_count, 2);
	assert_int_equal(resources->memory.limit.value, 536870912);
	assert_int_equal(resources->memory.reservation.value, 1);
	assert_int_equal(resources->memory.swap.value, -1);
	assert_true(resources->memory.disable_oom_killer.value);
	assert_true(resources->memory.check_before_update.value);
	assert_int_equal(resources->cpu.shares.value, 1024);
	assert_int_equal(resources->cpu.weight.value, 100);
	assert_int_equal(resources->cpu.quota.value, 50000);
	assert_int_equal(resources->cpu.period.value, 100000);
	assert_int_equal(resources->cpu.realtime_runtime.value, 1);
	assert_int_equal(resources->cpu.realtime_period.value, 2);
	assert_string_equal(resources->cpu.cpus, "0-1");
	assert_string_equal(resources->cpu.mems, "0");
	assert_int_equal(resources->pids_limit.value, 100);
	assert_int_equal(resources->block_io.weight.value, 10);
	assert_int_equal(resources->block_io.leaf_weight.value, 20);
	assert_int_equal(resources->block_io.weight_devices[0].weight.value, 500);
	assert_false(resources->block_io.weight_devices[0].leaf_weight.is_set);
	for (int i = 0; i < HP_THROTTLE_COUNT; i++)
		assert_int_equal(resources->block_io.throttle[i][0].rate, i + 1);
	assert_int_equal(resources->freezer, HP_FREEZER_FROZEN);
	assert_string_equal(resources->hugepage_limits[0].page_size, "2MB");
	assert_int_equal(resources->network_class_id.value, 7);
	assert_string_equal(resources->network_priorities[0].name, "eth0");
	assert_int_equal(resources->rdma[0].hca_handles.value, 3);
	assert_string_equal(resources->unified[0].value, "max");
	settings_close(&reading);
}

static void config_of_2020_is_read(void **state)
{
	struct reading reading =
	    settings_open_data("settings-libcontainer-of-2020", HP_DIALECT_LIBCONTAINER);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_false(settings->umask.is_set);
	assert_string_equal(settings->cgroups_path, "/web-1");
	assert_int_equal(settings->resources->device_count, 1);
	assert_int_equal(settings->resources->devices[0].major, -1);
	assert_false(settings->resources->memory.limit.is_set);
	assert_false(settings->resources->pids_limit.is_set);
	assert_string_equal(settings->intel_rdt->l3_cache_schema, "L3:0=f");
	assert_string_equal(settings->intel_rdt->mem_bw_schema, "MB:0=10");
	assert_int_equal(settings->seccomp->default_action, HP_SECCOMP_ALLOW);
	assert_false(settings->no_new_keyring);
	assert_round_trip(settings);
	settings_close(&reading);
}

/* A pointer since 2025, when runc began to leave out what is not set; before, 0 was no limit. */
static void limit_of_no_pids_is_told_from_none(void **state)
{
	static const struct {
		const char *text;
		bool is_limit;
	} rows[] = {
	    {"{\"cgroups\":{\"path\":\"/x\",\"pids_limit\":0}}", true},
	    {"{\"cgroups\":{\"pids_limit\":0,\"cpu_burst\":0,\"cpu_idle\":0,\"owner_uid\":0}}",
	     true},
	    {"{\"cgroups\":{\"cpuset_cpus\":\"0\",\"cpuset_mems\":\"0\",\"pids_limit\":0}}", true},
	    {"{\"cgroups\":{\"pids_limit\":0,\"memory\":1,\"Systemd\":true,\"cpu_quota\":-1}}",
	     true},
	    {"{\"cgroups\":{\"pids_limit\":0,\"memory\":0}}", false},
	    {"{\"cgroups\":{\"pids_limit\":0,\"cpu_quota\":0,\"cpuset_cpus\":\"0\"}}", false},
	    {"{\"cgroups\":{\"pids_limit\":0,\"devices\":null}}", false},
	    {"{\"cgroups\":{\"pids_limit\":0,\"oom_kill_disable\":false}}", false},
	    {"{\"cgroups\":{\"cpuset_cpus\":\"\",\"pids_limit\":0}}", false},
	    {"{\"cgroups\":{\"path\":\"/x\",\"pids_limit\":null}}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reading reading = settings_open(rows[i].text, HP_DIALECT_LIBCONTAINER);
		const struct hp_resources *resources = reading.settings->resources;

		if ((resources && resources->pids_limit.is_set) != rows[i].is_limit)
			fail_msg("%s", rows[i].text);
		assert_round_trip(reading.settings);
		settings_close(&reading);
	}
}

/* What runc's users write, and runc takes. */
static void unusual_values_are_taken(void **state)
{
	struct reading reading =
	    settings_open("{\"cgroups\":{\"memory_swappiness\":-1,\"memory\":7,\"unified\":{"
			  "\"io.max\":\"8:0 rbps=1\\n8:16 rbps=2\\n\"},\"cpuset_cpus\":\"0, 1\"},"
			  "\"io_priority\":{\"class\":\"IOPRIO_CLASS_IDLE\"}}",
			  HP_DIALECT_LIBCONTAINER);
	const struct hp_settings *settings = reading.settings;

	(void)state;
	assert_false(settings->resources->memory.swappiness.is_set);
	assert_string_equal(settings->resources->unified[0].value, "8:0 rbps=1\n8:16 rbps=2\n");
	assert_string_equal(settings->resources->cpu.cpus, "0, 1");
	assert_int_equal(settings->io_priority.priority, 0);
	assert_round_trip(settings);
	settings_close(&reading);
}

/* ---- writing ---- */

static void written_configs_come_back(void **state)
{
	static const char *const names[] = {
	    "settings-libcontainer-of-today",
	    "settings-libcontainer-empty",
	    "settings-libcontainer-seccomp-that-says-nothing",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct reading reading = settings_open_data(names[i], HP_DIALECT_LIBCONTAINER);

		assert_round_trip(reading.settings);
		settings_close(&reading);
	}
}

static void oci_turns_into_libcontainer(void **state)
{
	struct reading reading = settings_open(
	    "{\"process\":{\"noNewPrivileges\":true,\"rlimits\":[{\"type\":"
	    "\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":-1}],\"capabilities\":"
	    "{\"bounding\":[\"CAP_KILL\"]},\"execCPUAffinity\":{\"final\":\"0\"}},"
	    "\"linux\":{\"cgroupsPath\":\"/a\",\"resources\":{\"memory\":{\"limit\":7,"
	    "\"disableOOMKiller\":false}},\"personality\":{\"domain\":\"LINUX32\"},"
	    "\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"}]}}",
	    HP_DIALECT_OCI);
	char *text = settings_written(reading.settings);

	(void)state;
	assert_string_equal(
	    text, "{\"namespaces\":[{\"type\":\"NEWNET\",\"path\":\"/n\"}],\"capabilities\":"
		  "{\"Bounding\":[\"CAP_KILL\"]},\"cgroups\":{\"path\":\"/a\",\"memory\":7},"
		  "\"rlimits\":[{\"type\":7,\"hard\":18446744073709551615,\"soft\":1}],"
		  "\"no_new_privileges\":true,\"personality\":{\"domain\":8},"
		  "\"exec_cpu_affinity\":{\"Final\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}");
	free(text);
	assert_round_trip(reading.settings);
	settings_close(&reading);
}

static void what_libcontainer_cannot_say_is_not_written(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"{\"process\":{\"user\":{\"uid\":0,\"gid\":0}}}", "process.user"},
	    {"{\"linux\":{\"resources\":{\"memory\":{\"limit\":0}}}}", "cgroups.memory"},
	    {"{\"linux\":{\"resources\":{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,"
	     "\"weight\":0}]}}}}",
	     "cgroups.blkio_weight_device[0].weight"},
	    {"{\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"r\"}]}}}",
	     "cgroups.devices[0].type"},
	    {"{\"linux\":{\"resources\":{\"memory\":{\"useHierarchy\":true}}}}",
	     "cgroups.useHierarchy"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading reading = settings_open(cases[i].text, HP_DIALECT_OCI);
		struct hp_buf buf = HP_BUF_INIT;
		struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
		struct hp_err err;

		assert_int_equal(hp_settings_write(&writer, reading.settings, &err), -ENOTSUP);
		assert_string_equal(err.path, cases[i].path);
		hp_buf_free(&buf);
		settings_close(&reading);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(todays_config_has_all_its_fields),
	    cmocka_unit_test(todays_scheduling_has_all_its_fields),
	    cmocka_unit_test(todays_resources_have_all_their_fields),
	    cmocka_unit_test(config_of_2020_is_read),
	    cmocka_unit_test(limit_of_no_pids_is_told_from_none),
	    cmocka_unit_test(unusual_values_are_taken),
	    cmocka_unit_test(written_configs_come_back),
	    cmocka_unit_test(oci_turns_into_libcontainer),
	    cmocka_unit_test(what_libcontainer_cannot_say_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
