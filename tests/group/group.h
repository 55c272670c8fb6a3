/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cmocka for all tests, with skips that can be seen: skip() takes a reason, each one is a line of
 * output (`# SKIP test: reason`, which tests/skipped.sh collects), and a program in which every
 * test was skipped ends with 77, which ctest shows as skipped.
 */

/* cmocka's header needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_SKIPPED 77

/* Ends the test. The reason says what is missing, in a few words: "takes root". */
#undef skip
#define skip(reason) group_skip(reason, __FILE__, __LINE__)
void group_skip(const char *reason, const char *file, int line);

/* In the place of running a group. Returns as group_run() does. */
#define skip_group(tests, reason) group_skip_all(sizeof(tests) / sizeof((tests)[0]), reason)
int group_skip_all(size_t count, const char *reason);

/*
 * Returns the exit status of the program, of all groups that it has run so far: 0, 1, or
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
