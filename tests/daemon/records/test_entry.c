/* SPDX-License-Identifier: Apache-2.0 */
/* The format of the file of runs, and what damage of it costs. Only bytes. */
#include "tests/daemon/support/support.h"

#include <stdio.h>
#include <xxhash.h>

#include "daemon/records/recorded.h"

#define RUNS 50
#define BOOT "11111111-2222-3333-4444-555555555555"

static uint64_t seed;
static struct hp_buf file;
/* Which bytes of the file belong to which run; RUNS: to none. */
static struct {
	size_t begin, end, run;
} spans[4 * RUNS];
static size_t span_count;

static void add(const struct entry *entry, size_t run)
{
	size_t begin = file.length;

	assert_int_equal(entry_write(&file, seed, entry), 0);
	spans[span_count].begin = begin;
	spans[span_count].end = file.length;
	spans[span_count++].run = run;
}

static void name(char text[static 32], const char *what, size_t i)
{
	snprintf(text, 32, "%s-%zu", what, i);
}

static void add_run(size_t i)
{
	char id[32], request_id[32], container[32], request[64], result[64];
	struct entry entry = {.uid = (uid_t)i,
			      .stage = (enum hp_stage)(i % HP_STAGE_COUNT),
			      .run = id,
			      .request_id = i % 7 == 3 ? NULL : request_id,
			      .submitted_us = (int64_t)i};

	name(id, "run", i);
	name(request_id, "start", i);
	name(container, "box", i);
	snprintf(request, sizeof(request), "{\"state\":{\"id\":\"box-%zu\"},\"hooks\":{}}", i);
	snprintf(result, sizeof(result), "{\"run\":\"%s\",\"outcome\":\"succeeded\"}", id);
	entry.type = ENTRY_REQUEST;
	entry.text = request;
	entry.text_length = strlen(request);
	add(&entry, i);
	entry.type = ENTRY_BEGAN;
	entry.text = container;
	entry.text_length = strlen(container);
	add(&entry, i);
	entry.type = ENTRY_ENDED;
	entry.at_ns = (int64_t)(1000 + i);
	entry.text = result;
	entry.text_length = strlen(result);
	add(&entry, i);
}

static int set_up(void **state)
{
	struct entry runners = {.type = ENTRY_RUNNERS, .text = "a b", .text_length = 3};
	struct entry last = {.type = ENTRY_LAST};

	(void)state;
	seed = entry_seed(BOOT);
	span_count = 0;
	hp_buf_clear(&file);
	entry_write_head(&file, BOOT);
	add(&runners, RUNS);
	for (size_t i = 0; i < RUNS; i++)
		add_run(i);
	add(&last, RUNS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hp_buf_free(&file);
	return 0;
}

static struct recorded_run *find(struct recorded *recorded, size_t i)
{
	struct recorded_run *run;
	char id[32];

	name(id, "run", i);
	HASH_FIND(by_id, recorded->runs, id, strlen(id), run);
	return run;
}

static void expect_ids(const struct recorded_run *run, size_t i)
{
	char request_id[32];

	name(request_id, "start", i);
	assert_non_null(run);
	assert_false(run->is_forgotten);
	assert_int_equal(run->uid, i);
	assert_int_equal(run->submitted_us, i);
	if (i % 7 == 3)
		assert_null(run->request_id);
	else
		assert_string_equal(run->request_id, request_id);
}

static void expect_whole(const struct recorded_run *run, size_t i)
{
	char part[32];

	expect_ids(run, i);
	assert_true(run->container && run->request && run->result);
	assert_int_equal(run->ended_ns, 1000 + i);
	name(part, "box", i);
	assert_int_equal(run->container_length, strlen(part));
	assert_memory_equal(run->container, part, strlen(part));
	assert_non_null(memmem(run->request, run->request_length, part, strlen(part)));
	name(part, "run", i);
	assert_non_null(memmem(run->result, run->result_length, part, strlen(part)));
}

/* ---- whole ---- */

static void all_is_read_back(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_int_equal(entry_read_head(file.data, file.length, BOOT), ENTRY_HEAD_OURS);
	assert_int_equal(recorded_read(file.data, file.length, seed, &recorded), 0);
	for (size_t i = 0; i < RUNS; i++)
		expect_whole(find(&recorded, i), i);
	assert_int_equal(HASH_CNT(by_id, recorded.runs), RUNS);
	assert_int_equal(recorded.damage_count, 0);
	assert_false(recorded.is_cut_off);
	assert_int_equal(recorded.end, file.length - ENTRY_LAST_SIZE);
	assert_int_equal(recorded.runners_length, 3);
	assert_memory_equal(recorded.runners, "a b", 3);
	recorded_clear(&recorded);
}

static void a_large_text_is_read_back(void **state)
{
	size_t length = 16 * 1024 * 1024;
	char *text = malloc(length);
	struct entry entry = {.type = ENTRY_ENDED, .run = "r", .text = text, .text_length = length};
	struct entry_reader reader;
	size_t offset;

	(void)state;
	memset(text, 'x', length);
	hp_buf_clear(&file);
	assert_int_equal(entry_write(&file, seed, &entry), 0);
	reader = (struct entry_reader){file.data, file.length, 0, seed};
	assert_int_equal(entry_next(&reader, &entry, &offset), ENTRY_FOUND);
	assert_int_equal(entry.text_length, length);
	assert_memory_equal(entry.text, text, length);
	assert_int_equal(entry_next(&reader, &entry, &offset), ENTRY_NONE);
	free(text);
}

/* ---- damage ---- */

static size_t run_at(size_t offset)
{
	for (size_t i = 0; i < span_count; i++)
		if (offset >= spans[i].begin && offset < spans[i].end)
			return spans[i].run;
	return RUNS;
}

static void expect_damage(size_t offset)
{
	size_t touched = run_at(offset);
	struct recorded recorded;
	struct recorded_run *run;

	assert_int_equal(recorded_read(file.data, file.length, seed, &recorded), 0);
	assert_int_equal(HASH_CNT(by_id, recorded.runs), RUNS);
	for (size_t i = 0; i < RUNS; i++) {
		run = find(&recorded, i);
		if (i != touched)
			expect_whole(run, i);
		else
			expect_ids(run, i);
	}
	run = touched < RUNS ? find(&recorded, touched) : NULL;
	if (run)
		assert_int_equal(!run->container + !run->request + !run->result, 1);
	if (offset >= ENTRY_HEAD_SIZE) {
		assert_int_equal(recorded.damage_count + recorded.is_cut_off, 1);
		/* An end may be missing: a run without one is not taken for one that never began.
		 */
		assert_null(recorded.runners);
	}
	recorded_clear(&recorded);
}

/* Fault 33: a flipped byte costs at most one entry of one run, and no request id. */
static void every_byte_is_flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < file.length; i++) {
		file.data[i] ^= (char)(1 << i % 8);
		if (i < ENTRY_HEAD_SIZE)
			assert_int_equal(entry_read_head(file.data, file.length, BOOT),
					 ENTRY_HEAD_DAMAGED);
		expect_damage(i);
		file.data[i] ^= (char)(1 << i % 8);
	}
}

