/* SPDX-License-Identifier: Apache-2.0 */

/* cgroup/scope_properties: the properties sent to systemd agree with the cgroup's files. */

#include <inttypes.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "daemon/cgroup/scope_properties.h"
#include "tests/daemon/support/support.h"

static sd_bus *bus;
static sd_bus_message *message;

static int begin(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sd_bus_new(&bus), 0);
	assert_true(sd_bus_set_fd(bus, ends[0], ends[0]) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	close(ends[1]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	message = sd_bus_message_unref(message);
	bus = sd_bus_unref(bus);
	return 0;
}

static sd_bus_message *new_message(void)
{
	sd_bus_message *made;

	assert_true(sd_bus_message_new_method_call(bus, &made, "a.b", "/a", "a.b", "C") >= 0);
	return made;
}

/* A reply of GetAll. */
static void tell_quota(uint64_t per_second_us, uint64_t period_us, struct scope_cpu *quota)
{
	sd_bus_message *properties = new_message();

	assert_true(sd_bus_message_append(properties, "a{sv}", 3, "Description", "s", "box",
					  "CPUQuotaPerSecUSec", "t", per_second_us,
					  "CPUQuotaPeriodUSec", "t", period_us) >= 0);
	assert_true(sd_bus_message_seal(properties, 1, 0) >= 0);
	assert_true(scope_properties_read_cpu(properties, quota) >= 0);
	sd_bus_message_unref(properties);
}

static bool has_bfq;

static void tell(const struct hp_resources *resources, const struct scope_cpu *former)
{
	message = sd_bus_message_unref(message);
	message = new_message();
	assert_true(sd_bus_message_open_container(message, 'a', "(sv)") >= 0);
	assert_true(scope_properties_append_limits(message, resources, former, has_bfq) >= 0);
	assert_true(sd_bus_message_close_container(message) >= 0);
	assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
}

/* 0: the property was not sent. */
static uint64_t told(const char *property)
{
	uint64_t value = 0;
	const char *name;

	assert_true(sd_bus_message_rewind(message, 1) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "(sv)") >= 0);
	while (sd_bus_message_enter_container(message, 'r', "sv") > 0) {
		assert_true(sd_bus_message_read(message, "s", &name) >= 0);
		if (strcmp(name, property) == 0)
			assert_true(sd_bus_message_read(message, "v", "t", &value) >= 0);
		else
			assert_true(sd_bus_message_skip(message, "v") >= 0);
		assert_true(sd_bus_message_exit_container(message) >= 0);
	}
	return value;
}

/* The last mask that was sent, and its length; 0: none. */
static size_t told_mask(const char *property, uint8_t ret_mask[static 1024])
{
	const char *name;
	const void *bytes;
	size_t length, found = 0;

	assert_true(sd_bus_message_rewind(message, 1) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "(sv)") >= 0);
	while (sd_bus_message_enter_container(message, 'r', "sv") > 0) {
		assert_true(sd_bus_message_read(message, "s", &name) >= 0);
		if (strcmp(name, property) == 0) {
			assert_true(sd_bus_message_enter_container(message, 'v', "ay") >= 0);
			assert_true(sd_bus_message_read_array(message, 'y', &bytes, &length) >= 0);
			assert_true(length <= 1024);
			memcpy(ret_mask, bytes, length);
			found = length;
			assert_true(sd_bus_message_exit_container(message) >= 0);
		} else {
			assert_true(sd_bus_message_skip(message, "v") >= 0);
		}
		assert_true(sd_bus_message_exit_container(message) >= 0);
	}
	return found;
}

