/* SPDX-License-Identifier: Apache-2.0 */

/* JSON is printed as received, except white space and control characters of terminals. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/table/json_print.h"
#include "tests/group/group.h"

static void expect(const char *text, unsigned indent, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	json_print(&buf, hp_json_root(&json), indent, 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
	hp_json_free(&json);
}

static void test_compact_takes_no_room(void **state)
{
	(void)state;
	expect(" { \"b\" : [ 1 , null , { } ] ,\n\t\"a\" : \"x y\" } ", JSON_PRINT_COMPACT,
	       "{\"b\":[1,null,{}],\"a\":\"x y\"}");
}

static void test_pretty_shows_the_levels(void **state)
{
	(void)state;
	expect("{\"b\":[1,{\"c\":true}],\"a\":{},\"e\":[]}", JSON_PRINT_INDENT,
	       "{\n"
	       "    \"b\": [\n"
	       "        1,\n"
	       "        {\n"
	       "            \"c\": true\n"
	       "        }\n"
	       "    ],\n"
	       "    \"a\": {},\n"
	       "    \"e\": []\n"
	       "}");
}

static void test_numbers_keep_their_digits(void **state)
{
	(void)state;
	expect(
	    "[18446744073709551615,-9223372036854775808,1.50,1E5,123456789012345678901234567890]",
	    JSON_PRINT_COMPACT,
	    "[18446744073709551615,-9223372036854775808,1.50,1E5,"
	    "123456789012345678901234567890]");
}

static void test_strings_keep_their_spelling(void **state)
{
	(void)state;
	expect("\"\\u0041\\/\\n\\u001b \xc3\xb6\"", JSON_PRINT_COMPACT,
	       "\"\\u0041\\/\\n\\u001b \xc3\xb6\"");
}

static void test_a_terminal_is_not_steered(void **state)
{
	(void)state;
	expect("{\"\xc2\x9bJ\":\"\x7f\xe2\x80\xae\"}", JSON_PRINT_COMPACT,
	       "{\"\\u009bJ\":\"\\u007f\\u202e\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_compact_takes_no_room),
	    cmocka_unit_test(test_pretty_shows_the_levels),
	    cmocka_unit_test(test_numbers_keep_their_digits),
	    cmocka_unit_test(test_strings_keep_their_spelling),
	    cmocka_unit_test(test_a_terminal_is_not_steered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
