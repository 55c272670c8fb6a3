/* SPDX-License-Identifier: Apache-2.0 */

/* Values: walking, finding members, and the typed getters with their reasons. */

#include "tests/proto/base/unit.h"

#include <stdio.h>

#include "proto/json/json_writer.h"

static void assert_text(struct hp_json_value value, const char *expected)
{
	size_t length;
	const char *text = hp_json_text(value, &length);

	assert_int_equal(length, strlen(expected));
	assert_memory_equal(text, expected, length);
}

static void value_is_the_bytes_that_came_in(void **state)
{
	struct document document;
	struct hp_json_value root = document_open(
	    &document, " { \"state\" :  { \"id\":\"\\u0061\" , \"n\": [1.0, 1e0 ] }  ,\"x\":1}");

	(void)state;
	assert_text(hp_json_member(root, "state"), "{ \"id\":\"\\u0061\" , \"n\": [1.0, 1e0 ] }");
	assert_text(hp_json_member(root, "none"), "");
	document_close(&document);
}

static void walking_gives_keys_and_values_in_order(void **state)
{
	struct document document;
	struct hp_json_value root =
	    document_open(&document, "{\"a\":[{},[],null],\"b\":null,\"c\":\"d\"}");
	struct hp_json_value key, value;
	char seen[16] = "";
	size_t count = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root) {
		hp_json_decode(key, seen + count);
		count++;
	}
	assert_string_equal(seen, "abc");
	count = 0;
	HP_JSON_FOREACH (key, value, hp_json_member(root, "a")) {
		static const enum hp_json_type types[] = {HP_JSON_OBJECT, HP_JSON_ARRAY,
							  HP_JSON_NULL};

		assert_int_equal(hp_json_type(key), HP_JSON_ABSENT);
		assert_int_equal(hp_json_type(value), types[count++]);
	}
	assert_int_equal(count, 3);
	HP_JSON_FOREACH (key, value, hp_json_member(root, "c"))
		fail();
	HP_JSON_FOREACH (key, value, hp_json_member(root, "none"))
		fail();
	document_close(&document);
}

static void null_member_is_absent(void **state)
{
	static const char *const names[] = {"a", "b"};
	struct hp_json_value values[COUNT(names)];
	struct document document;
	struct hp_json_value root = document_open(&document, "{\"a\":null,\"b\":1}");

	(void)state;
	assert_int_equal(hp_json_type(hp_json_member(root, "a")), HP_JSON_ABSENT);
	assert_int_equal(hp_json_members(root, names, 2, true, values, &document.err), 0);
	assert_int_equal(hp_json_type(values[0]), HP_JSON_ABSENT);
	assert_int_equal(hp_json_type(values[1]), HP_JSON_INTEGER);
	document_close(&document);
}

static void members_are_found_in_any_order_and_spelling(void **state)
{
	static const char *const names[] = {"one", "two", "three", "twofold", "tw"};
	struct hp_json_value values[COUNT(names)];
	struct document document;
	struct hp_json_value root = document_open(
	    &document, "{\"three\":3,\"x\":{\"two\":0},\"t\\u0077o\":2,\"one\":1,\"twofold\":4}");

	(void)state;
	assert_int_equal(hp_json_members(root, names, 5, false, values, &document.err), 0);
	assert_text(values[0], "1");
	assert_text(values[1], "2");
	assert_text(values[2], "3");
	assert_text(values[3], "4");
	assert_text(values[4], "");
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(hp_json_member(root, names[i]).index, values[i].index);
	document_close(&document);
}

static void unknown_member_is_named(void **state)
{
	static const char *const names[] = {"a"};
	struct hp_json_value value;
	struct document document;
	struct hp_json_value root = document_open(&document, "{\"a\":1,\"b\\u0021\":2}");

	(void)state;
	assert_int_equal(hp_json_members(root, names, 1, true, &value, &document.err), -EINVAL);
	assert_string_equal(document.err.path, "b!");
	document_close(&document);
}

