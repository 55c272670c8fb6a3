/* SPDX-License-Identifier: Apache-2.0 */
/* What is new of the events of a run that are told again. */
#include "proto/messages/told.h"

#include <string.h>

#include "tests/group/group.h"

static void events_are_new_once(void **state)
{
	struct hp_told told = {0};

	(void)state;
	assert_true(hp_told_accepted(&told, "r1"));
	assert_false(hp_told_accepted(&told, "r1"));
	assert_true(hp_told_started(&told, 0));
	assert_true(hp_told_finished(&told, 0));
	assert_false(hp_told_started(&told, 0));
	assert_false(hp_told_finished(&told, 0));
	assert_true(hp_told_started(&told, 1));
	assert_true(hp_told_finished(&told, 3));
	assert_false(hp_told_finished(&told, 2));
}

/* hookd ended before the first one had begun. */
static void another_run_begins_anew(void **state)
{
	struct hp_told told = {0};

	(void)state;
	assert_true(hp_told_accepted(&told, "r1"));
	assert_true(hp_told_started(&told, 0));
	assert_true(hp_told_accepted(&told, "r2"));
	assert_true(hp_told_started(&told, 0));
}

/* "" where nothing of it is new. */
static void expect_output(struct hp_told *told, struct hp_told_output output, const char *data,
			  uint64_t offset)
{
	output.length = strlen(output.data);
	if (!data[0]) {
		assert_false(hp_told_output(told, &output));
		return;
	}
	assert_true(hp_told_output(told, &output));
	assert_int_equal(output.length, strlen(data));
	assert_memory_equal(output.data, data, output.length);
	assert_int_equal(output.offset, offset);
}

#define AT(hook, number, place, text)                                                              \
	((struct hp_told_output){                                                                  \
	    .index = hook, .stream = number, .has_offset = true, .offset = place, .data = text})

static void output_is_cut_to_what_is_new(void **state)
{
	struct hp_told told = {0};

	(void)state;
	expect_output(&told, AT(0, 1, 0, "one"), "one", 0);
	expect_output(&told, AT(0, 1, 0, "one"), "", 0);
	expect_output(&told, AT(0, 1, 0, "on"), "", 0);
	expect_output(&told, AT(0, 1, 1, "ne two"), " two", 3);
	expect_output(&told, AT(0, 2, 0, "one"), "one", 0);
	expect_output(&told, AT(0, 2, 3, ""), "", 0);
	/* Bytes that were not kept. */
	expect_output(&told, AT(0, 1, 90, "end"), "end", 90);
	expect_output(&told, AT(0, 1, 50, "late"), "", 0);
	expect_output(&told, AT(1, 1, 0, "x"), "x", 0);
	assert_true(hp_told_finished(&told, 1));
	expect_output(&told, AT(1, 1, 1, "y"), "", 0);
	expect_output(&told, AT(2, 1, 0, "y"), "y", 0);
}

static void output_without_offsets_is_new(void **state)
{
	struct hp_told told = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		expect_output(&told, (struct hp_told_output){.stream = 1, .data = "ab"}, "ab",
			      2 * i);
}

static void bytes_that_are_missing_are_counted(void **state)
{
	struct hp_told told = {0};
	struct hp_told_output output = AT(0, 1, 0, "one");

	(void)state;
	output.length = 3;
	assert_true(hp_told_output(&told, &output));
	assert_int_equal(output.missing, 0);
	output = AT(0, 1, 1, "ne two");
	output.length = 6;
	assert_true(hp_told_output(&told, &output));
	assert_int_equal(output.missing, 0);
	output = AT(0, 1, 90, "end");
	output.length = 3;
	assert_true(hp_told_output(&told, &output));
	assert_int_equal(output.missing, 83);
	output = AT(1, 2, 5, "end"); /* of the next hook */
	output.length = 3;
	assert_true(hp_told_output(&told, &output));
	assert_int_equal(output.missing, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_are_new_once),
	    cmocka_unit_test(another_run_begins_anew),
	    cmocka_unit_test(output_is_cut_to_what_is_new),
	    cmocka_unit_test(output_without_offsets_is_new),
	    cmocka_unit_test(bytes_that_are_missing_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
