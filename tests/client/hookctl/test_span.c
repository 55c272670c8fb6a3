/* SPDX-License-Identifier: Apache-2.0 */

/* How times are read from --since and --until and shown in tables. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/hookctl/table/span.h"
#include "tests/group/group.h"

#define SECOND INT64_C(1000000)
/* 2026-01-31 12:00:00 UTC */
#define NOW (INT64_C(1769860800) * SECOND)

static void expect_since(const char *text, int64_t expected_us)
{
	int64_t us = -1;

	assert_int_equal(span_parse_time(text, NOW, &us), 0);
	assert_int_equal(us, expected_us);
}

static void expect_bad(const char *text)
{
	int64_t us = 42;

	assert_int_equal(span_parse_time(text, NOW, &us), -EINVAL);
	assert_int_equal(us, 42);
}

static void test_spans(void **state)
{
	(void)state;
	expect_since("10m", NOW - 600 * SECOND);
	expect_since("10min", NOW - 600 * SECOND);
	expect_since("2h", NOW - 7200 * SECOND);
	expect_since("1d", NOW - 86400 * SECOND);
	expect_since("1w", NOW - 7 * 86400 * SECOND);
	expect_since("1h30m", NOW - 5400 * SECOND);
	expect_since("500ms", NOW - SECOND / 2);
	expect_since("0s", NOW);
	expect_since("9000w", 0);
	expect_since("-10m", NOW - 600 * SECOND);
	expect_since("10m ago", NOW - 600 * SECOND);
	expect_since("+10m", NOW + 600 * SECOND);
}

/*
 * A span of more than 64 bits of microseconds is an error; a shorter one can reach before all runs.
 */
static void test_edges_of_spans(void **state)
{
	static const char *const numbers[] = {"2147483647", "4294967296", "9223372036",
					      "9223372037"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text), "%ss", numbers[i]);
		expect_since(text, 0);
	}
	expect_since("9223372036854775807us", 0);
	expect_since("9223372036854s", 0);
	expect_bad("9223372036854775808us");
	expect_bad("18446744073709551615us");
	expect_bad("9223372036855s");
	expect_bad("9223372036854775807s");
	expect_bad("4294967296w4294967296w");
	expect_bad("9223372036854775807us1us");
}

static void test_dates(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	expect_since("now", NOW);
	expect_since("today", NOW - 12 * 3600 * SECOND);
	expect_since("yesterday", NOW - 36 * 3600 * SECOND);
	expect_since("09:30", NOW - 9000 * SECOND);
	expect_since("09:30:15", NOW - 8985 * SECOND);
	expect_since("1769860800", NOW);
	expect_since("1769860800.25", NOW + SECOND / 4);
	expect_since("10", 10 * SECOND);
	expect_since("2026-01-31", NOW - 12 * 3600 * SECOND);
	expect_since("2026-01-31 11:59", NOW - 60 * SECOND);
	expect_since("2026-01-31T11:59:30", NOW - 30 * SECOND);
	expect_since("2026-01-31T12:00:00Z", NOW);
	expect_since("2026-01-31T12:00:00.25Z", NOW + 250000);
	expect_since("2026-01-31T13:00:00.000001999+01:00", NOW + 1);
	expect_since("2026-01-31 12:00:00.5", NOW + 500000);
	expect_since("2026-01-31T14:00:00+02:00", NOW);
	expect_since("2026-01-31T06:30:00-0530", NOW);
}

static void test_dates_without_a_zone_are_local(void **state)
{
	(void)state;
	setenv("TZ", "EET-3", 1);
	tzset();
	expect_since("2026-01-31 15:00", NOW);
	expect_since("2026-01-31T12:00Z", NOW);
	expect_since("09:30", NOW - 19800 * SECOND);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void test_nonsense_is_refused(void **state)
{
	(void)state;
	expect_bad("");
	expect_bad("m");
	expect_bad("10 m");
	expect_bad("10x");
	expect_bad("1.5h");
	expect_bad("10m5");
	expect_bad("9223372036854775807w");
	expect_bad("99999999999999999999s");
	expect_bad("2026-02-31");
	expect_bad("2026-13-01");
	expect_bad("2026-01-31x");
	expect_bad("2026-01-31T12:00:00+");
	expect_bad("2026-01-31T12:00:00+02:00x");
	expect_bad("2026-01-31T12:00:00+99:00");
	expect_bad("tomorrow");
	expect_bad("+10");
	expect_bad("+10m ago");
	expect_bad("25:00");
	expect_bad("09:30x");
	expect_bad("9223372036854775807");
	expect_bad("1.x");
}

static void expect_span(uint64_t us, const char *expected)
{
	char text[SPAN_SIZE];

	assert_string_equal(span_format(us, text), expected);
}

static void test_durations_as_people_read_them(void **state)
{
	(void)state;
	expect_span(0, "0us");
	expect_span(999, "999us");
	expect_span(1000, "1ms");
	expect_span(7190, "7.1ms");
	expect_span(2100000, "2.1s");
	expect_span(12345, "12ms");
	expect_span(999999, "999ms");
	expect_span(SECOND, "1s");
	expect_span(59990000, "59s");
	expect_span(60 * SECOND, "1min");
	expect_span(123 * SECOND, "2min 3s");
	expect_span(3600 * SECOND, "1h");
	expect_span(11100 * SECOND, "3h 5min");
	expect_span(86400 * SECOND, "1d");
	expect_span((4 * 86400 + 7200) * SECOND, "4d 2h");
	expect_span(INT64_MAX, "106751991d 4h");
	expect_span(UINT64_MAX, "213503982d 8h");
}

static void test_ages_as_people_read_them(void **state)
{
	char text[SPAN_SIZE];

	(void)state;
	assert_string_equal(span_format_age(0, text), "0s");
	assert_string_equal(span_format_age(59999999, text), "59s");
	assert_string_equal(span_format_age(60 * SECOND, text), "1min");
	assert_string_equal(span_format_age(3600 * SECOND, text), "1h");
	assert_string_equal(span_format_age(3 * 86400 * SECOND, text), "3d");
}

static void test_lengths_of_time(void **state)
{
	int64_t us = 42;

	(void)state;
	assert_int_equal(span_parse_duration("90", &us), 0);
	assert_int_equal(us, 90 * SECOND);
	assert_int_equal(span_parse_duration("0.5", &us), 0);
	assert_int_equal(us, SECOND / 2);
	assert_int_equal(span_parse_duration("2min", &us), 0);
	assert_int_equal(us, 120 * SECOND);
	assert_int_equal(span_parse_duration("0", &us), -EINVAL);
	assert_int_equal(span_parse_duration("soon", &us), -EINVAL);
	assert_int_equal(us, 120 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_spans),
	    cmocka_unit_test(test_edges_of_spans),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_dates_without_a_zone_are_local),
	    cmocka_unit_test(test_nonsense_is_refused),
	    cmocka_unit_test(test_durations_as_people_read_them),
	    cmocka_unit_test(test_lengths_of_time),
	    cmocka_unit_test(test_ages_as_people_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