/* The last value for a device, which an empty list takes away. 0: none was sent. */
static uint64_t told_device(sd_bus_message *sent, const char *property, const char *device)
{
	uint64_t value, found = 0;
	const char *name, *path;

	assert_true(sd_bus_message_rewind(sent, 1) >= 0);
	assert_true(sd_bus_message_enter_container(sent, 'a', "(sv)") >= 0);
	while (sd_bus_message_enter_container(sent, 'r', "sv") > 0) {
		assert_true(sd_bus_message_read(sent, "s", &name) >= 0);
		if (strcmp(name, property) == 0) {
			bool is_empty = true;

			assert_true(sd_bus_message_enter_container(sent, 'v', "a(st)") >= 0);
			assert_true(sd_bus_message_enter_container(sent, 'a', "(st)") >= 0);
			while (sd_bus_message_read(sent, "(st)", &path, &value) > 0) {
				is_empty = false;
				found = strcmp(path, device) == 0 ? value : found;
			}
			found = is_empty ? 0 : found;
			assert_true(sd_bus_message_exit_container(sent) >= 0);
			assert_true(sd_bus_message_exit_container(sent) >= 0);
		} else {
			assert_true(sd_bus_message_skip(sent, "v") >= 0);
		}
		assert_true(sd_bus_message_exit_container(sent) >= 0);
	}
	return found;
}

static void a_quota_alone_counts_in_the_period_that_is_there(void **state)
{
	const struct hp_resources resources = {.cpu.quota = {true, 25000}};
	struct scope_cpu former;

	(void)state;
	tell_quota(UINT64_MAX, 50000, &former);
	tell(&resources, &former);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 500000);
	assert_int_equal(told("CPUQuotaPeriodUSec"), 0);
	tell_quota(UINT64_MAX, UINT64_MAX, &former);
	tell(&resources, &former);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 250000);
}

static void a_period_alone_leaves_the_quota_as_it_is(void **state)
{
	const struct hp_resources resources = {.cpu.period = {true, 50000}};
	struct scope_cpu former;

	(void)state;
	tell_quota(250000, 100000, &former);
	tell(&resources, &former);
	assert_int_equal(told("CPUQuotaPeriodUSec"), 50000);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 500000);
	tell_quota(UINT64_MAX, 100000, &former);
	tell(&resources, &former);
	assert_int_equal(told("CPUQuotaPeriodUSec"), 50000);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 0);
}

static void no_limit_for_memory_is_none_for_swap(void **state)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	struct hp_resources resources = {.memory.limit = {true, -1}};

	(void)state;
	tell(&resources, &none);
	assert_true(told("MemoryMax") == UINT64_MAX);
	assert_true(told("MemorySwapMax") == UINT64_MAX);
	resources.memory.limit.value = 1 << 26;
	tell(&resources, &none);
	assert_int_equal(told("MemorySwapMax"), 0);
}

/* Else systemd overwrites it when another limit of that controller is set. */
static void files_that_are_named_are_told_too(void **state)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	static char texts[][2][24] = {
	    {"memory.high", "48M"},	{"memory.min", "4096"}, {"pids.max", "0"},
	    {"cpu.max", "25000 50000"}, {"cpu.weight", "7"},	{"memory.swap.max", "no number"},
	    {"memory.max", "0"},
	};
	struct hp_unified files[ELEMENTS(texts)];
	const struct hp_resources resources = {.unified = files, .unified_count = ELEMENTS(files)};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		files[i] = (struct hp_unified){texts[i][0], texts[i][1]};
	tell(&resources, &none);
	assert_int_equal(told("MemoryHigh"), 48 << 20);
	assert_int_equal(told("MemoryMin"), 4096);
	assert_int_equal(told("TasksMax"), 1); /* systemd does not accept 0 */
	assert_int_equal(told("MemoryMax"), 1);
	assert_int_equal(told("CPUQuotaPeriodUSec"), 50000);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 500000);
	assert_int_equal(told("CPUWeight"), 7);
	assert_int_equal(told("MemorySwapMax"), 0);
}

