/* SPDX-License-Identifier: Apache-2.0 */

/* Columns are as wide as their widest cell, and text cannot leave its cell. */

#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/table/table.h"
#include "tests/group/group.h"

static const struct table_column columns[] = {{"RUN"}, {"HOOKS", true}, {"PATH"}};

/* Of the terminal; 0: none. */
static size_t width;

static void expect(struct table *table, bool has_header, bool has_colour, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	assert_int_equal(
	    table_write(table, &(struct table_style){has_header, has_colour, width}, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data != NULL ? buf.data : "", expected);
	hp_buf_free(&buf);
	table_free(table);
}

static void test_columns_line_up(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add(&table, "a");
	table_addf(&table, "%d", 7);
	table_add(&table, "/usr/bin/true");
	table_add(&table, "a-long-one");
	table_addf(&table, "%d", 1234567);
	table_add(&table, "/x");
	expect(&table, true, false,
	       "RUN           HOOKS  PATH\n"
	       "a                 7  /usr/bin/true\n"
	       "a-long-one  1234567  /x\n");
}

static void test_without_a_legend_names_take_no_room(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add(&table, "a");
	table_add(&table, "1");
	table_add(&table, "/x");
	expect(&table, false, false, "a  1  /x\n");
}

static void test_an_empty_table_is_its_header(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	expect(&table, true, false, "RUN  HOOKS  PATH\n");
}

static void test_nothing_shows_as_a_dash(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add(&table, NULL);
	table_add(&table, "");
	table_add(&table, NULL);
	expect(&table, false, false, "-  -  -\n");
}

static void test_wide_text_is_measured_as_shown(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add(&table, "gr\xc3\xb6\xc3\x9f"
			  "e");
	table_add(&table, "1");
	table_add(&table, "/x");
	table_add(&table, "12345678");
	table_add(&table, "2");
	table_add(&table, "/y");
	expect(&table, false, false,
	       "gr\xc3\xb6\xc3\x9f"
	       "e     1  /x\n12345678  2  /y\n");
}

static void test_a_cell_stays_on_its_line(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add(&table, "a\nb");
	table_add(&table, "1");
	table_add(&table, "\x1b[2J");
	expect(&table, false, false, "a\\nb  1  \\x1b[2J\n");
}

static void test_the_last_column_goes_on_in_further_lines(void **state)
{
	static const struct table_column two[] = {{"", true}, {""}};
	static const struct table_style style = {.width = 24, .wraps = true};
	struct table table = TABLE_INIT(two);
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	table.separator = ": ";
	table_add(&table, "Runs");
	table_add(&table, "1");
	table_add(&table, "Kernel");
	table_addf(&table,
		   "%s %s gr\xc3\xb6\xc3\x9f"
		   "e a-word-of-more-than-16 x",
		   "0123456789", "12345");
	assert_int_equal(table_write(&table, &style, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, "  Runs: 1\n"
				      "Kernel: 0123456789 12345\n"
				      "        gr\xc3\xb6\xc3\x9f"
				      "e\n"
				      "        a-word-of-more-than-16\n"
				      "        x\n");
	hp_buf_free(&buf);
	table_free(&table);
}

static void test_no_text_is_too_long(void **state)
{
	static const struct table_column one[] = {{"A"}};
	struct table table = TABLE_INIT(one);
	char text[1001];

	(void)state;
	memset(text, 'x', 999);
	text[999] = '\0';
	table_addf(&table, "%s", text);
	text[999] = '\n';
	text[1000] = '\0';
	expect(&table, false, false, text);
}

static void test_colour_only_where_it_is_wanted(void **state)
{
	struct table table = TABLE_INIT(columns);

	(void)state;
	table_add_coloured(&table, "a", TABLE_BAD);
	table_add(&table, "1");
	table_add(&table, "/x");
	expect(&table, false, true, "\x1b[31ma\x1b[0m  1  /x\n");

	table = TABLE_INIT(columns);
	table_add_coloured(&table, "a", TABLE_BAD);
	table_add(&table, "1");
	table_add(&table, "/x");
	expect(&table, false, false, "a  1  /x\n");
}

static const struct table_column fitted[] = {{"RUN", .is_whole = true},
					     {"CONTAINER", .max = 12},
					     {"STAGE"},
					     {"AGE", true, .is_optional = true},
					     {"STATUS"}};

static void expect_fitted(size_t columns_of_screen, const char *expected)
{
	struct table table = TABLE_INIT(fitted);

	table_add(&table, "3f9ac01be27d");
	table_add(&table, "container-of-somebody");
	table_add(&table, "createContainer");
	table_add(&table, "41s");
	table_add(&table, "failed (3) #1/3 net-add-of-somebody");
	width = columns_of_screen;
	expect(&table, false, false, expected);
	width = 0;
}

static void test_a_table_fits_the_terminal(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	expect_fitted(0, "3f9ac01be27d  container-of-somebody  createContainer  41s  failed (3) "
			 "#1/3 net-add-of-somebody\n");
	expect_fitted(200, "3f9ac01be27d  container-o\u2026  createContainer  41s  failed (3) #1/3 "
			   "net-add-of-somebody\n");
	expect_fitted(80, "3f9ac01be27d  container-o\u2026  createContainer  41s  failed (3) #1/3 "
			  "net-add-of-so\u2026\n");
	/* What is optional goes before the last column is cut to nothing. */
	expect_fitted(
	    64, "3f9ac01be27d  container-o\u2026  createContainer  failed (3) #1/3 ne\u2026\n");
	expect_fitted(40, "3f9ac01be27d  contai\u2026  create\u2026  failed \u2026\n");
	/* An id is whole, whatever the width. */
	expect_fitted(10, "3f9ac01be27d  con\u2026  cre\u2026  fai\u2026\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_columns_line_up),
	    cmocka_unit_test(test_without_a_legend_names_take_no_room),
	    cmocka_unit_test(test_an_empty_table_is_its_header),
	    cmocka_unit_test(test_nothing_shows_as_a_dash),
	    cmocka_unit_test(test_wide_text_is_measured_as_shown),
	    cmocka_unit_test(test_a_cell_stays_on_its_line),
	    cmocka_unit_test(test_the_last_column_goes_on_in_further_lines),
	    cmocka_unit_test(test_no_text_is_too_long),
	    cmocka_unit_test(test_colour_only_where_it_is_wanted),
	    cmocka_unit_test(test_a_table_fits_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
