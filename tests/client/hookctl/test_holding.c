/* SPDX-License-Identifier: Apache-2.0 */

/* How hookctl prints what was applied. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/holding.h"
#include "tests/group/group.h"

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_holding(const struct hookd_applied *applied, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	assert_int_equal(holding_write(applied, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

static void test_only_what_is_there_is_shown(void **state)
{
	(void)state;
	expect_holding(&(struct hookd_applied){0}, "");
	expect_holding(&(struct hookd_applied){.cgroup_path = "/a\n"}, "Cgroup: /a\\n\n");
	expect_holding(&(struct hookd_applied){.schemata = TEXTS(NULL), .process = TEXTS(NULL)},
		       "Process: -\n");
	expect_holding(&(struct hookd_applied){.rdt_group = "g",
					       .rdt_created = true,
					       .process = TEXTS("rlimits")},
		       "RDT group: g\n     Made: RDT group\n  Process: rlimits\n");
	expect_holding(&(struct hookd_applied){.cgroup_path = "/a",
					       .cgroup_created = true,
					       .rdt_group = "g",
					       .rdt_created = true,
					       .schemata = TEXTS("L3:0=1", "L2:0=1")},
		       "   Cgroup: /a\nRDT group: g\n Schemata: L3:0=1\n Schemata: L2:0=1\n"
		       "     Made: cgroup, RDT group\n");
}

static void expect_holdings(const struct hookd_applied *containers, size_t count, bool has_legend,
			    const char *expected)
{
	const struct hookd_holding_list list = {.containers = containers, .count = count};
	struct hp_buf buf = HP_BUF_INIT;

	assert_int_equal(
	    holding_write_table(&list, &(struct table_style){.has_header = has_legend}, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

static void test_a_row_for_each_container(void **state)
{
	static const struct hookd_applied containers[] = {
	    {.container = "a\n"}, {.container = "b", .rdt_group = "g", .rdt_created = true}};

	(void)state;
	expect_holdings(NULL, 0, true, "CONTAINER  CGROUP  RDT GROUP  MADE  PROCESS\n");
	expect_holdings(containers, 2, false,
			"a\\n  -  -  -          -\nb    -  g  RDT group  -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_what_is_there_is_shown),
	    cmocka_unit_test(test_a_row_for_each_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
