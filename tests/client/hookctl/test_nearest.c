/* SPDX-License-Identifier: Apache-2.0 */

/* What is offered for a word that was mistyped. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/terminal/nearest.h"
#include "tests/group/group.h"

#define VERBS "ps|inspect|logs|events|summary|status|holdings|log-level|timed_out"

static void expect(const char *word, const char *expected)
{
	struct nearest nearest = nearest_new(word);
	char found[64] = "";

	nearest_offer_list(&nearest, VERBS);
	if (nearest.name != NULL)
		strncat(found, nearest.name, nearest.length);
	assert_string_equal(found, expected);
}

static void test_one_error_away(void **state)
{
	(void)state;
	expect("pss", "ps");
	expect("sp", "ps");
	expect("log", "logs");
	expect("inspekt", "inspect");
	expect("stauts", "status");
	expect("timeout", "timed_out");
	expect("loglevel", "log-level");
}

static void test_the_beginning_of_a_name(void **state)
{
	(void)state;
	expect("hold", "holdings");
	expect("sum", "summary");
}

static void test_nothing_is_near(void **state)
{
	(void)state;
	expect("", "");
	expect("fly", "");
	expect("restart", "");
	expect("a-word-that-is-far-longer-than-any-of-them", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_error_away),
	    cmocka_unit_test(test_the_beginning_of_a_name),
	    cmocka_unit_test(test_nothing_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
