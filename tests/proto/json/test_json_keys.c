/* SPDX-License-Identifier: Apache-2.0 */

/* Keys of objects: their number, duplicates, and the cost of the most hostile ones. */

#include "tests/proto/base/unit.h"

#include <stdio.h>

#include "proto/base/buf.h"
#include "proto/base/limits.h"
#include "proto/json/text.h"

static int verdict(const char *text, size_t length)
{
	struct document document;
	int r = document_parse(&document, text, length);

	if (r < 0)
		assert_int_equal(document.json.count, 0);
	document_close(&document);
	return r;
}

static void assert_verdict(struct hp_buf buf, int expected)
{
	assert_int_equal(verdict(buf.data, buf.length), expected);
	hp_buf_free(&buf);
}

/* An object of `count` members named by `format`; member `twice` has the name of member 0. */
static struct hp_buf object_of(size_t count, const char *format, size_t twice)
{
	struct hp_buf buf = HP_BUF_INIT;
	char member[128];

	for (size_t i = 0; i < count; i++) {
		int length = snprintf(member, sizeof(member), format, i == 0 ? '{' : ',',
				      i == twice ? 0 : (unsigned int)i);

		hp_buf_append(&buf, member, (size_t)length);
	}
	hp_buf_append(&buf, "}", 1);
	return buf;
}

#define NAMED "%c\"annotation-%u\":[{}]"

static void members_are_bounded(void **state)
{
	(void)state;
	assert_verdict(object_of(HP_JSON_MEMBERS_MAX, NAMED, 0), 0);
	assert_verdict(object_of(HP_JSON_MEMBERS_MAX + 1, NAMED, 0), -EMSGSIZE);
}

/* Few members are compared one by one, many are sorted: both are tested. */
static void key_that_is_there_twice_is_refused(void **state)
{
	static const size_t counts[] = {2, 3, 31, 32, 33, 34, 100, 4096};

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		assert_verdict(object_of(counts[i], NAMED, 0), 0);
		assert_verdict(object_of(counts[i], NAMED, counts[i] - 1), -EINVAL);
		assert_verdict(object_of(counts[i], NAMED, 1), -EINVAL);
	}
}

static void key_is_found_twice_in_any_spelling(void **state)
{
	static const char *const texts[] = {
	    "{\"a\":1,\"\\u0061\":2}",
	    "{\"\\u0061\":1,\"\\u0061\":2}",
	    "{\"\":1,\"\":2}",
	    "{\"a/b\":1,\"a\\/b\":2}",
	    "{\"\xf0\x9f\xaa\x9d\":1,\"\\ud83e\\ude9d\":2}",
	    "{\"x\":{\"a longer key\":1,\"b\":[],\"a longer ke\\u0079\":2}}",
	};
	struct hp_buf many;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(verdict(texts[i], strlen(texts[i])), -EINVAL);
	many = object_of(100, NAMED, 0);
	many.length--;
	hp_buf_append(&many, ",\"\\u0061nnotation-7\":1}", 23);
	assert_verdict(many, -EINVAL);
	many = object_of(100, NAMED, 0);
	many.length--;
	hp_buf_append(&many, ",\"\\u0061nnotation-x\":1}", 23);
	assert_verdict(many, 0);
}

static void reason_names_the_second_of_two_keys(void **state)
{
	struct document document;
	struct hp_buf many = object_of(50, "%c\"%02u\":1", 40);

	(void)state;
	assert_int_equal(document_parse(&document, "{\"a\":1,\"a\":2}", 13), -EINVAL);
	assert_string_equal(document.err.reason, "not valid JSON at byte 7: duplicate key");
	document_close(&document);
	assert_int_equal(document_parse(&document, many.data, many.length), -EINVAL);
	assert_string_equal(document.err.reason, "not valid JSON at byte 281: duplicate key");
	document_close(&document);
	hp_buf_free(&many);
}

/* ---- the most that a search for keys can be made to cost ---- */

/* The linker replaces qsort(3) of proto/json/json.c by this, which counts comparisons. */
static size_t comparisons;
static int (*compare_members)(const void *a, const void *b);
void __real_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *a, const void *b));
void __wrap_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *a, const void *b));

static int count_and_compare(const void *a, const void *b)
{
	comparisons++;
	return compare_members(a, b);
}

void __wrap_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *a, const void *b))
{
	compare_members = compare;
	__real_qsort(base, count, size, count_and_compare);
}

/* One step of hp_text_hash(): the second of two words can undo the first. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static bool is_plain(const char bytes[static 8])
{
	for (int i = 0; i < 8; i++) {
		if (hp_text_is_stop((unsigned char)bytes[i]))
			return false;
	}
	return true;
}

#define HOSTILE_KEYS	  2048
#define HOSTILE_KEY_BYTES 2000 /* a multiple of 8 */

/* Writes the next of the long keys that differ in their last 16 bytes and have equal hashes. */
static void hostile_key(char key[static HOSTILE_KEY_BYTES], uint64_t *counter)
{
	char *tail = key + HOSTILE_KEY_BYTES - 16;
	uint64_t common = 0, second;

	memset(key, 'x', HOSTILE_KEY_BYTES);
	for (char *word = key; word < tail; word += 8)
		common = mix(common, hp_text_load(word));
	do {
		uint64_t digits = ++*counter;

		for (int i = 0; i < 8; i++, digits /= 40)
			tail[i] = (char)('0' + digits % 40);
		second = htole64(mix(common, hp_text_load(tail)) ^ 0x6b6579206b657920ull);
		memcpy(tail + 8, &second, 8);
	} while (!is_plain(tail + 8));
}

static struct hp_buf hostile_object(void)
{
	char key[HOSTILE_KEY_BYTES];
	struct hp_buf buf = HP_BUF_INIT;
	uint64_t counter = 0;
	uint32_t hash = 0;

	for (int i = 0; i < HOSTILE_KEYS; i++) {
		hostile_key(key, &counter);
		if (i > 0)
			assert_int_equal(hp_text_hash(key, sizeof(key)), hash);
		hash = hp_text_hash(key, sizeof(key));
		hp_buf_append(&buf, i > 0 ? ",\"" : "{\"", 2);
		hp_buf_append(&buf, key, sizeof(key));
		hp_buf_append(&buf, "\":1", 3);
	}
	hp_buf_append(&buf, "}", 1);
	return buf;
}

/* Comparing each with each would take two million comparisons of 2000 bytes. */
static void keys_of_equal_hash_are_sorted(void **state)
{
	(void)state;
	comparisons = 0;
	assert_verdict(hostile_object(), 0);
	assert_in_range(comparisons, HOSTILE_KEYS - 1, 2 * HOSTILE_KEYS * 11 /* log2 */);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_bounded),
	    cmocka_unit_test(key_that_is_there_twice_is_refused),
	    cmocka_unit_test(key_is_found_twice_in_any_spelling),
	    cmocka_unit_test(reason_names_the_second_of_two_keys),
	    cmocka_unit_test(keys_of_equal_hash_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