static void unknown_name_of_any_length_stays_text(void **state)
{
	static const char *const names[] = {"a"};
	struct hp_json_value value;
	char text[700];

	(void)state;
	for (size_t shift = 0; shift < 12; shift++) {
		struct document document;
		size_t length = 0;

		length +=
		    (size_t)snprintf(text, sizeof(text), "{\"%.*s", (int)shift, "xxxxxxxxxxxx");
		while (length < 600)
			length += (size_t)snprintf(text + length, sizeof(text) - length,
						   "\\ud83e\\ude9d\xc3\xa9");
		snprintf(text + length, sizeof(text) - length, "\":1}");
		document_open(&document, text);
		hp_json_members(hp_json_root(&document.json), names, 1, true, &value,
				&document.err);
		assert_true(hp_json_is_text(document.err.path, strlen(document.err.path)));
		assert_null(strchr(document.err.path, '\\'));
		assert_true(strlen(document.err.path) > 60);
		document_close(&document);
	}
}

static void only_objects_have_members(void **state)
{
	static const char *const names[] = {"a"};
	struct hp_json_value value = {0};
	struct document document;
	struct hp_json_value root = document_open(&document, "[\"a\",1]");

	(void)state;
	assert_int_equal(hp_json_type(hp_json_member(root, "a")), HP_JSON_ABSENT);
	assert_int_equal(hp_json_members(root, names, 1, false, &value, &document.err), -EINVAL);
	assert_string_equal(document.err.reason, "must be an object");
	assert_int_equal(hp_json_members(value, names, 1, false, &value, &document.err), -EINVAL);
	assert_string_equal(document.err.reason, "is required");
	document_close(&document);
}

/* The text that is compared is not escaped: a backslash in it is a backslash. */
static void equality_does_not_decode_what_it_is_given(void **state)
{
	struct document document;
	struct hp_json_value root = document_open(&document, "[\"a\\\\n\",\"a\\n\"]");
	struct hp_json_value key, value;
	size_t i = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root) {
		assert_int_equal(hp_json_equals(value, "a\\n"), i == 0);
		assert_int_equal(hp_json_equals(value, "a\n"), i == 1);
		i++;
	}
	document_close(&document);
}

static void equality_is_with_the_whole_decoded_text(void **state)
{
	struct document document;
	struct hp_json_value root =
	    document_open(&document, "[\"more\",\"m\\u006fre\",\"\",true,\"mor\",\"moree\"]");
	static const bool expected[] = {true, true, false, false, false, false};
	struct hp_json_value key, value;
	size_t i = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root)
		assert_int_equal(hp_json_equals(value, "more"), expected[i++]);
	assert_false(hp_json_equals((struct hp_json_value){0}, "more"));
	document_close(&document);
}

/* ---- getters ---- */

static void strings_are_decoded_into_the_arena(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct document document;
	struct hp_json_value root =
	    document_open(&document, "{\"a\":\"x\\ty\",\"b\":\"plain\",\"c\":1,\"d\":\"\"}");
	char *text = NULL;

	(void)state;
	assert_int_equal(
	    hp_json_get_string(hp_json_member(root, "a"), &arena, &text, &document.err), 0);
	assert_string_equal(text, "x\ty");
	assert_int_equal(
	    hp_json_get_string(hp_json_member(root, "b"), &arena, &text, &document.err), 0);
	assert_string_equal(text, "plain");
	assert_int_equal(
	    hp_json_get_string(hp_json_member(root, "d"), &arena, &text, &document.err), 0);
	assert_string_equal(text, "");
	assert_int_equal(
	    hp_json_get_string(hp_json_member(root, "c"), &arena, &text, &document.err), -EINVAL);
	assert_string_equal(document.err.reason, "must be a string");
	assert_int_equal(
	    hp_json_get_string(hp_json_member(root, "e"), &arena, &text, &document.err), -EINVAL);
	assert_string_equal(document.err.reason, "is required");
	assert_string_equal(text, "");
	hp_arena_free(&arena);
	document_close(&document);
}

