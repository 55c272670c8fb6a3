/* SPDX-License-Identifier: Apache-2.0 */

/* Base64 against the vectors of RFC 4648, and texts that are not the one valid encoding. */

#include "tests/proto/base/unit.h"

#include "proto/json/base64.h"

static const struct {
	const char *bytes;
	const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void vectors_of_the_rfc(void **state)
{
	char out[64];
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const char *text = vectors[i].text, *bytes = vectors[i].bytes;

		assert_int_equal(hp_base64_length(strlen(bytes)), strlen(text));
		hp_base64_encode(out, bytes, strlen(bytes));
		assert_memory_equal(out, text, strlen(text));
		assert_int_equal(hp_base64_decode(out, text, strlen(text), &length), 0);
		assert_int_equal(length, strlen(bytes));
		assert_memory_equal(out, bytes, length);
	}
}

static void all_lengths_and_bytes_come_back_in_place(void **state)
{
	unsigned char bytes[256];
	char *text;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + 3);
	for (size_t i = 1; i <= sizeof(bytes); i++) {
		text = malloc(hp_base64_length(i));
		assert_non_null(text);
		hp_base64_encode(text, bytes, i);
		assert_int_equal(hp_base64_decode(text, text, hp_base64_length(i), &length), 0);
		assert_int_equal(length, i);
		assert_memory_equal(text, bytes, i);
		free(text);
	}
}

static void other_spellings_are_refused(void **state)
{
	static const char *const texts[] = {
	    "Z",    "Zg",   "Zg=",  "Zg==Zg==", "=",	      "====", "Z===", "A===", "AAA====",
	    "Zh==", "Zm9=", "Zm 9", "Zm9v\n",	"Zm9v\nYg==", "Zm9-", "Zm9_", "Zg=a", "\xc3\xa9==",
	};
	size_t length = 4711;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		/* In place and in a block of the exact size: a sanitizer sees its ends. */
		char *text = malloc(strlen(texts[i]));

		assert_non_null(text);
		memcpy(text, texts[i], strlen(texts[i]));
		if (hp_base64_decode(text, text, strlen(texts[i]), &length) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		free(text);
	}
	assert_int_equal(length, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_of_the_rfc),
	    cmocka_unit_test(all_lengths_and_bytes_come_back_in_place),
	    cmocka_unit_test(other_spellings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
