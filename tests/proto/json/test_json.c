/* SPDX-License-Identifier: Apache-2.0 */

/* The parser: what is JSON and what is not, and the bounds. Keys: test_json_keys.c. */

#include "tests/proto/base/unit.h"

#include "proto/base/buf.h"
#include "proto/base/limits.h"

static int verdict(const char *text, size_t length)
{
	struct document document;
	int r = document_parse(&document, text, length);

	if (r < 0)
		assert_int_equal(document.json.count, 0);
	document_close(&document);
	return r;
}

static void assert_taken(const char *text)
{
	if (verdict(text, strlen(text)) != 0)
		fail_msg("%s was refused", text);
}

static void assert_refused(const char *text)
{
	if (verdict(text, strlen(text)) != -EINVAL)
		fail_msg("%s was taken", text);
}

static const char *const json_texts[] = {
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890123456789012345678901234567890",
    "0.0",
    "-0.5",
    "1e1",
    "1E+1",
    "1e-1",
    "1.5e10",
    "0e0",
    "1e400",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"\\\"\"",
    "\"\x7f\"",
    "\"\xc3\xa9\"",
    "\"/\\/\"",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1]",
    "[1,2]",
    "[[],[],{}]",
    "{\"\":1}",
    "{\"a\":{\"a\":{\"a\":1}}}",
    " \t\r\n1 \t\r\n",
    "[\n1\t,\r2 ]",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "[{\"a\":1},{\"a\":1}]",
    "{\"a\":1,\"A\":2,\"a \":3}",
};

static void texts_of_the_grammar_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_texts); i++)
		assert_taken(json_texts[i]);
}

static const char *const other_texts[] = {
    "",
    " ",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.e1",
    "1e",
    "1e+",
    "1e1.5",
    "0x1",
    "1_0",
    "1 2",
    "- 1",
    "NaN",
    "Infinity",
    "-Infinity",
    "tru",
    "truex",
    "True",
    "nul",
    "nulll",
    "undefined",
    "'a'",
    "a",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\",
    "\"\\u12",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\x01\"",
    "\"\\x\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\xff\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "[}",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{\"a\":1]",
    "{]",
    "{\"a\":1 \"b\":2}",
    "{\"a\"}",
    "{\"a\",1}",
    "{:1}",
    "[1]]",
    "{}{}",
    "[],",
    "1,",
    "\xef\xbb\xbf{}",
    "/**/1",
    "1//",
    "[1]\f",
    "\v1",
    "\xc2\xa0 1",
    "{\"a\":}",
    "[:]",
};

static void all_else_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(other_texts); i++)
		assert_refused(other_texts[i]);
}

static void nul_bytes_are_refused_everywhere(void **state)
{
	static const char text[] = "{\"a\":[1,true,\"b\"]}";
	char copy[sizeof(text)];

	(void)state;
	for (size_t i = 0; i <= strlen(text); i++) {
		memcpy(copy, text, i);
		copy[i] = '\0';
		memcpy(copy + i + 1, text + i, strlen(text) - i);
		assert_int_equal(verdict(copy, sizeof(copy)), -EINVAL);
	}
}

/* A text that ends early: a sanitizer sees a read beyond its end. */
static void no_beginning_of_a_text_is_one(void **state)
{
	static const char text[] =
	    "{\"a\\ud83e\\ude9d\xf0\x9f\xaa\x9d\": [1, -2.5e+10, true, false,"
	    " null, {\"b\": \"\\n\"}, []], \"c\": \"\"}";

	(void)state;
	for (size_t i = 0; i < strlen(text); i++)
		assert_int_equal(verdict(text, i), -EINVAL);
	assert_int_equal(verdict(text, strlen(text)), 0);
}

static void reason_names_the_byte(void **state)
{
	static const char text[] = "{\"a\": [1, 2, x]}";
	struct document document;

	(void)state;
	assert_int_equal(document_parse(&document, text, strlen(text)), -EINVAL);
	assert_string_equal(document.err.reason, "not valid JSON at byte 13: a value is expected");
	document_close(&document);
	assert_int_equal(document_parse(&document, "\xef\xbb\xbf{}", 5), -EINVAL);
	assert_string_equal(document.err.reason, "not valid JSON at byte 0: a byte order mark, "
						 "which JSON must not have");
	document_close(&document);
}