static void names_are_bounded(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct document document;
	struct hp_json_value root =
	    document_open(&document, "{\"three\":\"ab\\u0063\",\"four\":\"abcd\",\"none\":\"\"}");
	char *name = NULL;

	(void)state;
	assert_int_equal(
	    hp_json_get_name(hp_json_member(root, "three"), &arena, 3, &name, &document.err), 0);
	assert_string_equal(name, "abc");
	assert_int_equal(
	    hp_json_get_name(hp_json_member(root, "four"), &arena, 3, &name, &document.err),
	    -EINVAL);
	assert_string_equal(document.err.reason, "must not be longer than 3 bytes");
	assert_int_equal(
	    hp_json_get_name(hp_json_member(root, "none"), &arena, 3, &name, &document.err),
	    -EINVAL);
	assert_string_equal(name, "abc");
	hp_arena_free(&arena);
	document_close(&document);
}

static void bools_are_bools_alone(void **state)
{
	struct document document;
	struct hp_json_value root = document_open(&document, "[true,false,0,\"true\",null]");
	struct hp_json_value key, value;
	size_t i = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root) {
		bool is_true = i % 2 == 1;
		int r = hp_json_get_bool(value, &is_true, &document.err);

		assert_int_equal(r, i < 2 ? 0 : -EINVAL);
		if (i < 2)
			assert_int_equal(is_true, i == 0);
		i++;
	}
	document_close(&document);
}

static const struct {
	const char *text;
	bool is_int64, is_uint64;
	int64_t as_int64;
	uint64_t as_uint64;
} integers[] = {
    {"0", true, true, 0, 0},
    {"-0", true, true, 0, 0},
    {"\"0\"", true, true, 0, 0},
    {"7", true, true, 7, 7},
    {"\"-7\"", true, false, -7, 0},
    {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
    {"9223372036854775808", false, true, 0, 1ull << 63},
    {"-9223372036854775808", true, false, INT64_MIN, 0},
    {"-9223372036854775809", false, false, 0, 0},
    {"18446744073709551615", false, true, 0, UINT64_MAX},
    {"\"18446744073709551615\"", false, true, 0, UINT64_MAX},
    {"18446744073709551616", false, false, 0, 0},
    {"-18446744073709551616", false, false, 0, 0},
    {"184467440737095516160", false, false, 0, 0},
    {"36893488147419103232", false, false, 0, 0},
    {"-36893488147419103232", false, false, 0, 0},
    {"100000000000000000000000000000000000000000", false, false, 0, 0},
    {"1.0", false, false, 0, 0},
    {"1e3", false, false, 0, 0},
    {"true", false, false, 0, 0},
    {"null", false, false, 0, 0},
    {"[]", false, false, 0, 0},
    {"\"\"", false, false, 0, 0},
    {"\"-\"", false, false, 0, 0},
    {"\"+1\"", false, false, 0, 0},
    {"\"01\"", false, false, 0, 0},
    {"\"-01\"", false, false, 0, 0},
    {"\" 1\"", false, false, 0, 0},
    {"\"1 \"", false, false, 0, 0},
    {"\"0x1\"", false, false, 0, 0},
    {"\"1e3\"", false, false, 0, 0},
};

static void integers_are_exact_to_their_last_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(integers); i++) {
		struct document document;
		struct hp_json_value value = document_open(&document, integers[i].text);
		int64_t as_int64 = 4711;
		uint64_t as_uint64 = 4711;
		int r;

		r = hp_json_get_int64(value, INT64_MIN, INT64_MAX, &as_int64, &document.err);
		assert_int_equal(r, integers[i].is_int64 ? 0 : -EINVAL);
		assert_true(as_int64 == (integers[i].is_int64 ? integers[i].as_int64 : 4711));
		r = hp_json_get_uint64(value, 0, UINT64_MAX, &as_uint64, &document.err);
		assert_int_equal(r, integers[i].is_uint64 ? 0 : -EINVAL);
		assert_true(as_uint64 == (integers[i].is_uint64 ? integers[i].as_uint64 : 4711));
		document_close(&document);
	}
}

