/* SPDX-License-Identifier: Apache-2.0 */

/* The inside of JSON strings: UTF-8 and escapes, checked against simple models of themselves. */

#include "tests/proto/base/unit.h"

#include "proto/json/text.h"

/* A block of the text's exact size, so that a sanitizer sees a read beyond it. */
static char *exact(const char *text, size_t length)
{
	char *copy = malloc(length + (length == 0));

	assert_non_null(copy);
	memcpy(copy, text, length);
	return copy;
}

static size_t sequence(const char *bytes, size_t length)
{
	char *copy = exact(bytes, length);
	size_t result = hp_text_sequence(copy, copy + length);

	free(copy);
	return result;
}

static size_t escape(const char *text)
{
	char *copy = exact(text, strlen(text));
	size_t result = hp_text_escape(copy, copy + strlen(text));

	free(copy);
	return result;
}

static size_t encode(unsigned int point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 + point / 64);
		out[1] = (char)(0x80 + point % 64);
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 + point / 4096);
		out[1] = (char)(0x80 + point / 64 % 64);
		out[2] = (char)(0x80 + point % 64);
		return 3;
	}
	out[0] = (char)(0xf0 + point / 262144);
	out[1] = (char)(0x80 + point / 4096 % 64);
	out[2] = (char)(0x80 + point / 64 % 64);
	out[3] = (char)(0x80 + point % 64);
	return 4;
}

static void every_code_point_is_known_and_no_surrogate(void **state)
{
	char bytes[4];

	(void)state;
	for (unsigned int point = 0; point < 0x120000; point++) {
		size_t length = encode(point, bytes);
		bool is_right = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);

		if (hp_text_sequence(bytes, bytes + length) != (is_right ? length : 0))
			fail_msg("U+%04X", point);
		if (length > 1 && is_right && hp_text_sequence(bytes, bytes + length - 1) != 0)
			fail_msg("U+%04X cut short", point);
	}
}

static void wrong_sequences_are_refused(void **state)
{
	static const char *const wrong[] = {
	    "\x80",
	    "\xbf",
	    "\xc0\x80",
	    "\xc1\xbf",
	    "\xc3",
	    "\xc3\x28",
	    "\xe0\x80\x80",
	    "\xe0\x9f\xbf",
	    "\xe2\x28\xa1",
	    "\xe2\x82\x28",
	    "\xed\xa0\x80",
	    "\xed\xbf\xbf",
	    "\xf0\x80\x80\x80",
	    "\xf0\x8f\xbf\xbf",
	    "\xf0\x9f\x92\x28",
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80",
	    "\xf8\x88\x80\x80",
	    "\xfe",
	    "\xff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (sequence(wrong[i], strlen(wrong[i])) != 0)
			fail_msg("number %zu was taken", i);
	}
	assert_int_equal(sequence("", 0), 0);
}

static void escapes_of_the_rfc_are_known(void **state)
{
	static const char *const two[] = {"\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"};

	(void)state;
	for (size_t i = 0; i < COUNT(two); i++)
		assert_int_equal(escape(two[i]), 2);
	assert_int_equal(escape("\\u0001"), 6);
	assert_int_equal(escape("\\uD7FF"), 6);
	assert_int_equal(escape("\\uFfFf"), 6);
	assert_int_equal(escape("\\ud83e\\uDE9D"), 12);
	assert_int_equal(escape("\\udbff\\udfff..."), 12);
}

static void other_escapes_are_refused(void **state)
{
	static const char nul[] = {'\\', '\0'};
	static const char *const wrong[] = {
	    "\\",
	    "\\a",
	    "\\x41",
	    "\\'",
	    "\\U0041",
	    "\\0",
	    "\\u",
	    "\\u004",
	    "\\u004g",
	    "\\u 041",
	    "\\u+041",
	    "\\u0000",
	    "\\ud800",
	    "\\udbff",
	    "\\udc00",
	    "\\udfff",
	    "\\ud83e\\u0041",
	    "\\ud83e\\ud83e",
	    "\\ud83e\\ude9",
	    "\\ud83ex",
	    "\\ud83e\\n",
	    "\\udc00\\ud800",
	    "\\\n",
	    "\\u00`0",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (escape(wrong[i]) != 0)
			fail_msg("%s was taken", wrong[i]);
	}
	assert_int_equal(hp_text_escape(nul, nul + sizeof(nul)), 0);
}

