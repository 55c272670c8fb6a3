/* SPDX-License-Identifier: Apache-2.0 */

/* The text of metrics in both formats, and in which range a duration is counted. */

#include "tests/daemon/support/support.h"

#include "daemon/metrics/exposition.h"

static void write_all(struct exposition *exposition)
{
	struct histogram histogram = {0};

	histogram_add(&histogram, 1000);
	histogram_add(&histogram, 1001);
	histogram_add(&histogram, 400000000);
	exposition_family(exposition, FAMILY_COUNTER, "a", "Counts.");
	exposition_count(exposition, "x=\"1\"", 18446744073709551615u);
	exposition_family(exposition, FAMILY_GAUGE, "b", "Now.");
	exposition_seconds(exposition, NULL, 1000001);
	exposition_family(exposition, FAMILY_INFO, "c", "Says.");
	exposition_count(exposition, "version=\"1\"", 1);
	exposition_family(exposition, FAMILY_HISTOGRAM, "d_seconds", "Lasts.");
	exposition_histogram(exposition, "x=\"1\"", &histogram);
	exposition_end(exposition);
}

#define HISTOGRAM_TEXT                                                                             \
	"# HELP d_seconds Lasts.\n# TYPE d_seconds histogram\n"                                    \
	"d_seconds_bucket{x=\"1\",le=\"0.001\"} 1\n"                                               \
	"d_seconds_bucket{x=\"1\",le=\"0.0025\"} 2\n"                                              \
	"d_seconds_bucket{x=\"1\",le=\"0.005\"} 2\n"                                               \
	"d_seconds_bucket{x=\"1\",le=\"0.01\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"0.025\"} 2\n"                                               \
	"d_seconds_bucket{x=\"1\",le=\"0.05\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"0.1\"} 2\n"                                                 \
	"d_seconds_bucket{x=\"1\",le=\"0.25\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"0.5\"} 2\n"                                                 \
	"d_seconds_bucket{x=\"1\",le=\"1.0\"} 2\n"                                                 \
	"d_seconds_bucket{x=\"1\",le=\"2.5\"} 2\n"                                                 \
	"d_seconds_bucket{x=\"1\",le=\"5.0\"} 2\n"                                                 \
	"d_seconds_bucket{x=\"1\",le=\"10.0\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"30.0\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"60.0\"} 2\n"                                                \
	"d_seconds_bucket{x=\"1\",le=\"300.0\"} 2\n"                                               \
	"d_seconds_bucket{x=\"1\",le=\"+Inf\"} 3\n"                                                \
	"d_seconds_count{x=\"1\"} 3\n"                                                             \
	"d_seconds_sum{x=\"1\"} 400.002001\n"

static void expect_text(bool is_openmetrics, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct exposition exposition = {.buf = &buf, .is_openmetrics = is_openmetrics};

	write_all(&exposition);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

static void text_for_prometheus(void **state)
{
	(void)state;
	expect_text(false, "# HELP a_total Counts.\n# TYPE a_total counter\n"
			   "a_total{x=\"1\"} 18446744073709551615\n"
			   "# HELP b Now.\n# TYPE b gauge\nb 1.000001\n"
			   "# HELP c_info Says.\n# TYPE c_info gauge\n"
			   "c_info{version=\"1\"} 1\n" HISTOGRAM_TEXT);
}

static void text_of_openmetrics(void **state)
{
	(void)state;
	expect_text(true, "# HELP a Counts.\n# TYPE a counter\n"
			  "a_total{x=\"1\"} 18446744073709551615\n"
			  "# HELP b Now.\n# TYPE b gauge\nb 1.000001\n"
			  "# HELP c Says.\n# TYPE c info\n"
			  "c_info{version=\"1\"} 1\n" HISTOGRAM_TEXT "# EOF\n");
}

static void a_clock_that_was_set_back(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	histogram_add(&histogram, -5);
	assert_int_equal(histogram.counts[0], 1);
	assert_int_equal(histogram.sum_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_for_prometheus),
	    cmocka_unit_test(text_of_openmetrics),
	    cmocka_unit_test(a_clock_that_was_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
