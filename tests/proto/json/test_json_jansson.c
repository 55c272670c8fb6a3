/* SPDX-License-Identifier: Apache-2.0 */

/*
 * json.c against jansson on many texts: generated at random from the grammar, then damaged at
 * random. The seed is fixed, so that a failure can be repeated.
 */

#include "tests/proto/base/unit.h"

#include "proto/base/buf.h"
#include "tests/proto/json/jansson_oracle.h"

#define TEXTS 8000

static uint64_t seed;

static unsigned int at_random(unsigned int below)
{
	/* xorshift64 */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % below;
}

static void put(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

#define PUT_ONE_OF(buf, texts) put(buf, (texts)[at_random(COUNT(texts))])

static void grow_string(struct hp_buf *buf)
{
	static const char *const parts[] = {
	    "a",
	    "b",
	    "a",
	    "key",
	    "\\u0061",
	    "\\n",
	    "\\/",
	    "\\\\",
	    "\\\"",
	    "\xc3\xa9",
	    "\\u00e9",
	    "\xf0\x9f\xaa\x9d",
	    "\\ud83e\\ude9d",
	    "12345678",
	    "\\u00",
	    "\\ud800",
	    "\\u0000",
	    "\xff",
	    "\x01",
	    "\\x",
	    "\xed\xa0\x80",
	    "\x7f",
	};
	/* The last ones are invalid and rare. */
	static const unsigned int right = 14;

	put(buf, "\"");
	for (unsigned int i = at_random(4); i > 0; i--)
		put(buf, parts[at_random(200) == 0 ? at_random(COUNT(parts)) : at_random(right)]);
	put(buf, "\"");
}

static void grow_space(struct hp_buf *buf)
{
	static const char *const spaces[] = {"", "", "", "", " ", "\n", "\t\r", "  "};

	PUT_ONE_OF(buf, spaces);
}

static void grow_value(struct hp_buf *buf, unsigned int depth);

static void grow_elements(struct hp_buf *buf, unsigned int depth, bool is_object)
{
	unsigned int count = at_random(12) == 0 ? at_random(60) : at_random(5);

	put(buf, is_object ? "{" : "[");
	for (unsigned int i = 0; i < count; i++) {
		if (i > 0)
			put(buf, ",");
		grow_space(buf);
		if (is_object) {
			char index[2] = {(char)('0' + i), '\0'};

			/* Mostly a new name. */
			if (at_random(8) == 0) {
				grow_string(buf);
			} else {
				put(buf, "\"k");
				put(buf, index[0] == '"' || index[0] == '\\' ? "_" : index);
				put(buf, "\"");
			}
			grow_space(buf);
			put(buf, ":");
		}
		grow_value(buf, depth + 1);
	}
	grow_space(buf);
	put(buf, is_object ? "}" : "]");
}

static void grow_value(struct hp_buf *buf, unsigned int depth)
{
	static const char *const scalars[] = {
	    "0",
	    "-0",
	    "1",
	    "-12",
	    "9223372036854775807",
	    "-9223372036854775808",
	    "0.5",
	    "1e3",
	    "1E-3",
	    "-1.5e+2",
	    "true",
	    "false",
	    "null",
	    "18446744073709551615",
	    "1e999",
	    "01",
	};

	grow_space(buf);
	switch (at_random(depth < 5 ? 4 : 2)) {
	case 0:
		put(buf, scalars[at_random(50) == 0 ? at_random(COUNT(scalars)) : at_random(13)]);
		break;
	case 1:
		grow_string(buf);
		break;
	case 2:
		grow_elements(buf, depth, false);
		break;
	default:
		grow_elements(buf, depth, true);
		break;
	}
	grow_space(buf);
}

/* A byte is changed, removed or inserted, or two parts are exchanged. */
static void damage(struct hp_buf *buf)
{
	static const char bytes[] = "{}[]:,\"\\0123456789.-+eE \ntruefalsnu/abk\x01\x80\xc3\xff";
	size_t at = at_random((unsigned int)buf->length);
	char byte = bytes[at_random(sizeof(bytes))];

	switch (at_random(4)) {
	case 0:
		buf->data[at] = byte;
		break;
	case 1:
		memmove(buf->data + at, buf->data + at + 1, buf->length - at - 1);
		buf->length--;
		break;
	case 2:
		hp_buf_append(buf, "", 1);
		memmove(buf->data + at + 1, buf->data + at, buf->length - at - 1);
		buf->data[at] = byte;
		break;
	default:
		buf->length = at;
		break;
	}
}

static enum oracle_verdict assert_agreed(const struct hp_buf *buf)
{
	enum oracle_verdict verdict;
	char *exact = malloc(buf->length + (buf->length == 0));
	const char *difference;

	assert_non_null(exact);
	memcpy(exact, buf->data, buf->length);
	difference = oracle_compare(exact, buf->length, &verdict);
	free(exact);
	if (difference)
		fail_msg("%s: %.*s", difference, (int)buf->length, buf->data);
	return verdict;
}

static void random_texts_are_seen_alike(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	size_t counts[3] = {0};

	(void)state;
	seed = 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < TEXTS; i++) {
		hp_buf_clear(&buf);
		grow_value(&buf, 0);
		counts[assert_agreed(&buf)]++;
		if (buf.length > 0) {
			damage(&buf);
			counts[assert_agreed(&buf)]++;
		}
	}
	/* There must be enough texts of both kinds. */
	assert_true(counts[ORACLE_TAKEN] > TEXTS / 2);
	assert_true(counts[ORACLE_REFUSED] > TEXTS / 4);
	hp_buf_free(&buf);
}

static void differences_are_the_ones_that_are_meant(void **state)
{
	static const struct {
		const char *text;
		enum oracle_verdict verdict;
	} cases[] = {
	    {"{\"a\":9223372036854775807}", ORACLE_TAKEN},
	    {"{\"a\":9223372036854775808}", ORACLE_NOT_COMPARED},
	    {"[1e400]", ORACLE_NOT_COMPARED},
	    {"{\"a\":1,\"\\u0061\":2}", ORACLE_REFUSED},
	    {"\"\\u0000\"", ORACLE_REFUSED},
	    {"{\"\\u0000\":1}", ORACLE_REFUSED},
	    {"\"\\ud800\"", ORACLE_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum oracle_verdict verdict;
		const char *text = cases[i].text;
		const char *difference = oracle_compare(text, strlen(text), &verdict);

		if (difference)
			fail_msg("%s: %s", difference, text);
		assert_int_equal(verdict, cases[i].verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_texts_are_seen_alike),
	    cmocka_unit_test(differences_are_the_ones_that_are_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