static void decoding_gives_the_meaning(void **state)
{
	static const struct {
		const char *text, *meaning;
	} cases[] = {
	    {"", ""},
	    {"plain", "plain"},
	    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
	    {"a\\u0041b", "aAb"},
	    {"\\u00e9\\u94a9\\ud83e\\ude9d", "\xc3\xa9\xe9\x92\xa9\xf0\x9f\xaa\x9d"},
	    {"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff",
	     "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
	    {"\\ud800\\udc00\\udbff\\udfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = hp_text_decode(out, cases[i].text, strlen(cases[i].text));

		assert_int_equal(length, strlen(cases[i].meaning));
		assert_memory_equal(out, cases[i].meaning, length);
	}
}

static void meaning_is_compared_with_plain_text(void **state)
{
	static const struct {
		const char *text, *plain;
		bool is_same;
	} cases[] = {
	    {"", "", true},
	    {"a", "a", true},
	    {"\\u0061", "a", true},
	    {"\\u00e9\\ud83e\\ude9d", "\xc3\xa9\xf0\x9f\xaa\x9d", true},
	    {"path\\/to", "path/to", true},
	    {"path\\/to", "path\\/to", false},
	    {"a\\n", "a", false},
	    {"a\\n", "a\n\n", false},
	    {"\\u00e9", "\xc3", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = cases[i].text;

		assert_int_equal(hp_text_means(text, strlen(text), cases[i].plain),
				 cases[i].is_same);
	}
}

static uint32_t hash(const char *text, size_t length)
{
	char *copy = exact(text, length);
	uint32_t result = hp_text_hash(copy, length);

	free(copy);
	return result;
}

/* A prefix or a one-byte change of a text must not have its hash: keys are often similar. */
static void hash_depends_on_each_byte_and_the_length(void **state)
{
	static const char text[] = "aaaaaaaabbbbbbbbaaaaaaa";

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		char changed[sizeof(text)];

		if (length > 0)
			assert_int_not_equal(hash(text, length), hash(text, length - 1));
		for (size_t i = 0; i < length; i++) {
			memcpy(changed, text, sizeof(text));
			changed[i] ^= 1;
			assert_int_not_equal(hash(text, length), hash(changed, length));
		}
		assert_int_equal(hash(text, length), hash(text, length));
	}
}

/* Each stop at each position of a run, with and without other text around it. */
static void plain_runs_end_at_the_first_stop(void **state)
{
	char text[40];

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		bool is_stop = byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;

		assert_int_equal(hp_text_is_stop((unsigned char)byte), is_stop);
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)byte;
			if (at + 1 < sizeof(text))
				text[at + 1] = '\x01'; /* what a borrow might mark too early */
			if (!is_stop && at + 1 < sizeof(text))
				assert_ptr_equal(hp_text_skip_plain(text, text + sizeof(text)),
						 text + at + 1);
			else
				assert_ptr_equal(hp_text_skip_plain(text, text + sizeof(text)),
						 text + at + !is_stop);
		}
	}
}

static void cutting_keeps_characters_and_escapes_whole(void **state)
{
	static const char text[] = "a\\ud83e\\ude9d\xc3\xa9\\nb";
	static const size_t boundaries[] = {0, 1, 13, 15, 17, 18};
	size_t expected = 0;

	(void)state;
	for (size_t max = 0; max <= strlen(text) + 2; max++) {
		for (size_t i = 0; i < COUNT(boundaries); i++) {
			if (boundaries[i] <= max)
				expected = boundaries[i];
		}
		assert_int_equal(hp_text_cut(text, strlen(text), max), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_point_is_known_and_no_surrogate),
	    cmocka_unit_test(wrong_sequences_are_refused),
	    cmocka_unit_test(escapes_of_the_rfc_are_known),
	    cmocka_unit_test(other_escapes_are_refused),
	    cmocka_unit_test(decoding_gives_the_meaning),
	    cmocka_unit_test(meaning_is_compared_with_plain_text),
	    cmocka_unit_test(hash_depends_on_each_byte_and_the_length),
	    cmocka_unit_test(plain_runs_end_at_the_first_stop),
	    cmocka_unit_test(cutting_keeps_characters_and_escapes_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
