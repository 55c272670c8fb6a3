/* SPDX-License-Identifier: Apache-2.0 */

/* Errors: paths that grow on the way up, texts that are cut when they are too long. */

#include "tests/proto/base/unit.h"

#include "proto/json/json_writer.h"

static void path_is_built_from_the_inside_out(void **state)
{
	struct hp_err err;
	int r;

	(void)state;
	r = hp_err_invalid(&err, NULL, "must be from %d to %d", 1, 9);
	assert_int_equal(r, -EINVAL);
	assert_int_equal(err.code, HP_ERR_INVALID);
	assert_string_equal(err.path, "");
	assert_string_equal(err.reason, "must be from 1 to 9");
	assert_int_equal(hp_err_prefix(&err, r, "timeout"), -EINVAL);
	assert_string_equal(err.path, "timeout");
	hp_err_prefix_index(&err, r, 1);
	assert_string_equal(err.path, "[1].timeout");
	hp_err_prefix(&err, r, "createRuntime");
	assert_string_equal(err.path, "createRuntime[1].timeout");
	hp_err_prefix(&err, r, "hooks");
	assert_string_equal(err.path, "hooks.createRuntime[1].timeout");
}

static void indexes_follow_one_another(void **state)
{
	struct hp_err err;
	int r = hp_err_invalid(&err, NULL, "no");

	(void)state;
	hp_err_prefix_index(&err, r, 0);
	assert_string_equal(err.path, "[0]");
	hp_err_prefix_index(&err, r, ULONG_MAX);
	assert_string_equal(err.path, "[18446744073709551615][0]");
}

static void success_and_other_errors_get_no_path(void **state)
{
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(hp_err_prefix(&err, 0, "a"), 0);
	assert_string_equal(err.path, "");
	assert_int_equal(hp_err_prefix(&err, hp_err_no_memory(&err), "a"), -ENOMEM);
	assert_int_equal(err.code, HP_ERR_NO_MEMORY);
	assert_string_equal(err.path, "");
	assert_int_equal(hp_err_protocol(&err, "%s is not a string", "method"), -EPROTO);
	assert_int_equal(err.code, HP_ERR_PROTOCOL);
	assert_string_equal(err.reason, "method is not a string");
}

static void settings_get_a_path_too(void **state)
{
	struct hp_err err;
	int r = hp_err_setting(&err, -EOPNOTSUPP, "limit", "no %s controller", "memory");

	(void)state;
	assert_int_equal(r, -EOPNOTSUPP);
	assert_int_equal(err.code, HP_ERR_NOT_SUPPORTED);
	hp_err_prefix(&err, r, "memory");
	assert_string_equal(err.path, "memory.limit");
	assert_string_equal(err.reason, "no memory controller");
	assert_int_equal(hp_err_setting(&err, -EBUSY, NULL, "in use"), -EBUSY);
	assert_int_equal(err.code, HP_ERR_SETTING_FAILED);
	hp_err_prefix(&err, -EBUSY, "closID");
	assert_string_equal(err.path, "closID");
}

static void long_texts_are_cut(void **state)
{
	char text[1000];
	struct hp_err err;
	int r;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	r = hp_err_invalid(&err, text, "%s", text);
	assert_int_equal(strlen(err.path), HP_ERR_PATH_SIZE - 1);
	assert_int_equal(strlen(err.reason), HP_ERR_REASON_SIZE - 1);
	hp_err_prefix(&err, r, "hooks");
	assert_int_equal(strlen(err.path), HP_ERR_PATH_SIZE - 1);
	assert_memory_equal(err.path, "hooks.xxx", 9);
}

/* A cut may fall at each byte of a sequence: what is left must be valid UTF-8 each time. */
static void cuts_fall_between_characters(void **state)
{
	static const char *const characters[] = {"\xc3\xa9", "\xe9\x92\xa9", "\xf0\x9f\xaa\x9d"};
	char text[1000];
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < COUNT(characters); i++) {
		for (size_t shift = 0; shift < 4; shift++) {
			size_t length = shift;

			memset(text, 'x', shift);
			while (length < 900) {
				memcpy(text + length, characters[i], strlen(characters[i]) + 1);
				length += strlen(characters[i]);
			}
			hp_err_invalid(&err, text, "%s", text);
			assert_true(hp_json_is_text(err.path, strlen(err.path)));
			assert_true(hp_json_is_text(err.reason, strlen(err.reason)));
			assert_true(strlen(err.path) > HP_ERR_PATH_SIZE - 5);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(path_is_built_from_the_inside_out),
	    cmocka_unit_test(indexes_follow_one_another),
	    cmocka_unit_test(success_and_other_errors_get_no_path),
	    cmocka_unit_test(settings_get_a_path_too),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(cuts_fall_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
