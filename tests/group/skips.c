/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of which some tests are skipped, for test_skips.sh. usage: skips
 * all|some|none|failed|groups
 */
#include <stdlib.h>
#include <string.h>

#include "tests/group/group.h"

static void passes(void **state)
{
	(void)state;
}

static void fails(void **state)
{
	(void)state;
	fail();
}

static void takes_a_moon(void **state)
{
	(void)state;
	skip("there is no moon");
}

static int set_up(void **state)
{
	*state = (void *)"own";
	return 0;
}

/* Its own set-up function is called all the same. */
static void takes_its_set_up(void **state)
{
	assert_string_equal(*state, "own");
	skip("it was set up");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest all[] = {
	    cmocka_unit_test(takes_a_moon),
	    cmocka_unit_test_setup(takes_its_set_up, set_up),
	};
	const struct CMUnitTest some[] = {cmocka_unit_test(passes), cmocka_unit_test(takes_a_moon)};
	const struct CMUnitTest none[] = {cmocka_unit_test(passes)};
	const struct CMUnitTest failed[] = {cmocka_unit_test(fails)};
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "all") == 0)
		return cmocka_run_group_tests(all, NULL, NULL);
	if (strcmp(what, "some") == 0)
		return cmocka_run_group_tests(some, NULL, NULL);
	if (strcmp(what, "none") == 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	if (strcmp(what, "failed") == 0) {
		(void)cmocka_run_group_tests(failed, NULL, NULL);
		return cmocka_run_group_tests(all, NULL, NULL);
	}
	(void)cmocka_run_group_tests(none, NULL, NULL);
	return skip_group(all, "there is no sun");
}
