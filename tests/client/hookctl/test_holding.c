/* SPDX-License-Identifier: Apache-2.0 */

/* How hookctl prints what was applied. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/holding.h"
#include "tests/group/group.h"

#define TEXT(literal) ((char[]){literal})
#define TEXTS(...)    ((char *[]){__VA_ARGS__, NULL})

static void expect_holding(const struct hp_applied *applied, const char *expected)
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
	expect_holding(&(struct hp_applied){0}, "");
	expect_holding(&(struct hp_applied){.cgroup_path = TEXT("/a\n")}, "Cgroup: /a\\n\n");
	expect_holding(&(struct hp_applied){.schemata = TEXTS(NULL), .process = TEXTS(NULL)},
		       "Process: -\n");
	expect_holding(&(struct hp_applied){.rdt_group = TEXT("g"),
					    .rdt_created = true,
					    .process = TEXTS(TEXT("rlimits"))},
		       "RDT group: g\n     Made: RDT group\n  Process: rlimits\n");
	expect_holding(&(struct hp_applied){.cgroup_path = TEXT("/a"),
					    .cgroup_created = true,
					    .rdt_group = TEXT("g"),
					    .rdt_created = true,
					    .schemata = TEXTS(TEXT("L3:0=1"), TEXT("L2:0=1"))},
		       "   Cgroup: /a\nRDT group: g\n Schemata: L3:0=1\n Schemata: L2:0=1\n"
		       "     Made: cgroup, RDT group\n");
}

static void expect_holdings(const char *text, bool has_legend, int r, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(holding_write_table(hp_json_root(&json), has_legend, false, &buf), r);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
	hp_json_free(&json);
}

static void test_a_row_for_each_container(void **state)
{
	(void)state;
	expect_holdings("{}", true, 0, "CONTAINER  CGROUP  RDT GROUP  MADE  PROCESS\n");
	expect_holdings("{\"a\\n\":{},\"b\":{\"rdtGroup\":\"g\",\"rdtCreated\":true}}", false, 0,
			"a\\n  -  -  -          -\nb    -  g  RDT group  -\n");
}

static void test_what_is_no_holding_is_refused(void **state)
{
	(void)state;
	expect_holdings("[]", true, -EINVAL, "");
	expect_holdings("{\"a\":{},\"b\":1}", true, -EINVAL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_what_is_there_is_shown),
	    cmocka_unit_test(test_a_row_for_each_container),
	    cmocka_unit_test(test_what_is_no_holding_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
