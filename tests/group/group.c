/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs cmocka's groups and counts skipped tests. cmocka does not say which test is running, so each
 * test gets a set-up function that counts and then calls the test's own.
 */
#include "tests/group/group.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const struct CMUnitTest *group; /* the array of the test program */
static size_t begun;		       /* of the group; the last one is running */
static size_t test_count, skip_count;  /* of all groups */
static bool has_failed;

static int begin_test(void **state)
{
	const struct CMUnitTest *test = &group[begun++];

	return test->setup_func ? test->setup_func(state) : 0;
}

void group_skip(const char *reason, const char *file, int line)
{
	skip_count++;
	printf("# SKIP %s: %s\n", begun ? group[begun - 1].name : "(set-up)", reason);
	fflush(stdout);
	_skip(file, line);
}

static int exit_status(void)
{
	if (has_failed)
		return 1;
	return skip_count == test_count ? TEST_SKIPPED : 0;
}

int group_skip_all(size_t count, const char *reason)
{
	test_count += count;
	skip_count += count;
	printf("# SKIP %zu tests: %s\n", count, reason);
	return exit_status();
}

int group_run(const char *name, const struct CMUnitTest *tests, size_t count,
	      CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
	struct CMUnitTest *counted = calloc(count, sizeof(*counted));

	assert_non_null(counted);
	for (size_t i = 0; i < count; i++) {
		counted[i] = tests[i];
		counted[i].setup_func = begin_test;
	}
	group = tests;
	begun = 0;
	test_count += count;
	has_failed |= _cmocka_run_group_tests(name, counted, count, set_up, tear_down) != 0;
	free(counted);
	return exit_status();
}