static void tokens_stand_in_the_order_of_the_text(void **state)
{
	static const char text[] = "{\"a\":[1,\"\\n\"],\"b\":{}}";
	static const struct {
		enum hp_json_type type;
		uint32_t offset, length, next;
	} expected[] = {
	    {HP_JSON_OBJECT, 0, 21, 7}, {HP_JSON_STRING, 1, 3, 2}, {HP_JSON_ARRAY, 5, 8, 5},
	    {HP_JSON_INTEGER, 6, 1, 4}, {HP_JSON_STRING, 8, 4, 5}, {HP_JSON_STRING, 14, 3, 6},
	    {HP_JSON_OBJECT, 18, 2, 7},
	};
	struct document document;

	(void)state;
	document_open(&document, text);
	assert_int_equal(document.json.count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		const struct hp_json_token *token = &document.json.tokens[i];

		assert_int_equal(token->type, expected[i].type);
		assert_int_equal(token->offset, expected[i].offset);
		assert_int_equal(token->length, expected[i].length);
		assert_int_equal(token->next, expected[i].next);
	}
	assert_int_equal(document.json.tokens[0].count, 2);
	assert_int_equal(document.json.tokens[2].count, 2);
	assert_true(document.json.tokens[4].is_escaped);
	assert_false(document.json.tokens[1].is_escaped);
	document_close(&document);
}

/* ---- bounds ---- */

static struct hp_buf nested(size_t depth, const char *open, const char *middle, const char *close)
{
	struct hp_buf buf = HP_BUF_INIT;

	for (size_t i = 0; i < depth; i++)
		hp_buf_append(&buf, open, strlen(open));
	hp_buf_append(&buf, middle, strlen(middle));
	for (size_t i = 0; i < depth; i++)
		hp_buf_append(&buf, close, strlen(close));
	return buf;
}

static void assert_verdict(struct hp_buf buf, int expected)
{
	assert_int_equal(verdict(buf.data, buf.length), expected);
	hp_buf_free(&buf);
}

static void depth_is_bounded(void **state)
{
	(void)state;
	assert_verdict(nested(HP_JSON_DEPTH_MAX, "[", "", "]"), 0);
	assert_verdict(nested(HP_JSON_DEPTH_MAX, "{\"a\":", "1", "}"), 0);
	assert_verdict(nested(HP_JSON_DEPTH_MAX + 1, "[", "", "]"), -EMSGSIZE);
	assert_verdict(nested(HP_JSON_DEPTH_MAX + 1, "{\"a\":", "1", "}"), -EMSGSIZE);
	assert_verdict(nested(100000, "[", "", ""), -EMSGSIZE);
}

static struct hp_buf list_of(size_t count)
{
	struct hp_buf buf = HP_BUF_INIT;

	hp_buf_append(&buf, "[", 1);
	for (size_t i = 0; i < count; i++)
		hp_buf_append(&buf, i > 0 ? ",1" : "1", i > 0 ? 2 : 1);
	hp_buf_append(&buf, "]", 1);
	return buf;
}

static void tokens_are_bounded(void **state)
{
	(void)state;
	assert_verdict(list_of(HP_JSON_TOKENS_MAX - 1), 0);
	assert_verdict(list_of(HP_JSON_TOKENS_MAX), -EMSGSIZE);
	assert_verdict(list_of(1000000), -EMSGSIZE);
}

static void bytes_are_bounded(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	memset(hp_buf_reserve(&buf, HP_REPLY_BYTES_MAX + 1), ' ', HP_REPLY_BYTES_MAX + 1);
	buf.data[0] = '1';
	assert_int_equal(verdict(buf.data, HP_REPLY_BYTES_MAX), 0);
	assert_int_equal(verdict(buf.data, HP_REPLY_BYTES_MAX + 1), -EMSGSIZE);
	hp_buf_free(&buf);
}

static void tokens_are_used_again(void **state)
{
	struct hp_json json = {0};
	struct hp_err err;
	const struct hp_json_token *tokens;

	(void)state;
	assert_int_equal(hp_json_parse(&json, "[1,2,3]", 7, &err), 0);
	tokens = json.tokens;
	assert_int_equal(hp_json_parse(&json, "[1,2", 4, &err), -EINVAL);
	assert_int_equal(json.count, 0);
	assert_int_equal(hp_json_parse(&json, "{}", 2, &err), 0);
	assert_ptr_equal(json.tokens, tokens);
	assert_int_equal(json.count, 1);
	hp_json_free(&json);
	assert_null(json.tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_of_the_grammar_are_taken),
	    cmocka_unit_test(all_else_is_refused),
	    cmocka_unit_test(nul_bytes_are_refused_everywhere),
	    cmocka_unit_test(no_beginning_of_a_text_is_one),
	    cmocka_unit_test(reason_names_the_byte),
	    cmocka_unit_test(tokens_stand_in_the_order_of_the_text),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(tokens_are_bounded),
	    cmocka_unit_test(bytes_are_bounded),
	    cmocka_unit_test(tokens_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