/* Fault 33: what is cut off is missing, which is always seen, and all before is there. */
static void it_is_cut_off_at_every_byte(void **state)
{
	(void)state;
	for (size_t length = 0; length < file.length; length++) {
		struct recorded recorded;

		assert_int_equal(recorded_read(file.data, length, seed, &recorded), 0);
		assert_true(recorded.is_cut_off);
		assert_null(recorded.runners);
		assert_int_equal(recorded.damage_count, 0);
		for (size_t i = 0; i < RUNS; i++) {
			struct recorded_run *run = find(&recorded, i);

			if (spans[1 + 3 * i + 2].end <= length)
				expect_whole(run, i);
			else if (spans[1 + 3 * i + 1].end <= length)
				expect_ids(run, i);
			else if (run) /* only where its BEGAN is nearly whole */
				assert_in_range(spans[1 + 3 * i + 1].end - length, 1, 6);
		}
		recorded_clear(&recorded);
	}
}

/* A damaged block, unlike a write that was not finished. */
static void the_last_entries_are_zeroed(void **state)
{
	size_t begin = spans[3 * RUNS - 1].begin; /* BEGAN of the last run */
	struct recorded recorded;

	(void)state;
	memset(file.data + begin, 0, file.length - begin);
	assert_int_equal(recorded_read(file.data, file.length, seed, &recorded), 0);
	expect_ids(find(&recorded, RUNS - 1), RUNS - 1);
	assert_true(recorded.is_cut_off);
	recorded_clear(&recorded);
}

/* Bytes that somebody has put between the entries, or at the end. */
static void what_follows_damage_is_found(void **state)
{
	struct hp_buf longer = HP_BUF_INIT;
	struct recorded recorded;

	(void)state;
	hp_buf_append(&longer, file.data, spans[10].end);
	hp_buf_append(&longer, "12345", 5);
	hp_buf_append(&longer, file.data + spans[10].end, file.length - spans[10].end);
	assert_int_equal(recorded_read(longer.data, longer.length, seed, &recorded), 0);
	for (size_t i = 0; i < RUNS; i++)
		expect_whole(find(&recorded, i), i);
	assert_int_equal(recorded.damage_count, 1);
	assert_int_equal(recorded.places[0].offset, spans[10].end);
	assert_int_equal(recorded.places[0].length, 5);
	recorded_clear(&recorded);
	hp_buf_free(&longer);
}

/* ---- others ---- */

/* Fault 35: nothing of another boot is read, even if the head is damaged. */
static void entries_of_another_boot_are_not_read(void **state)
{
	static const char other[] = "99999999-2222-3333-4444-555555555555";
	struct recorded recorded;

	(void)state;
	assert_int_equal(entry_read_head(file.data, file.length, other), ENTRY_HEAD_OTHER_BOOT);
	assert_int_equal(recorded_read(file.data, file.length, entry_seed(other), &recorded), 0);
	assert_null(recorded.runs);
	recorded_clear(&recorded);
}

static void another_version_is_recognised(void **state)
{
	uint64_t checksum;

	(void)state;
	file.data[8]++;
	checksum = XXH3_64bits(file.data, ENTRY_HEAD_SIZE - 8);
	memcpy(file.data + ENTRY_HEAD_SIZE - 8, &checksum, sizeof(checksum));
	assert_int_equal(entry_read_head(file.data, file.length, BOOT), ENTRY_HEAD_OTHER_VERSION);
}

int main(void)
{
#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    FILE_TEST(all_is_read_back),
	    FILE_TEST(a_large_text_is_read_back),
	    FILE_TEST(every_byte_is_flipped),
	    FILE_TEST(it_is_cut_off_at_every_byte),
	    FILE_TEST(the_last_entries_are_zeroed),
	    FILE_TEST(what_follows_damage_is_found),
	    FILE_TEST(entries_of_another_boot_are_not_read),
	    FILE_TEST(another_version_is_recognised),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
