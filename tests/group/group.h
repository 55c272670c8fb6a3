/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cmocka for all tests, with visible skips: skip() takes a reason and prints `# SKIP test: reason`,
 * which tests/skipped.sh collects; and a program in which every test was skipped exits with 77,
 * which ctest shows as skipped.
 */

/* cmocka.h requires these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_SKIPPED 77

/* Ends the test. The reason says what is missing, in a few words: "needs root". */
#undef skip
#define skip(reason) group_skip(reason, __FILE__, __LINE__)
void group_skip(const char *reason, const char *file, int line);

/* Skips a whole group instead of running it. Returns what group_run() does. */
#define skip_group(tests, reason) group_skip_all(sizeof(tests) / sizeof((tests)[0]), reason)
int group_skip_all(size_t count, const char *reason);

/*
 * Runs a group. Returns the exit status of the program for all groups run so far: 0, 1, or
 * TEST_SKIPPED.
 */
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, set_up, tear_down)                                           \
	cmocka_run_group_tests_name(#tests, tests, set_up, tear_down)
#undef cmocka_run_group_tests_name
#define cmocka_run_group_tests_name(name, tests, set_up, tear_down)                                \
	group_run(name, tests, sizeof(tests) / sizeof((tests)[0]), set_up, tear_down)
int group_run(const char *name, const struct CMUnitTest *tests, size_t count,
	      CMFixtureFunction set_up, CMFixtureFunction tear_down);
