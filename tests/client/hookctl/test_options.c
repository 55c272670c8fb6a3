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
	 OPTION_BIT(OPTION_CONTAINER) | OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_WATCH) |      \
	 OPTION_BIT(OPTION_OUTCOME) | OPTION_BIT(OPTION_HOOKS_DIR))

static char error[256];

/* Splits a line at its spaces; argv must be writable. */
static int read_line(struct ctl_options *options, const char *line)
{
	static char copy[256];
	static char *words[32];
	int count = 0;

	*options = (struct ctl_options){0};
	error[0] = '\0';
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	return ctl_options_read(options, PS_OPTIONS, count, words, error, sizeof(error));
}

static void expect_error(const char *line, const char *expected)
{
	struct ctl_options options;

	assert_int_equal(read_line(&options, line), -EINVAL);
	assert_string_equal(error, expected);
}

static void test_values_come_behind_a_sign_or_a_space(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "--container=web --address unix:/x"), 0);
	assert_string_equal(options.values[OPTION_CONTAINER], "web");
	assert_string_equal(options.values[OPTION_ADDRESS], "unix:/x");
	assert_null(options.values[OPTION_ALL]);
	assert_int_equal(options.operand_count, 0);
}

static void test_letters_stand_alone_or_together(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "-a"), 0);
	assert_true(ctl_options_has(&options, OPTION_ALL));
	assert_int_equal(read_line(&options, "-ja"), 0);
	assert_true(ctl_options_has(&options, OPTION_ALL));
	assert_true(ctl_options_has(&options, OPTION_J));
}

static void test_values_of_letters(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "-n 5 one"), 0);
	assert_string_equal(options.values[OPTION_LIMIT], "5");
	assert_int_equal(options.operand_count, 1);
	assert_int_equal(read_line(&options, "-an7"), 0);
	assert_string_equal(options.values[OPTION_LIMIT], "7");
	assert_true(ctl_options_has(&options, OPTION_ALL));
}

static void test_a_value_that_may_be_left_out(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "--watch 5"), 0);
	assert_string_equal(options.values[OPTION_WATCH], "");
	assert_int_equal(options.operand_count, 1);
	assert_int_equal(read_line(&options, "--watch=5"), 0);
	assert_string_equal(options.values[OPTION_WATCH], "5");
}

static void test_operands_may_stand_between(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "one --all - -- --two"), 0);
	assert_int_equal(options.operand_count, 3);
	assert_string_equal(options.operands[0], "one");
	assert_string_equal(options.operands[1], "-");
	assert_string_equal(options.operands[2], "--two");
}

/* The verb may stand anywhere; a value of an option is none, whichever verb takes it. */
static void expect_verb(const char *line, const char *expected)
{
	static char copy[256];
	char *words[32], *word;
	const char *verb;
	int count = 0;

	strcpy(copy, line);
	for (word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	verb = ctl_options_find_verb(count, words);
	assert_string_equal(verb != NULL ? verb : "", expected);
}

static void test_the_verb_is_found_among_options(void **state)
{
	(void)state;
	expect_verb("ps -a", "ps");
	expect_verb("-j ps", "ps");
	expect_verb("--container web ps", "ps");
	expect_verb("--container=web ps", "ps");
	expect_verb("-n 5 ps", "ps");
	expect_verb("-n5 ps", "ps");
	expect_verb("-an 5 ps", "ps");
	expect_verb("--watch ps", "ps");
	expect_verb("--unknown ps", "ps");
	expect_verb("-- ps", "ps");
	expect_verb("--json", "");
	expect_verb("", "");
}

static void test_the_last_one_wins(void **state)
{
	struct ctl_options options;

	(void)state;
	assert_int_equal(read_line(&options, "--json=short --json=off"), 0);
	assert_string_equal(options.values[OPTION_JSON], "off");
}

static void test_directories_are_kept_in_order(void **state)
{
	struct ctl_options options;
	char line[256] = "";

	(void)state;
	assert_int_equal(read_line(&options, "--hooks-dir=/a one --hooks-dir /b"), 0);
	assert_int_equal(options.hooks_dir_count, 2);
	assert_string_equal(options.hooks_dirs[0], "/a");
	assert_string_equal(options.hooks_dirs[1], "/b");
	assert_int_equal(options.operand_count, 1);
	for (int i = 0; i <= OPTION_HOOKS_DIRS_MAX; i++)
		strcat(line, "--hooks-dir=x ");
	expect_error(line, "--hooks-dir: more than 16");
}

static void test_refusals(void **state)
{
	(void)state;
	expect_error("--shim=/x", "unknown option '--shim'");
	expect_error("--contain=x", "unknown option '--contain', did you mean '--container'?");
	expect_error("--stgae=x", "unknown option '--stgae', did you mean '--stage'?");
	expect_error("--container", "--container: needs a value: ID");
	expect_error("--container=", "--container: the value is empty");
	expect_error("-n", "-n: needs a value: N");
	expect_error("--all=yes", "--all=yes: takes no value");
	expect_error("-ax", "unknown option '-x'");
	expect_error("--json=nice", "--json=nice: not one of pretty|short|off");
	expect_error("--outcome=timeout", "--outcome=timeout: did you mean timed_out?");
	expect_error("--json=short|off", "--json=short|off: not one of pretty|short|off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values_come_behind_a_sign_or_a_space),
	    cmocka_unit_test(test_letters_stand_alone_or_together),
	    cmocka_unit_test(test_values_of_letters),
	    cmocka_unit_test(test_a_value_that_may_be_left_out),
	    cmocka_unit_test(test_operands_may_stand_between),
	    cmocka_unit_test(test_the_verb_is_found_among_options),
	    cmocka_unit_test(test_the_last_one_wins),
	    cmocka_unit_test(test_directories_are_kept_in_order),
	    cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
