/* SPDX-License-Identifier: Apache-2.0 */

/* The limits of a cgroup in both dialects. */

#include "tests/proto/settings/settings_unit.h"

#define IS(number, expected)                                                                       \
	do {                                                                                       \
		assert_true((number).is_set);                                                      \
		assert_int_equal((number).value, expected);                                        \
	} while (0)

static void oci_memory_and_cpu(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_memory *memory = &reading.settings->resources->memory;
	const struct hp_cpu *cpu = &reading.settings->resources->cpu;

	(void)state;
	IS(memory->limit, 536870912);
	IS(memory->reservation, 268435456);
	IS(memory->swap, -1);
	IS(memory->kernel, -1);
	IS(memory->kernel_tcp, 0);
	IS(memory->swappiness, 0);
	assert_false(memory->disable_oom_killer.is_set); /* false is as none */
	IS(memory->use_hierarchy, true);
	IS(memory->check_before_update, true);
	IS(cpu->shares, 1024);
	assert_false(cpu->weight.is_set);
	IS(cpu->quota, -1);
	IS(cpu->burst, 0);
	IS(cpu->period, 100000);
	IS(cpu->realtime_runtime, 950000);
	IS(cpu->realtime_period, 1000000);
	assert_string_equal(cpu->cpus, "0-3");
	assert_string_equal(cpu->mems, "0");
	IS(cpu->idle, 0);
	settings_close(&reading);
}

static void oci_devices(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_resources *resources = reading.settings->resources;
	const struct hp_device_rule expected[] = {
	    {false, 'a', -1, -1, HP_DEVICE_READ | HP_DEVICE_WRITE | HP_DEVICE_MKNOD},
	    {true, 'c', 1, 3, HP_DEVICE_READ | HP_DEVICE_WRITE},
	    {true, 'b', 8, -1, HP_DEVICE_MKNOD},
	};

	(void)state;
	assert_int_equal(resources->device_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		const struct hp_device_rule *rule = &resources->devices[i];

		assert_int_equal(rule->allow, expected[i].allow);
		assert_int_equal(rule->type, expected[i].type);
		assert_int_equal(rule->major, expected[i].major);
		assert_int_equal(rule->minor, expected[i].minor);
		assert_int_equal(rule->access, expected[i].access);
	}
	settings_close(&reading);
}

static void oci_block_io(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_block_io *io = &reading.settings->resources->block_io;

	(void)state;
	IS(io->weight, 10);
	IS(io->leaf_weight, 10);
	assert_int_equal(io->weight_device_count, 1);
	assert_int_equal(io->weight_devices[0].major, 8);
	assert_int_equal(io->weight_devices[0].minor, 0);
	IS(io->weight_devices[0].weight, 500);
	IS(io->weight_devices[0].leaf_weight, 300);
	assert_int_equal(io->throttle_count[HP_THROTTLE_READ_BPS], 1);
	assert_true(io->throttle[HP_THROTTLE_READ_BPS][0].rate == UINT64_MAX);
	assert_int_equal(io->throttle_count[HP_THROTTLE_WRITE_BPS], 0);
	assert_int_equal(io->throttle[HP_THROTTLE_READ_IOPS][0].minor, 16);
	assert_int_equal(io->throttle[HP_THROTTLE_READ_IOPS][0].rate, 600);
	assert_int_equal(io->throttle_count[HP_THROTTLE_WRITE_IOPS], 1);
	assert_int_equal(io->throttle[HP_THROTTLE_WRITE_IOPS][0].rate, 0);
	settings_close(&reading);
}

