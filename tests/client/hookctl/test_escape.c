/* SPDX-License-Identifier: Apache-2.0 */

/* The output of a hook must not control the terminal of its reader. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/table/escape.h"
#include "tests/group/group.h"

static void expect(const char *text, size_t length, enum escape_mode mode, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	escape_append(&buf, text, length, mode);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

#define EXPECT_LINE(text, expected)  expect(text, sizeof(text) - 1, ESCAPE_LINE, expected)
#define EXPECT_LINES(text, expected) expect(text, sizeof(text) - 1, ESCAPE_LINES, expected)

static void test_control_characters_are_written_out(void **state)
{
	(void)state;
	EXPECT_LINE("\x1b]0;title\x07", "\\x1b]0;title\\x07");
	EXPECT_LINE("a\rb\nc\td\x7f", "a\\rb\\nc\\td\\x7f");
	EXPECT_LINE("nul \0 in it", "nul \\x00 in it");
	EXPECT_LINES("kept\n\tlines\r\n", "kept\n\tlines\\r\n");
}

static void test_c1_and_direction_are_written_out(void **state)
{
	(void)state;
	EXPECT_LINE("\xc2\x9b"
		    "31m",
		    "\\u009b31m");
	EXPECT_LINE("\xe2\x80\xae"
		    "cod.sh",
		    "\\u202ecod.sh");
	EXPECT_LINES("\xe2\x80\xa8", "\\u2028");
}

static void test_text_stays_as_it_is(void **state)
{
	(void)state;
	EXPECT_LINE("/usr/bin/größe \xf0\x9f\x90\xb3", "/usr/bin/größe \xf0\x9f\x90\xb3");
}

static void test_what_is_not_utf8_is_written_out(void **state)
{
	(void)state;
	EXPECT_LINE("\xff\xc3", "\\xff\\xc3");
	EXPECT_LINE("\xc0\x80", "\\xc0\\x80");
	EXPECT_LINE("\xc1\x9b", "\\xc1\\x9b");
	EXPECT_LINE("\xe0\x80\x9b", "\\xe0\\x80\\x9b");
	EXPECT_LINE("\xed\xa0\x80", "\\xed\\xa0\\x80");
	EXPECT_LINE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static void test_columns_are_those_of_the_screen(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	assert_int_equal(escape_append(&buf, "gr\xc3\xb6\xc3\x9f", 6, ESCAPE_LINE), 4);
	assert_int_equal(escape_append(&buf, "\x1b", 1, ESCAPE_LINE), 4);
	hp_buf_free(&buf);
}

static void test_a_cut_character_waits_for_its_rest(void **state)
{
	(void)state;
	assert_int_equal(escape_incomplete("a", 1), 0);
	assert_int_equal(escape_incomplete("a\xc3", 2), 1);
	assert_int_equal(escape_incomplete("a\xc3\xb6", 3), 0);
	assert_int_equal(escape_incomplete("\xf0\x9f\x90", 3), 3);
	assert_int_equal(escape_incomplete("\xf0\x9f\x90\xb3", 4), 0);
	assert_int_equal(escape_incomplete("\x80\x80\x80\x80", 4), 0);
	assert_int_equal(escape_incomplete("\xff", 1), 0);
	assert_int_equal(escape_incomplete("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_control_characters_are_written_out),
	    cmocka_unit_test(test_c1_and_direction_are_written_out),
	    cmocka_unit_test(test_text_stays_as_it_is),
	    cmocka_unit_test(test_what_is_not_utf8_is_written_out),
	    cmocka_unit_test(test_columns_are_those_of_the_screen),
	    cmocka_unit_test(test_a_cut_character_waits_for_its_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
