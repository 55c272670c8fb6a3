/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file of runs, which anybody may have damaged. The input is parts of the file:
 *
 *	byte 0        what it is: a type of enum entry_type, or 0: raw bytes
 *	bytes 1 to 3  the run and the request id (4 bits each), length of the text or of the bytes
 *	              (2 bytes); the text
 *
 * and behind a byte 255: pairs of a place (2 bytes) and bits to flip there.
 *
 * Every byte is a part of exactly one entry or of damage, all entries that were not touched are
 * found, and the runs can be put into a store.
 */

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/records/restore.h"
#include "tests/fuzz/fuzz.h"

#define BOOT	    "11111111-2222-3333-4444-555555555555"
#define ENTRIES_MAX 64

struct input {
	const uint8_t *data;
	size_t size;
};

static size_t begins[ENTRIES_MAX + 1];
static bool is_touched[ENTRIES_MAX], is_entry[ENTRIES_MAX];
static size_t part_count;

static uint8_t take(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static void add_part(struct hp_buf *file, struct input *input, uint8_t type)
{
	uint8_t ids = take(input);
	size_t length = take(input) | (size_t)take(input) << 8;
	char run[8], request_id[8];
	struct entry entry = {.type = (enum entry_type)type,
			      .stage = (enum hp_stage)(ids % HP_STAGE_COUNT),
			      .text = (const char *)input->data};

	if (length > input->size)
		length = input->size;
	entry.text_length = length;
	snprintf(run, sizeof(run), "run-%d", ids & 15);
	snprintf(request_id, sizeof(request_id), "id-%d", ids >> 4);
	if (type != ENTRY_RUNNERS && type != ENTRY_LAST) {
		entry.run = run;
		entry.request_id = ids >> 4 ? request_id : NULL;
	}
	entry.submitted_us = entry.at_ns = ids;
	begins[part_count] = file->length;
	is_touched[part_count] = false;
	is_entry[part_count++] = type != 0;
	if (type == 0)
		hp_buf_append(file, input->data, length);
	else
		must(entry_write(file, entry_seed(BOOT), &entry) == 0, "there is memory");
	input->data += length;
	input->size -= length;
}

static void flip(struct hp_buf *file, struct input *input)
{
	while (input->size > 0) {
		size_t place = (take(input) | (size_t)take(input) << 8) % file->length;
		uint8_t bits = take(input);

		file->data[place] ^= (char)bits;
		for (size_t i = 0; i < part_count; i++)
			if (place >= begins[i] && place < begins[i + 1])
				is_touched[i] |= bits != 0;
	}
}

static void make_file(struct hp_buf *file, struct input *input)
{
	part_count = 0;
	entry_write_head(file, BOOT);
	while (input->size > 0 && part_count < ENTRIES_MAX) {
		uint8_t type = take(input);

		if (type == 255)
			break;
		add_part(file, input, type % ENTRY_TYPE_COUNT);
	}
	begins[part_count] = file->length;
	flip(file, input);
}

static unsigned int sum_of(const char *bytes, size_t length)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)bytes[i];
	return sum;
}

/* Raw bytes may hold entries too, since the seed is known here; so others may be found as well. */
static void check_entries(const struct hp_buf *file)
{
	struct entry_reader reader = {file->data, file->length, ENTRY_HEAD_SIZE, entry_seed(BOOT)};
	bool was_damage = false, is_found[ENTRIES_MAX] = {false};
	enum entry_found found;
	struct entry entry;
	size_t offset, end = ENTRY_HEAD_SIZE;

	while ((found = entry_next(&reader, &entry, &offset)) != ENTRY_NONE) {
		must(offset == end && reader.offset > offset, "no byte is passed over");
		end = reader.offset;
		must(found == ENTRY_FOUND || !was_damage, "damage is one place");
		was_damage = found == ENTRY_NOT_VALID;
		for (size_t i = 0; i < part_count; i++)
			is_found[i] |= found == ENTRY_FOUND && begins[i] == offset;
		if (found == ENTRY_FOUND)
			must(sum_of(entry.text, entry.text_length) <= entry.text_length * 255 &&
				 (!entry.run || strlen(entry.run) < 65536),
			     "all of it can be read");
	}
	must(end == file->length, "all of the file is read");
	for (size_t i = 0; i < part_count; i++)
		must(!is_entry[i] || is_touched[i] || is_found[i], "damage costs only itself");
}

static void check_runs(const struct hp_buf *file, struct event_base *base)
{
	static const struct config config = {.kept_runs = 8, .kept_bytes = 1 << 20};
	static const struct run_context context = {.config = &config};
	struct recorded recorded;
	struct store *store;
	size_t count = 0;

	must(store_new(base, &config, &store) == 0, "there is memory");
	must(recorded_read(file->data, file->length, entry_seed(BOOT), &recorded) == 0,
	     "there is memory");
	must(recorded.end <= file->length, "the end is in the file");
	must(restore_runs(&recorded, &context, store) == 0, "runs can be restored");
	for (struct run *run = store_newest(store); run; run = store_older(run), count++)
		must(run->state == RUN_DONE && run->is_kept != run->is_open,
		     "a run is done or open");
	must(count <= HASH_CNT(by_id, recorded.runs), "there are no others");
	recorded_clear(&recorded);
	event_base_loop(base, EVLOOP_NONBLOCK);
	store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct input input = {data, size};
	struct hp_buf file = HP_BUF_INIT;

	if (!base) {
		base = loop_new();
		log_set_level(-1);
	}
	make_file(&file, &input);
	(void)entry_read_head(file.data, file.length, BOOT);
	check_entries(&file);
	check_runs(&file, base);
	hp_buf_free(&file);
	return 0;
}