/* Maps are sorted, in whatever order they were written. */
static void oci_lists_and_maps(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_resources *resources = reading.settings->resources;

	(void)state;
	assert_int_equal(resources->hugepage_limit_count, 2);
	assert_string_equal(resources->hugepage_limits[1].page_size, "1GB");
	assert_int_equal(resources->hugepage_limits[1].limit, 1073741824);
	IS(resources->network_class_id, 1048577);
	assert_int_equal(resources->network_priority_count, 1);
	assert_string_equal(resources->network_priorities[0].name, "eth0");
	assert_int_equal(resources->network_priorities[0].priority, 500);
	IS(resources->pids_limit, 0);
	assert_int_equal(resources->rdma_count, 2);
	assert_string_equal(resources->rdma[0].device, "mlx4_0");
	assert_false(resources->rdma[0].hca_handles.is_set);
	IS(resources->rdma[0].hca_objects, 1000);
	assert_string_equal(resources->rdma[1].device, "mlx5_1");
	IS(resources->rdma[1].hca_handles, 3);
	assert_int_equal(resources->unified_count, 3);
	assert_string_equal(resources->unified[0].file, "hugetlb.2MB.max");
	assert_string_equal(resources->unified[1].file, "io.max");
	assert_string_equal(resources->unified[1].value, "8:0 rbps=1");
	assert_string_equal(resources->unified[2].file, "memory.high");
	assert_int_equal(resources->freezer, HP_FREEZER_UNDEFINED);
	settings_close(&reading);
}

static void unified_writes_no_file_that_is_no_limit(void **state)
{
	static const char *const files[] = {
	    "cgroup.procs",  "cgroup.threads", "cgroup.kill", "cgroup.subtree_control",
	    "cgroup.freeze", "cgroup.type",    "a/b",	      "",
	    "memory max",    "memory.max\\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct reading reading;
		char text[128];

		snprintf(text, sizeof(text),
			 "{\"linux\":{\"resources\":{\"unified\":{\"%s\":\"1\"}}}}", files[i]);
		reading = settings_try(text, HP_DIALECT_OCI);
		if (reading.r != -EINVAL)
			fail_msg("'%s' was taken", files[i]);
		settings_close(&reading);
	}
}

static struct reading open_cgroup(const char *members)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"cgroups\":{%s}}", members);
	return settings_open(text, HP_DIALECT_LIBCONTAINER);
}

static void libcontainer_zeros_are_not_set(void **state)
{
	struct reading reading = open_cgroup(
	    "\"memory\":0,\"memory_swap\":0,\"cpu_shares\":0,\"cpu_quota\":0,\"pids_limit\":0,"
	    "\"cpu_weight\":0,\"blkio_weight\":0,\"oom_kill_disable\":false,\"cpuset_cpus\":\"\","
	    "\"freezer\":\"\",\"devices\":[],\"unified\":null,\"net_cls_classid_u\":0");

	(void)state;
	assert_null(reading.settings->resources);
	settings_close(&reading);
}

/* For a pointer in Go, 0 is a value. */
static void libcontainer_pointers_to_zero_are_set(void **state)
{
	struct reading reading =
	    open_cgroup("\"cpu_burst\":0,\"cpu_idle\":0,\"memory_swappiness\":0");
	const struct hp_resources *resources = reading.settings->resources;

	(void)state;
	assert_non_null(resources);
	IS(resources->cpu.burst, 0);
	IS(resources->cpu.idle, 0);
	IS(resources->memory.swappiness, 0);
	assert_round_trip(reading.settings);
	settings_close(&reading);
}

static void libcontainer_wildcard_has_no_numbers(void **state)
{
	struct reading reading =
	    open_cgroup("\"devices\":[{\"type\":97,\"major\":5,\"minor\":6,\"permissions\":\"r\","
			"\"allow\":true},{\"type\":98,\"permissions\":\"wr\"}]");
	const struct hp_device_rule *rules = reading.settings->resources->devices;

	(void)state;
	assert_int_equal(rules[0].major, -1);
	assert_int_equal(rules[0].minor, -1);
	assert_int_equal(rules[0].access, HP_DEVICE_READ | HP_DEVICE_WRITE | HP_DEVICE_MKNOD);
	assert_true(rules[0].allow);
	assert_int_equal(rules[1].type, 'b');
	assert_int_equal(rules[1].major, 0);
	assert_int_equal(rules[1].access, HP_DEVICE_READ | HP_DEVICE_WRITE);
	assert_false(rules[1].allow);
	assert_round_trip(reading.settings);
	settings_close(&reading);
}

