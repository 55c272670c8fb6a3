/* SPDX-License-Identifier: Apache-2.0 */

/* Arenas: pieces that do not overlap, are aligned, and are all freed at once. */

#include "tests/proto/base/unit.h"

#include "proto/base/arena.h"

static void pieces_are_aligned_and_apart(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	unsigned char *pieces[400];

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		pieces[i] = hp_arena_alloc(&arena, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)(i & 0xff), i);
		/* Leaves the cursor unaligned for the next piece. */
		assert_string_equal(hp_arena_copy(&arena, "odd", 2), "od");
	}
	for (size_t i = 0; i < COUNT(pieces); i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	}
	hp_arena_free(&arena);
	assert_null(arena.chunks);
}

static void big_piece_leaves_the_rest_of_the_chunk(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	char *first, *big, *second;

	(void)state;
	first = hp_arena_copy(&arena, "first", 5);
	big = hp_arena_alloc(&arena, 1 << 20);
	assert_non_null(big);
	memset(big, 'x', 1 << 20);
	second = hp_arena_copy(&arena, "second", 6);
	assert_ptr_equal(second, first + 6);
	hp_arena_free(&arena);
}

static void big_piece_may_come_first(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;

	(void)state;
	assert_non_null(hp_arena_alloc(&arena, 100000));
	assert_string_equal(hp_arena_copy(&arena, "small", 5), "small");
	hp_arena_free(&arena);
}

static void calloc_is_zeroed(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	char *dirty, *zeroed;

	(void)state;
	for (int i = 0; i < 100; i++) {
		dirty = hp_arena_alloc(&arena, 100);
		memset(dirty, 0xff, 100);
		zeroed = hp_arena_calloc(&arena, 10, 10);
		for (int j = 0; j < 100; j++)
			assert_int_equal(zeroed[j], 0);
	}
	hp_arena_free(&arena);
}

static void sizes_that_overflow_give_null(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;

	(void)state;
	assert_null(hp_arena_calloc(&arena, SIZE_MAX / 2 + 2, 2));
	assert_null(hp_arena_alloc(&arena, SIZE_MAX));
	assert_null(hp_arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(hp_arena_copy(&arena, "", SIZE_MAX));
	hp_arena_free(&arena);
}

static void no_bytes_give_a_pointer(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;

	(void)state;
	assert_non_null(hp_arena_alloc(&arena, 0));
	assert_non_null(hp_arena_calloc(&arena, 0, 8));
	assert_string_equal(hp_arena_copy(&arena, NULL, 0), "");
	hp_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_are_aligned_and_apart),
	    cmocka_unit_test(big_piece_leaves_the_rest_of_the_chunk),
	    cmocka_unit_test(big_piece_may_come_first),
	    cmocka_unit_test(calloc_is_zeroed),
	    cmocka_unit_test(sizes_that_overflow_give_null),
	    cmocka_unit_test(no_bytes_give_a_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
