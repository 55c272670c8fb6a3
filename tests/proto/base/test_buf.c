/* SPDX-License-Identifier: Apache-2.0 */

/* Growing buffers, and their contents after a failed allocation. */

#include "tests/proto/base/unit.h"

#include "proto/base/buf.h"

static void appended_bytes_stand_in_order(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	for (int i = 0; i < 3000; i++)
		hp_buf_append(&buf, &(char){(char)i}, 1);
	assert_false(buf.failed);
	assert_int_equal(buf.length, 3000);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(buf.data[i], (char)i);
	hp_buf_free(&buf);
	assert_null(buf.data);
}

static void reserved_room_is_where_the_next_bytes_go(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	char *room;

	(void)state;
	hp_buf_append(&buf, "ab", 2);
	room = hp_buf_reserve(&buf, 5000);
	assert_non_null(room);
	assert_ptr_equal(room, buf.data + 2);
	memset(room, 'c', 5000);
	buf.length += 5000;
	assert_memory_equal(buf.data, "abccc", 5);
	hp_buf_free(&buf);
}

static void formatted_text_of_any_length_stands_behind_the_rest(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_buf_append(&buf, "ab", 2);
	hp_buf_format(&buf, "%s%d%5000d", "c", 1, 2);
	assert_false(buf.failed);
	assert_int_equal(buf.length, 5004);
	assert_memory_equal(buf.data, "abc1  ", 6);
	assert_int_equal(buf.data[5003], '2');
	hp_buf_free(&buf);
}

static void consuming_takes_off_the_front(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_buf_append(&buf, "abcdef", 6);
	hp_buf_consume(&buf, 0);
	hp_buf_consume(&buf, 2);
	assert_int_equal(buf.length, 4);
	assert_memory_equal(buf.data, "cdef", 4);
	hp_buf_consume(&buf, 4);
	assert_int_equal(buf.length, 0);
	hp_buf_free(&buf);
}

static void first_refusal_is_remembered_until_cleared(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_buf_append(&buf, "kept", 4);
	assert_null(hp_buf_reserve(&buf, SIZE_MAX));
	assert_true(buf.failed);
	hp_buf_append(&buf, "more", 4);
	assert_null(hp_buf_reserve(&buf, 1));
	assert_int_equal(buf.length, 4);
	assert_memory_equal(buf.data, "kept", 4);
	hp_buf_clear(&buf);
	assert_false(buf.failed);
	hp_buf_append(&buf, "new", 3);
	assert_memory_equal(buf.data, "new", 3);
	hp_buf_free(&buf);
}

static void clearing_keeps_the_memory(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	char *data;

	(void)state;
	hp_buf_append(&buf, "abc", 3);
	data = buf.data;
	hp_buf_clear(&buf);
	assert_int_equal(buf.length, 0);
	hp_buf_append(&buf, "x", 1);
	assert_ptr_equal(buf.data, data);
	hp_buf_free(&buf);
}

static void nothing_can_be_appended(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_buf_append(&buf, NULL, 0);
	hp_buf_consume(&buf, 0);
	assert_int_equal(buf.length, 0);
	assert_false(buf.failed);
	hp_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appended_bytes_stand_in_order),
	    cmocka_unit_test(reserved_room_is_where_the_next_bytes_go),
	    cmocka_unit_test(formatted_text_of_any_length_stands_behind_the_rest),
	    cmocka_unit_test(consuming_takes_off_the_front),
	    cmocka_unit_test(first_refusal_is_remembered_until_cleared),
	    cmocka_unit_test(clearing_keeps_the_memory),
	    cmocka_unit_test(nothing_can_be_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