/* What the kernel (6.12) shows after such a text was written. */
static void numbers_are_told_as_the_kernel_reads_them(void **state)
{
	static char rows[][3][24] = {
	    {"memory.max", "0x4000000", "MemoryMax"}, {"memory.max", " 67108864", "MemoryMax"},
	    {"memory.max", "67108864 ", "MemoryMax"}, {"memory.max", "0400000000", "MemoryMax"},
	    {"memory.max", "64m", "MemoryMax"},	      {"memory.high", "0200000000", "MemoryHigh"},
	    {"memory.min", "0x100000", "MemoryMin"},  {"memory.low", "1P", "MemoryLow"},
	    {"memory.low", "2e", "MemoryLow"},	      {"memory.swap.max", "0x10", "MemorySwapMax"},
	    {"pids.max", "0x20", "TasksMax"},	      {"pids.max", "040", "TasksMax"},
	    {"pids.max", "+40", "TasksMax"},	      {"pids.max", " 33 ", "TasksMax"},
	    {"pids.max", " max ", "TasksMax"},	      {"cpu.weight", "0100", "CPUWeight"},
	    {"cpu.weight", "+7", "CPUWeight"},	      {"cpu.weight.nice", "5", "CPUWeight"},
	    {"cpu.weight.nice", "-20", "CPUWeight"},  {"cpu.weight.nice", "0x13", "CPUWeight"},
	    {"cpu.weight.nice", "0", "CPUWeight"},
	};
	static const uint64_t values[ELEMENTS(rows)] = {
	    67108864,	67108864,   67108864, 67108864, 67108864, 33554432, 1048576,
	    1ULL << 50, 2ULL << 60, 16,	      32,	32,	  40,	    33,
	    UINT64_MAX, 64,	    7,	      33,	8668,	  1,	    100};
	const struct scope_cpu none = SCOPE_CPU_NONE;
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct hp_unified file = {rows[i][0], rows[i][1]};
		const struct hp_resources resources = {.unified = &file, .unified_count = 1};

		if (scope_properties_check(&resources, &err) < 0)
			fail_msg("%s \"%s\": %s", rows[i][0], rows[i][1], err.reason);
		tell(&resources, &none);
		if (told(rows[i][2]) != values[i])
			fail_msg("%s \"%s\": %" PRIu64, rows[i][0], rows[i][1], told(rows[i][2]));
	}
}

/* They would be in the cgroup's file only, until systemd writes it. */
static void what_systemd_cannot_be_told_is_refused(void **state)
{
	static char rows[][2][32] = {
	    {"memory.max", "no number"},
	    {"memory.max", "+5"},
	    {"memory.max", "-5"},
	    {"memory.max", "5 M"},
	    {"memory.max", "5MB"},
	    {"memory.max", "08"},
	    {"memory.max", "0x"},
	    {"memory.max", "0b1"},
	    {"memory.max", "M"},
	    {"memory.max", " "},
	    {"memory.max", "16E"},
	    {"memory.max", "18446744073709551616"},
	    {"memory.max", "Max"},
	    {"pids.max", "-1"},
	    {"pids.max", "9223372036854775808"},
	    {"pids.max", "5\nfive"},
	    {"cpu.weight", " 5"},
	    {"cpu.weight", "idle"},
	    {"cpu.weight.nice", "20"},
	    {"cpu.weight.nice", "-21"},
	    {"cpu.weight.nice", "--1"},
	    {"cpu.idle", "2"},
	    {"cpu.max", "0x5000 100000"},
	    {"cpu.max", "-1"},
	    {"cpuset.cpus", "N"},
	    {"cpuset.mems", "all"},
	    {"io.max", "8:0 rbps=0x10"},
	    {"io.max", "8:0 rbps=5 depth=3"},
	    {"io.max", "rbps=5"},
	    {"io.weight", "8:0 default"},
	    {"io.bfq.weight", "0100"},
	};
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct hp_unified file = {rows[i][0], rows[i][1]};
		const struct hp_resources resources = {.unified = &file, .unified_count = 1};
		char path[64];

		if (scope_properties_check(&resources, &err) != -EINVAL)
			fail_msg("%s \"%s\" was not refused", rows[i][0], rows[i][1]);
		snprintf(path, sizeof(path), "unified.%.40s", rows[i][0]);
		assert_string_equal(err.path, path);
		assert_true(err.reason[0]);
	}
	assert_int_equal(
	    scope_properties_check(&(struct hp_resources){.cpu.cpus = (char *)"N"}, &err), -EINVAL);
	assert_string_equal(err.path, "cpu.cpus");
}

