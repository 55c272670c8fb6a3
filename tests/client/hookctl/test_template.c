/* SPDX-License-Identifier: Apache-2.0 */

/* Rows in the form that --format gives. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/table/template.h"
#include "tests/group/group.h"

#define NAMES "run|path|exitStatus|detail|text"

static const struct template_extra extras[] = {{"age", "41s"}, {"run", "mine"}, {NULL, NULL}};

static void expect_rows(const char *format, bool is_escaped, const struct template_extra *with,
			const char *expected)
{
	static const char *const rows[] = {
	    "{\"run\":\"3f9a\",\"path\":\"/a\",\"exitStatus\":18446744073709551615,"
	    "\"detail\":{\"index\":1,\"x\":[1, 2]},\"text\":\"a\\u001b\\n\"}",
	    "{\"run\":\"b81e77d20c94\",\"path\":null}"};
	struct hp_buf buf = HP_BUF_INIT;
	struct template template;
	char error[128];

	assert_int_equal(
	    template_read(&template, format, with ? NULL : NAMES, is_escaped, error, sizeof(error)),
	    0);
	for (size_t i = 0; i < 2; i++) {
		struct hp_json json = {0};
		struct hp_err err;

		assert_int_equal(hp_json_parse(&json, rows[i], strlen(rows[i]), &err), 0);
		assert_int_equal(template_add(&template, hp_json_root(&json), with), 0);
		hp_json_free(&json);
	}
	assert_int_equal(template_write(&template, &(struct table_style){.has_header = true}, &buf),
			 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
	template_free(&template);
}

static void test_members_in_any_case(void **state)
{
	(void)state;
	expect_rows("{{.run}}\\t{{.Path}}", false, NULL, "3f9a\t/a\nb81e77d20c94\t\n");
	expect_rows("{{ .exitStatus }} {{.DETAIL.INDEX}}\\\\", false, NULL,
		    "18446744073709551615 1\\\n \\\n");
	expect_rows("{{.detail}}", false, NULL, "{\"index\":1,\"x\":[1,2]}\n\n");
	expect_rows("all", false, NULL, "all\nall\n");
}

static void test_control_characters(void **state)
{
	(void)state;
	expect_rows("{{.text}}", false, NULL, "a\x1b\n\n\n");
	expect_rows("{{.text}}", true, NULL, "a\\x1b\n\n\n");
}

static void test_a_table(void **state)
{
	(void)state;
	expect_rows(
	    "table {{.run}}\\t{{.detail.index}} x\\t{{.path}}", false, NULL,
	    "RUN           INDEX x  PATH\n3f9a          1 x      /a\nb81e77d20c94   x       -\n");
}

static void test_names_that_are_computed(void **state)
{
	(void)state;
	expect_rows("{{.run}} {{.AGE}}", false, extras, "mine 41s\nmine 41s\n");
}

static void expect_error(const char *format, const char *expected)
{
	struct template template;
	char error[256];

	assert_int_equal(template_read(&template, format, NAMES, false, error, sizeof(error)),
			 -EINVAL);
	assert_string_equal(error, expected);
}

static void test_refusals(void **state)
{
	(void)state;
	expect_error("{{.run", "'{{' without '}}'");
	expect_error("{{run}}", "'run': not a name, such as {{.run}}");
	expect_error("{{}}", "'': not a name, such as {{.run}}");
	expect_error("{{.run | upper}}", "'.run | upper': not a name, such as {{.run}}");
	expect_error("{{.rum}}", "no member rum; there are " NAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members_in_any_case),
	    cmocka_unit_test(test_control_characters),
	    cmocka_unit_test(test_a_table),
	    cmocka_unit_test(test_names_that_are_computed),
	    cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
