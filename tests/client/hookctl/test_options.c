/* SPDX-License-Identifier: Apache-2.0 */

/* The command line: what is accepted, what is refused, and the messages. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/options.h"
#include "tests/group/group.h"

#define PS_OPTIONS                                                                                 \
	(OPTIONS_GLOBAL | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_STAGE) |                      \
	 OPTION_BIT(OPTION_CONTAINER))

static char error[256];

/* Splits a line at its spaces; argv must be writable. */
static int read_line(struct ctl_options *options, const char *line, bool stops_at_operand)
{
	static char copy[256];
	static char *words[32];
	int count = 0;

	*options = (struct ctl_options){0};
	error[0] = '\0';
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	return ctl_options_read(options, PS_OPTIONS, stops_at_operand, count, words, error,
				sizeof(error));
}

static void expect_error(const char *line, const char *expected)
{
	struct ctl_options options;

	assert_int_equal(read_line(&options, line, false), -EINVAL);
	assert_string_equal(error, expected);
}

static void test_values_come_behind_a_sign_or_a_space(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "--container=web --address unix:/x", false), 0);
	assert_string_equal(options.values[OPTION_CONTAINER], "web");
	assert_string_equal(options.values[OPTION_ADDRESS], "unix:/x");
	assert_null(options.values[OPTION_ALL]);
	assert_int_equal(options.operand_count, 0);
}

static void test_letters_stand_alone_or_together(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "-a", false), 0);
	assert_true(ctl_options_has(&options, OPTION_ALL));
	assert_int_equal(read_line(&options, "-ja", false), 0);
	assert_true(ctl_options_has(&options, OPTION_ALL));
	assert_true(ctl_options_has(&options, OPTION_J));
}

static void test_operands_may_stand_between(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "one --all - -- --two", false), 0);
	assert_int_equal(options.operand_count, 3);
	assert_string_equal(options.operands[0], "one");
	assert_string_equal(options.operands[1], "-");
	assert_string_equal(options.operands[2], "--two");
}

static void test_a_verb_ends_the_global_options(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "-j verb --unknown", true), 0);
	assert_true(ctl_options_has(&options, OPTION_J));
	assert_int_equal(options.operand_count, 2);
	assert_string_equal(options.operands[1], "--unknown");
}

static void test_the_last_one_wins(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "--json=short --json=off", false), 0);
	assert_string_equal(options.values[OPTION_JSON], "off");
}

static void test_refusals(void **state)
{
	(void)state;
	expect_error("--shim=/x", "unknown option --shim");
	expect_error("--contain=x", "unknown option --contain");
	expect_error("--container", "option --container needs a value: ID");
	expect_error("--container=", "option --container: the value is empty");
	expect_error("--all=yes", "option --all=yes takes no value");
	expect_error("-ax", "unknown option -x");
	expect_error("--json=nice", "option --json: 'nice' is not one of pretty|short|off");
	expect_error("--json=short|off",
		     "option --json: 'short|off' is not one of pretty|short|off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values_come_behind_a_sign_or_a_space),
	    cmocka_unit_test(test_letters_stand_alone_or_together),
	    cmocka_unit_test(test_operands_may_stand_between),
	    cmocka_unit_test(test_a_verb_ends_the_global_options),
	    cmocka_unit_test(test_the_last_one_wins),
	    cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