static void values_without_a_property_are_not_checked(void **state)
{
	struct hp_unified files[] = {{(char *)"memory.oom.group", (char *)"x"},
				     {(char *)"io.max", (char *)"8:0 rbps=max\n8:1 wiops=7"},
				     {(char *)"cpu.idle", (char *)"1\n"},
				     {(char *)"cpu.max", (char *)"max 50000"}};
	const struct hp_resources resources = {.unified = files, .unified_count = ELEMENTS(files)};
	struct hp_err err;

	(void)state;
	assert_int_equal(scope_properties_check(&resources, &err), 0);
}

static void end_of_idle_is_told(void **state)
{
	const struct scope_cpu idle = {UINT64_MAX, 100000, 0}, usual = SCOPE_CPU_NONE;
	struct hp_resources resources = {.cpu.idle = {true, 1}};

	(void)state;
	tell(&resources, &usual);
	resources.cpu.idle.value = 0;
	tell(&resources, &idle);
	assert_true(told("CPUWeight") == UINT64_MAX);
	tell(&resources, &usual);
	assert_int_equal(told("CPUWeight"), 0); /* not sent */
	resources.cpu.weight = (struct hp_uint){true, 9};
	tell(&resources, &idle);
	assert_int_equal(told("CPUWeight"), 9);
}

static void limits_of_devices_are_told(void **state)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	struct hp_throttle_device rates[] = {{8, 0, 1024}, {259, 3, 77}};
	struct hp_weight_device weights[] = {{.major = 8, .minor = 16, .weight = {true, 500}}};
	struct hp_resources resources = {.block_io = {.weight = {true, 500},
						      .weight_devices = weights,
						      .weight_device_count = 1}};

	(void)state;
	for (int kind = 0; kind < HP_THROTTLE_COUNT; kind++) {
		resources.block_io.throttle[kind] = rates;
		resources.block_io.throttle_count[kind] = 2;
	}
	tell(&resources, &none);
	assert_int_equal(told("IOWeight"), 4950);
	assert_int_equal(told_device(message, "IODeviceWeight", "/dev/block/8:16"), 4950);
	assert_int_equal(told_device(message, "IOReadBandwidthMax", "/dev/block/8:0"), 1024);
	assert_int_equal(told_device(message, "IOWriteBandwidthMax", "/dev/block/259:3"), 77);
	assert_int_equal(told_device(message, "IOReadIOPSMax", "/dev/block/8:0"), 1024);
	assert_int_equal(told_device(message, "IOWriteIOPSMax", "/dev/block/259:3"), 77);
	has_bfq = true;
	tell(&resources, &none);
	has_bfq = false;
	/* systemd writes 100 + (4500 - 100) * 900 / 9900 to io.bfq.weight. */
	assert_int_equal(told("IOWeight"), 4500);
	assert_int_equal(told_device(message, "IODeviceWeight", "/dev/block/8:16"), 4500);
}

static void files_of_devices_are_told_line_by_line(void **state)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	static char texts[][2][64] = {
	    {"io.max", "8:0 rbps=2097152 wiops=120\n259:0 wbps=max riops=7"},
	    {"io.weight", "default 200\n8:0 300"},
	    {"io.latency", "8:0 target=750"},
	    {"io.max", "8:16 nothing=1"},
	    {"cpu.idle", "1"},
	};
	struct hp_unified files[ELEMENTS(texts)];
	const struct hp_resources resources = {.unified = files, .unified_count = ELEMENTS(files)};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		files[i] = (struct hp_unified){texts[i][0], texts[i][1]};
	tell(&resources, &none);
	assert_int_equal(told_device(message, "IOReadBandwidthMax", "/dev/block/8:0"), 2097152);
	assert_int_equal(told_device(message, "IOWriteIOPSMax", "/dev/block/8:0"), 120);
	assert_true(told_device(message, "IOWriteBandwidthMax", "/dev/block/259:0") == UINT64_MAX);
	assert_int_equal(told_device(message, "IOReadIOPSMax", "/dev/block/259:0"), 7);
	assert_int_equal(told("IOWeight"), 200);
	assert_int_equal(told_device(message, "IODeviceWeight", "/dev/block/8:0"), 300);
	assert_int_equal(told_device(message, "IODeviceLatencyTargetUSec", "/dev/block/8:0"), 750);
}