/* ---- the device lists of before May 2020 ---- */

#define NULL_NODE                                                                                  \
	"{\"type\":99,\"path\":\"/dev/null\",\"major\":1,\"minor\":3,\"permissions\":\"rwm\","     \
	"\"file_mode\":438,\"uid\":0,\"gid\":0,\"allow\":"
#define KMSG_NODE "{\"type\":99,\"major\":1,\"minor\":11,\"permissions\":\"rw\",\"allow\":true}"

/* 'a' or '-' for all devices, a letter for an allowed one, "!" before a denied one. */
static void assert_device_rules(const char *members, const char *expected)
{
	struct reading reading = open_cgroup(members);
	const struct hp_resources *resources = reading.settings->resources;
	char text[64] = "";

	for (size_t i = 0; resources && i < resources->device_count; i++) {
		const struct hp_device_rule *rule = &resources->devices[i];

		if (rule->type == 'a') {
			assert_int_equal(rule->access, 7);
			assert_int_equal(rule->major, -1);
			assert_int_equal(rule->is_over_defaults, i > 0);
			strcat(text, rule->allow ? "a" : i > 0 ? "!a" : "-");
			continue;
		}
		assert_int_equal(rule->major, 1);
		assert_int_equal(rule->access, rule->minor == 3 ? 7 : 3);
		assert_int_equal(rule->is_over_defaults, !rule->allow);
		strcat(text, rule->allow ? "" : "!");
		strcat(text, rule->minor == 3 ? "n" : "k");
	}
	assert_string_equal(text, expected);
	assert_round_trip(reading.settings);
	settings_close(&reading);
}

static void old_device_lists_become_rules(void **state)
{
	(void)state;
	assert_device_rules("\"allow_all_devices\":false,\"devices\":null", "-");
	assert_device_rules("\"allow_all_devices\":true,\"devices\":[]", "a");
	assert_device_rules("\"allow_all_devices\":null,\"allowed_devices\":[],"
			    "\"denied_devices\":null",
			    "");
	assert_device_rules("\"allow_all_devices\":false,\"allowed_devices\":[" NULL_NODE
			    "false}," KMSG_NODE "]",
			    "-nk");
	assert_device_rules("\"denied_devices\":[" KMSG_NODE "]", "a!k");
	assert_device_rules("\"allow_all_devices\":true,\"denied_devices\":[" KMSG_NODE "]", "a!k");
	assert_device_rules("\"allow_all_devices\":false,\"allowed_devices\":[" NULL_NODE
			    "true}],\"denied_devices\":[" KMSG_NODE "]",
			    "-n!k");
	assert_device_rules("\"allow_all_devices\":true,\"allowed_devices\":[" KMSG_NODE "]", "ak");
	assert_device_rules("\"allow_all_devices\":true,\"allowed_devices\":[" KMSG_NODE
			    "],\"denied_devices\":[" NULL_NODE "false}," KMSG_NODE "]",
			    "ak!n!k");
	assert_device_rules("\"denied_devices\":[{\"type\":97}]", "a!a");
}

static void old_device_lists_that_nobody_can_have_meant(void **state)
{
	(void)state;
	assert_refused("{\"cgroups\":{\"allowed_devices\":[" KMSG_NODE "]}}",
		       HP_DIALECT_LIBCONTAINER, "cgroups.allowed_devices");
	assert_refused("{\"cgroups\":{\"devices\":[" KMSG_NODE "],\"denied_devices\":[" KMSG_NODE
		       "]}}",
		       HP_DIALECT_LIBCONTAINER, "cgroups.denied_devices");
	assert_refused("{\"cgroups\":{\"allow_all_devices\":false,\"allowed_devices\":[" KMSG_NODE
		       "],\"devices\":[" KMSG_NODE "]}}",
		       HP_DIALECT_LIBCONTAINER, "cgroups.allowed_devices");
	assert_refused("{\"cgroups\":{\"devices\":[" KMSG_NODE "],\"allow_all_devices\":false}}",
		       HP_DIALECT_LIBCONTAINER, "cgroups.allow_all_devices");
	assert_refused("{\"cgroups\":{\"denied_devices\":[{\"type\":99,\"major\":1,\"minor\":3}]}}",
		       HP_DIALECT_LIBCONTAINER, "cgroups.denied_devices[0].permissions");
}

