/* SPDX-License-Identifier: Apache-2.0 */

/* The writer: commas, escapes, and bytes that are not text. */

#include "tests/proto/base/unit.h"

#include "proto/json/json_writer.h"

static void assert_written(struct hp_buf *buf, const char *expected)
{
	assert_false(buf->failed);
	hp_buf_append(buf, "", 1);
	assert_string_equal(buf->data, expected);
	hp_buf_free(buf);
}

static void commas_stand_between_and_nowhere_else(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	(void)state;
	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "a");
	hp_json_begin(&writer, '[');
	hp_json_put_int(&writer, 1);
	hp_json_begin(&writer, '{');
	hp_json_end(&writer, '}');
	hp_json_put_null(&writer);
	hp_json_begin(&writer, '[');
	hp_json_end(&writer, ']');
	hp_json_end(&writer, ']');
	hp_json_key(&writer, "b");
	hp_json_put_bool(&writer, true);
	hp_json_key(&writer, "c");
	hp_json_put_bool(&writer, false);
	hp_json_key(&writer, "d");
	hp_json_put_raw(&writer, "{ }", 3);
	hp_json_end(&writer, '}');
	assert_written(&buf, "{\"a\":[1,{},null,[]],\"b\":true,\"c\":false,\"d\":{ }}");
}

static void numbers_are_exact(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	(void)state;
	hp_json_begin(&writer, '[');
	hp_json_put_int(&writer, 0);
	hp_json_put_int(&writer, -1);
	hp_json_put_int(&writer, INT64_MAX);
	hp_json_put_int(&writer, INT64_MIN);
	hp_json_put_uint(&writer, 10);
	hp_json_put_uint(&writer, INT64_MAX);
	hp_json_put_uint(&writer, 1ull << 63);
	hp_json_put_uint(&writer, UINT64_MAX);
	hp_json_end(&writer, ']');
	assert_written(&buf,
		       "[0,-1,9223372036854775807,-9223372036854775808,10,9223372036854775807,"
		       "\"9223372036854775808\",\"18446744073709551615\"]");
}

static void strings_are_escaped_where_they_must_be(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	(void)state;
	hp_json_put_string(&writer, "plain / text of more than eight bytes \x7f");
	hp_json_put_string(&writer, "\"\\\b\f\n\r\t\x01\x1f");
	hp_json_put_string(&writer, "\xc3\xa9\xe9\x92\xa9\xf0\x9f\xaa\x9d");
	hp_json_put_string(&writer, "");
	assert_written(&buf, "\"plain / text of more than eight bytes \x7f\","
			     "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\","
			     "\"\xc3\xa9\xe9\x92\xa9\xf0\x9f\xaa\x9d\",\"\"");
}

static void what_is_no_text_is_replaced(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	(void)state;
	hp_json_put_bytes(&writer, "a\0b", 3);
	hp_json_put_bytes(&writer, "\xff\xc3", 2);
	hp_json_put_bytes(&writer, "\xed\xa0\x80x", 4);
	assert_written(&buf, "\"a\xef\xbf\xbd"
			     "b\",\"\xef\xbf\xbd\xef\xbf\xbd\","
			     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"");
}

static void text_is_told_from_bytes(void **state)
{
	(void)state;
	assert_true(hp_json_is_text(NULL, 0));
	assert_true(hp_json_is_text("\"\\\n\x01 long enough for a word or two", 33));
	assert_true(hp_json_is_text("12345678\xc3\xa9", 10));
	assert_false(hp_json_is_text("12345678\xc3\xa9", 9));
	assert_false(hp_json_is_text("1234567890\0", 11));
	assert_false(hp_json_is_text("\x80", 1));
	assert_false(hp_json_is_text("\xed\xa0\x80", 3));
}

/* Any bytes: the output parses, and reads back the same if they are text. */
static void every_byte_can_be_written_and_read_again(void **state)
{
	char bytes[3], decoded[32];

	(void)state;
	for (unsigned int i = 0; i < 65536; i++) {
		struct hp_buf buf = HP_BUF_INIT;
		struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
		struct document document;
		size_t length;

		bytes[0] = (char)(i >> 8);
		bytes[1] = (char)i;
		hp_json_put_bytes(&writer, bytes, 2);
		assert_int_equal(document_parse(&document, buf.data, buf.length), 0);
		length = hp_json_decode(hp_json_root(&document.json), decoded);
		if (hp_json_is_text(bytes, 2)) {
			assert_int_equal(length, 2);
			assert_memory_equal(decoded, bytes, 2);
		}
		document_close(&document);
		hp_buf_free(&buf);
	}
}

static void vectors_and_base64(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
	char a[] = "a", newline[] = "\n";
	char *strings[] = {a, newline, NULL};

	(void)state;
	hp_json_put_strings(&writer, strings);
	hp_json_put_strings(&writer, strings + 2);
	hp_json_put_strings(&writer, NULL);
	hp_json_put_base64(&writer, "\xff\x00", 2);
	hp_json_put_base64(&writer, NULL, 0);
	assert_written(&buf, "[\"a\",\"\\n\"],[],null,\"/wA=\",\"\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commas_stand_between_and_nowhere_else),
	    cmocka_unit_test(numbers_are_exact),
	    cmocka_unit_test(strings_are_escaped_where_they_must_be),
	    cmocka_unit_test(what_is_no_text_is_replaced),
	    cmocka_unit_test(text_is_told_from_bytes),
	    cmocka_unit_test(every_byte_can_be_written_and_read_again),
	    cmocka_unit_test(vectors_and_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
