/* SPDX-License-Identifier: Apache-2.0 */

/* cgroup/scope_annotation: texts of GVariant become properties, as runc reads them. */

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "daemon/cgroup/scope_annotation.h"
#include "tests/daemon/support/support.h"

static sd_bus *bus;

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
	bus = sd_bus_unref(bus);
	return 0;
}

/* The property that is sent for the annotation, open before its value. */
static sd_bus_message *sent(const char *name, const char *value, const char **ret_name)
{
	const struct hp_systemd_property property = {(char *)name, (char *)value};
	sd_bus_message *message;
	struct hp_err err = {0};

	if (scope_annotation_check(&property, &err) < 0)
		fail_msg("%s: %s", value, err.reason);
	assert_true(sd_bus_message_new_method_call(bus, &message, "a.b", "/a", "a.b", "C") >= 0);
	assert_true(sd_bus_message_open_container(message, 'a', "(sv)") >= 0);
	assert_true(scope_annotation_append(message, &property) >= 0);
	assert_true(sd_bus_message_close_container(message) >= 0);
	assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "(sv)") > 0);
	assert_true(sd_bus_message_enter_container(message, 'r', "sv") > 0);
	assert_true(sd_bus_message_read(message, "s", ret_name) > 0);
	return message;
}

static void expect_number(const char *name, const char *value, const char *sent_name, char type,
			  uint64_t number)
{
	const char types[] = {type, '\0'}, *found;
	sd_bus_message *message = sent(name, value, &found);
	uint64_t read = 0;

	assert_string_equal(found, sent_name);
	if (sd_bus_message_read(message, "v", types, &read) <= 0)
		fail_msg("%s is not of the type %c", value, type);
	assert_true(read == number);
	sd_bus_message_unref(message);
}

static void numbers_have_their_types(void **state)
{
	(void)state;
	expect_number("MemoryHigh", "uint64 33554432", "MemoryHigh", 't', 33554432);
	expect_number("MemoryHigh", "@t 33554432", "MemoryHigh", 't', 33554432);
	expect_number("MemoryHigh", "uint64 0xffffffffffffffff", "MemoryHigh", 't', UINT64_MAX);
	expect_number("OOMScore", "-5", "OOMScore", 'i', (uint32_t)-5);
	expect_number("OOMScore", "  7 ", "OOMScore", 'i', 7);
	expect_number("OOMScore", "uint32 4294967295", "OOMScore", 'u', UINT32_MAX);
	expect_number("OOMScore", "int16 -1", "OOMScore", 'n', UINT16_MAX);
	expect_number("OOMScore", "byte 255", "OOMScore", 'y', 255);
	expect_number("SendSIGHUP", "true", "SendSIGHUP", 'b', 1);
	expect_number("SendSIGHUP", "false", "SendSIGHUP", 'b', 0);
}

/* As in systemd's files: TimeoutStopSec=5. */
static void seconds_become_microseconds(void **state)
{
	(void)state;
	expect_number("TimeoutStopSec", "5", "TimeoutStopUSec", 't', 5000000);
	expect_number("TimeoutStopSec", "uint64 5", "TimeoutStopUSec", 't', 5000000);
	expect_number("TimeoutStopSec", "0.25", "TimeoutStopUSec", 't', 250000);
	expect_number("TimeoutStopUSec", "uint64 123000000", "TimeoutStopUSec", 't', 123000000);
}

static void texts_and_lists_of_texts(void **state)
{
	const char *name, *text;
	sd_bus_message *message = sent("KillMode", "'mi\\'xed'", &name);

	(void)state;
	assert_true(sd_bus_message_read(message, "v", "s", &text) > 0);
	assert_string_equal(text, "mi'xed");
	sd_bus_message_unref(message);
	message = sent("After", "[\"a.service\", 'b']", &name);
	assert_true(sd_bus_message_enter_container(message, 'v', "as") > 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "s") > 0);
	assert_true(sd_bus_message_read(message, "s", &text) > 0);
	assert_string_equal(text, "a.service");
	assert_true(sd_bus_message_read(message, "s", &text) > 0);
	assert_string_equal(text, "b");
	assert_int_equal(sd_bus_message_read(message, "s", &text), 0);
	sd_bus_message_unref(message);
	sd_bus_message_unref(sent("After", "@as []", &name));
}

static void others_are_refused(void **state)
{
	static const char *const rows[][2] = {
	    {"After", ""},
	    {"After", "[]"}, /* of what? */
	    {"After", "['a'"},
	    {"After", "['a' 'b']"},
	    {"After", "[1]"},
	    {"After", "{'a': 1}"},
	    {"After", "('a', 1)"},
	    {"KillMode", "mixed"},
	    {"KillMode", "'mixed"},
	    {"KillMode", "'mixed' x"},
	    {"KillMode", "@t 'mixed'"},
	    {"MemoryHigh", "uint64 -1"},
	    {"MemoryHigh", "uint64 18446744073709551616"},
	    {"MemoryHigh", "4294967296"}, /* int32, if nothing is said */
	    {"MemoryHigh", "byte 256"},
	    {"SendSIGHUP", "truely"},
	    {"TimeoutStopSec", "'5'"},
	    {"TimeoutStopSec", "-5"},
	    {"TimeoutStopSec", "uint64 18446744073709551615"},
	    {"Description", "'mine'"},
	    {"Slice", "'other.slice'"},
	    {"PIDs", "[1]"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct hp_systemd_property property = {(char *)rows[i][0],
							     (char *)rows[i][1]};
		struct hp_err err = {0};

		if (scope_annotation_check(&property, &err) != -EINVAL || !err.reason[0])
			fail_msg("%s: %s was taken", rows[i][0], rows[i][1]);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(numbers_have_their_types),
	    TEST(seconds_become_microseconds),
	    TEST(texts_and_lists_of_texts),
	    TEST(others_are_refused),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