/* With the rule for all devices they form one list, which is bounded. */
static void old_device_lists_are_bounded(void **state)
{
	static const char node[] = "{\"type\":99,\"major\":1,\"permissions\":\"r\"}";
	char *text = malloc(1024 * (sizeof(node) + 1) + 64);
	size_t length = (size_t)sprintf(text, "{\"cgroups\":{\"denied_devices\":[%s", node);

	(void)state;
	for (int i = 1; i < 1024; i++)
		length += (size_t)sprintf(text + length, ",%s", node);
	strcpy(text + length, "]}}");
	assert_refused(text, HP_DIALECT_LIBCONTAINER, "cgroups.denied_devices");
	free(text);
}

static void libcontainer_cgroup_has_one_path(void **state)
{
	static const struct {
		const char *members, *path;
	} cases[] = {
	    {"\"path\":\"/a/b\"", "/a/b"},
	    {"\"path\":\"\",\"name\":\"web\"", "web"},
	    {"\"parent\":\"pods\",\"name\":\"web\"", "pods/web"},
	    {"\"name\":\"web\",\"scope_prefix\":\"runc\",\"Systemd\":true", ":runc:web"},
	    {"\"parent\":\"a.slice\",\"name\":\"web\",\"scope_prefix\":\"cri\",\"Systemd\":true",
	     "a.slice:cri:web"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading reading = open_cgroup(cases[i].members);

		assert_string_equal(reading.settings->cgroups_path, cases[i].path);
		assert_false(reading.settings->rootless_cgroups);
		assert_round_trip(reading.settings);
		settings_close(&reading);
	}
}

/* Each part may be as long as a path; together they are one. */
static void libcontainer_path_is_bounded(void **state)
{
	static char text[9000], part[4001];

	(void)state;
	memset(part, 'x', sizeof(part) - 1);
	snprintf(text, sizeof(text), "{\"cgroups\":{\"parent\":\"%s\",\"name\":\"%s\"}}", part,
		 part);
	assert_refused(text, HP_DIALECT_LIBCONTAINER, "cgroups.name");
}

static void libcontainer_cgroup_knows_it_is_rootless(void **state)
{
	struct reading reading = open_cgroup("\"path\":\"/a\",\"Rootless\":true");

	(void)state;
	assert_true(reading.settings->rootless_cgroups);
	assert_round_trip(reading.settings);
	settings_close(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(oci_memory_and_cpu),
	    cmocka_unit_test(oci_devices),
	    cmocka_unit_test(oci_block_io),
	    cmocka_unit_test(oci_lists_and_maps),
	    cmocka_unit_test(unified_writes_no_file_that_is_no_limit),
	    cmocka_unit_test(libcontainer_zeros_are_not_set),
	    cmocka_unit_test(libcontainer_pointers_to_zero_are_set),
	    cmocka_unit_test(libcontainer_wildcard_has_no_numbers),
	    cmocka_unit_test(old_device_lists_become_rules),
	    cmocka_unit_test(old_device_lists_that_nobody_can_have_meant),
	    cmocka_unit_test(old_device_lists_are_bounded),
	    cmocka_unit_test(libcontainer_cgroup_has_one_path),
	    cmocka_unit_test(libcontainer_path_is_bounded),
	    cmocka_unit_test(libcontainer_cgroup_knows_it_is_rootless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