static void integers_are_bounded(void **state)
{
	struct document document;
	struct hp_json_value root = document_open(&document, "[-3,-2,0,5,6]");
	static const bool in_int64[] = {false, true, true, true, false};
	static const bool in_uint64[] = {false, false, false, true, false};
	struct hp_json_value key, value;
	size_t i = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root) {
		int64_t as_int64;
		uint64_t as_uint64;

		assert_int_equal(hp_json_get_int64(value, -2, 5, &as_int64, &document.err),
				 in_int64[i] ? 0 : -EINVAL);
		if (!in_int64[i])
			assert_string_equal(document.err.reason, "must be from -2 to 5");
		assert_int_equal(hp_json_get_uint64(value, 1, 5, &as_uint64, &document.err),
				 in_uint64[i] ? 0 : -EINVAL);
		if (!in_uint64[i])
			assert_string_equal(document.err.reason, "must be from 1 to 5");
		i++;
	}
	document_close(&document);
}

static void vectors_end_with_null(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct document document;
	struct hp_json_value root = document_open(
	    &document,
	    "{\"two\":[\"a\",\"\\u0062\"],\"none\":[],\"bad\":[\"a\",null],\"s\":\"a\"}");
	char **vector = NULL;

	(void)state;
	assert_int_equal(
	    hp_json_get_strings(hp_json_member(root, "two"), &arena, 2, &vector, &document.err), 0);
	assert_string_equal(vector[0], "a");
	assert_string_equal(vector[1], "b");
	assert_null(vector[2]);
	assert_int_equal(
	    hp_json_get_strings(hp_json_member(root, "two"), &arena, 1, &vector, &document.err),
	    -EINVAL);
	assert_string_equal(document.err.reason, "must not have more than 1 elements");
	assert_string_equal(vector[0], "a");
	assert_int_equal(
	    hp_json_get_strings(hp_json_member(root, "none"), &arena, 2, &vector, &document.err),
	    0);
	assert_null(vector[0]);
	assert_int_equal(
	    hp_json_get_strings(hp_json_member(root, "bad"), &arena, 2, &vector, &document.err),
	    -EINVAL);
	assert_string_equal(document.err.path, "[1]");
	assert_string_equal(document.err.reason, "must be a string");
	assert_int_equal(
	    hp_json_get_strings(hp_json_member(root, "s"), &arena, 2, &vector, &document.err),
	    -EINVAL);
	hp_arena_free(&arena);
	document_close(&document);
}

static void enums_are_indexes(void **state)
{
	static const char *const names[] = {"red", "green"};
	struct document document;
	struct hp_json_value root = document_open(&document, "[\"gr\\u0065en\",\"blue\",1]");
	struct hp_json_value key, value;
	int found = -1;
	int i = 0;

	(void)state;
	HP_JSON_FOREACH (key, value, root) {
		int r = hp_json_get_enum(value, names, 2, &found, &document.err);

		assert_int_equal(r, i == 0 ? 0 : -EINVAL);
		if (i == 1)
			assert_string_equal(document.err.reason, "must be one of red, green");
		i++;
	}
	assert_int_equal(found, 1);
	document_close(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(value_is_the_bytes_that_came_in),
	    cmocka_unit_test(walking_gives_keys_and_values_in_order),
	    cmocka_unit_test(null_member_is_absent),
	    cmocka_unit_test(members_are_found_in_any_order_and_spelling),
	    cmocka_unit_test(unknown_member_is_named),
	    cmocka_unit_test(unknown_name_of_any_length_stays_text),
	    cmocka_unit_test(only_objects_have_members),
	    cmocka_unit_test(equality_does_not_decode_what_it_is_given),
	    cmocka_unit_test(equality_is_with_the_whole_decoded_text),
	    cmocka_unit_test(strings_are_decoded_into_the_arena),
	    cmocka_unit_test(names_are_bounded),
	    cmocka_unit_test(bools_are_bools_alone),
	    cmocka_unit_test(integers_are_exact_to_their_last_bit),
	    cmocka_unit_test(integers_are_bounded),
	    cmocka_unit_test(vectors_end_with_null),
	    cmocka_unit_test(enums_are_indexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