/* A device that only the failed Update has named must lose its limit. */
static void former_limits_of_devices_replace_new_ones(void **state)
{
	sd_bus_message *properties = new_message(), *sent = new_message();

	(void)state;
	assert_true(sd_bus_message_append(properties, "a{sv}", 3, "IOWeight", "t", UINT64_C(5),
					  "IOReadBandwidthMax", "a(st)", 1, "/dev/block/8:0",
					  UINT64_C(9), "IOReadIOPSMax", "a(st)", 0) >= 0);
	assert_true(sd_bus_message_seal(properties, 1, 0) >= 0);
	assert_true(sd_bus_message_open_container(sent, 'a', "(sv)") >= 0);
	assert_true(sd_bus_message_append(sent, "(sv)(sv)", "IOReadBandwidthMax", "a(st)", 1,
					  "/dev/block/8:1", UINT64_C(1), "IOReadIOPSMax", "a(st)",
					  1, "/dev/block/8:1", UINT64_C(1)) >= 0);
	assert_true(scope_properties_copy_limits(sent, properties) >= 0);
	assert_true(sd_bus_message_close_container(sent) >= 0);
	assert_true(sd_bus_message_seal(sent, 1, 0) >= 0);
	assert_int_equal(told_device(sent, "IOReadBandwidthMax", "/dev/block/8:0"), 9);
	assert_int_equal(told_device(sent, "IOReadIOPSMax", "/dev/block/8:1"), 0);
	sd_bus_message_unref(sent);
	sd_bus_message_unref(properties);
}

/* systemd takes masks of any length. */
static void a_mask_is_as_long_as_its_greatest_number(void **state)
{
	static const struct {
		const char *list;
		unsigned int greatest;
	} rows[] = {{"0", 0},	      {"7", 7},
		    {"8", 8},	      {"0-3,1023", 1023},
		    {"1024", 1024},   {"0, 2000-2001", 2001},
		    {"8191,5", 8191}, {"0-8191:1/8", 8184}};
	const struct scope_cpu none = SCOPE_CPU_NONE;
	uint8_t mask[1024];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct hp_resources resources = {.cpu.cpus = (char *)rows[i].list,
						 .cpu.mems = (char *)rows[i].list};

		tell(&resources, &none);
		assert_int_equal(told_mask("AllowedCPUs", mask), rows[i].greatest / 8 + 1);
		assert_true(mask[rows[i].greatest / 8] >> rows[i].greatest % 8 & 1);
		assert_int_equal(told_mask("AllowedMemoryNodes", mask), rows[i].greatest / 8 + 1);
	}
	tell(&(struct hp_resources){.cpu.cpus = (char *)"0,2000-2001"}, &none);
	assert_int_equal(told_mask("AllowedCPUs", mask), 251);
	assert_int_equal(mask[0], 1);
	assert_int_equal(mask[249], 0);
	assert_int_equal(mask[250], 3);
	/* The kernel refuses it when the file is written. */
	tell(&(struct hp_resources){.cpu.cpus = (char *)"8192"}, &none);
	assert_int_equal(told_mask("AllowedCPUs", mask), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_quota_alone_counts_in_the_period_that_is_there),
	    TEST(a_period_alone_leaves_the_quota_as_it_is),
	    TEST(no_limit_for_memory_is_none_for_swap),
	    TEST(files_that_are_named_are_told_too),
	    TEST(numbers_are_told_as_the_kernel_reads_them),
	    TEST(what_systemd_cannot_be_told_is_refused),
	    TEST(values_without_a_property_are_not_checked),
	    TEST(end_of_idle_is_told),
	    TEST(limits_of_devices_are_told),
	    TEST(files_of_devices_are_told_line_by_line),
	    TEST(former_limits_of_devices_replace_new_ones),
	    TEST(a_mask_is_as_long_as_its_greatest_number),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
