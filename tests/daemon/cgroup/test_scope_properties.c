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
static void tell_quota(uint64_t per_second_us, uint64_t period_us, struct scope_quota *quota)
{
	sd_bus_message *properties = new_message();

	assert_true(sd_bus_message_append(properties, "a{sv}", 3, "Description", "s", "box",
					  "CPUQuotaPerSecUSec", "t", per_second_us,
					  "CPUQuotaPeriodUSec", "t", period_us) >= 0);
	assert_true(sd_bus_message_seal(properties, 1, 0) >= 0);
	assert_true(scope_properties_read_quota(properties, quota) >= 0);
	sd_bus_message_unref(properties);
}

static void tell(const struct hp_resources *resources, const struct scope_quota *former)
{
	message = sd_bus_message_unref(message);
	message = new_message();
	assert_true(sd_bus_message_open_container(message, 'a', "(sv)") >= 0);
	assert_true(scope_properties_append_limits(message, resources, former) >= 0);
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

static void a_quota_alone_counts_in_the_period_that_is_there(void **state)
{
	const struct hp_resources resources = {.cpu.quota = {true, 25000}};
	struct scope_quota former;

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
	struct scope_quota former;

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
	const struct scope_quota none = SCOPE_QUOTA_NONE;
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
	const struct scope_quota none = SCOPE_QUOTA_NONE;
	static char texts[][2][24] = {
	    {"memory.high", "48M"},	{"memory.min", "4096"}, {"pids.max", "0"},
	    {"cpu.max", "25000 50000"}, {"cpu.weight", "7"},	{"memory.swap.max", "no number"},
	    {"io.weight", "default 5"},
	};
	struct hp_unified files[ELEMENTS(texts)];
	const struct hp_resources resources = {.unified = files, .unified_count = ELEMENTS(files)};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		files[i] = (struct hp_unified){texts[i][0], texts[i][1]};
	tell(&resources, &none);
	assert_int_equal(told("MemoryHigh"), 48 << 20);
	assert_int_equal(told("MemoryMin"), 4096);
	assert_int_equal(told("TasksMax"), 0); /* systemd does not accept 0 */
	assert_int_equal(told("CPUQuotaPeriodUSec"), 50000);
	assert_int_equal(told("CPUQuotaPerSecUSec"), 500000);
	assert_int_equal(told("CPUWeight"), 7);
	assert_int_equal(told("MemorySwapMax"), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_quota_alone_counts_in_the_period_that_is_there),
	    TEST(a_period_alone_leaves_the_quota_as_it_is),
	    TEST(no_limit_for_memory_is_none_for_swap),
	    TEST(files_that_are_named_are_told_too),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
