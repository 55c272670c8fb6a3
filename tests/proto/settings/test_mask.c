/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of CPUs and NUMA nodes. */

#include "tests/proto/base/unit.h"

#include "proto/settings/mask.h"

static void lists_become_bits(void **state)
{
	static const struct {
		const char *list;
		size_t word;
		uint64_t bits;
	} cases[] = {
	    {"0", 0, 1},
	    {"0-3,7", 0, 0x8f},
	    {"0-0", 0, 1},
	    {"7,0-3", 0, 0x8f},
	    {"1,1,0-1", 0, 3},
	    {"00063", 0, 1ull << 63},
	    {"1, 2, 1-2", 0, 6},
	    {"0,,1,", 0, 3},
	    {" 0\t3 ", 0, 9},
	    {"0-7:2/4", 0, 0x33},
	    {"1-3:1/1", 0, 0xe},
	    {"64", 1, 1},
	    {"1023", 15, 1ull << 63},
	    {"0-1023", 9, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct hp_mask mask;
		struct hp_err err;

		assert_int_equal(hp_mask_parse(cases[i].list, &mask, &err), 0);
		assert_true(mask.is_set);
		assert_true(mask.words[cases[i].word] == cases[i].bits);
	}
}

static void nothing_else_is_a_list(void **state)
{
	static const char *const lists[] = {
	    "",
	    ",",
	    "-",
	    "1-",
	    "-1",
	    " ,",
	    "3-1",
	    "1-2-3",
	    "0x1",
	    "1024",
	    "0-1024",
	    "1\n",
	    "99999999999999999999",
	    "1-3:2/1",
	    "1-3:0/2",
	    "1-3:1",
	    "1:1/2",
	    "+1",
	    "1.0",
	    "a",
	    "all",
	    "4294967296",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct hp_mask mask = {.words = {4711}};
		struct hp_err err;

		if (hp_mask_parse(lists[i], &mask, &err) != -EINVAL)
			fail_msg("'%s' was taken", lists[i]);
		assert_int_equal(mask.words[0], 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_become_bits),
	    cmocka_unit_test(nothing_else_is_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
