/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the entries of a file to runs. No state, no files.
 *
 * The entries of a run may come in any order and more than once. Where something is damaged or cut
 * off, the runners that lists were handed to are not known: an end that is missing then means
 * nothing, and a run without one must not be taken for one that never began. Except the last one,
 * if hookd was killed while it wrote that it begins: then it did not begin.
 */
#include "daemon/records/recorded.h"

#include <string.h>

/* The run of the entry; NULL: out of memory. */
static struct recorded_run *find_or_add(struct recorded *recorded, const struct entry *entry)
{
	struct recorded_run *run;

	HASH_FIND(by_id, recorded->runs, entry->run, strlen(entry->run), run);
	if (run)
		return run;
	run = calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->id = entry->run;
	run->uid = entry->uid;
	run->stage = entry->stage;
	run->request_id = entry->request_id;
	run->submitted_us = entry->submitted_us;
	HASH_ADD_KEYPTR(by_id, recorded->runs, run->id, strlen(run->id), run);
	if (run->by_id.tbl)
		return run;
	free(run);
	return NULL;
}

static int take_entry_of_run(struct recorded *recorded, const struct entry *entry, size_t bytes)
{
	struct recorded_run *run = find_or_add(recorded, entry);

	if (!run)
		return -ENOMEM;
	run->bytes += bytes;
	if (entry->type == ENTRY_BEGAN) {
		run->container = entry->text;
		run->container_length = entry->text_length;
	} else if (entry->type == ENTRY_REQUEST) {
		run->request = entry->text;
		run->request_length = entry->text_length;
	} else if (entry->type == ENTRY_ENDED) {
		run->result = entry->text;
		run->result_length = entry->text_length;
		run->ended_ns = entry->at_ns;
	} else {
		run->is_forgotten = true;
	}
	return 0;
}

static int take_entry(struct recorded *recorded, const struct entry *entry, size_t bytes)
{
	if (entry->type == ENTRY_LAST)
		return 0;
	if (entry->type != ENTRY_RUNNERS)
		return take_entry_of_run(recorded, entry, bytes);
	recorded->runners = entry->text_length > 0 ? entry->text : NULL;
	recorded->runners_length = entry->text_length;
	return 0;
}

static void take_damage(struct recorded *recorded, size_t offset, size_t length)
{
	if (recorded->damage_count < RECORDED_PLACES_MAX)
		recorded->places[recorded->damage_count] = (struct recorded_place){offset, length};
	recorded->damage_count++;
}

/*
 * REQUEST is the last entry, and the file is too short for the others that are written with it. Of
 * a BEGAN that is damaged the bytes would be there.
 */
static bool is_half_written(struct recorded *recorded, const struct entry *last, size_t left)
{
	struct recorded_run *run;
	size_t others = 2 * ENTRY_LAST_SIZE;

	if (last->type != ENTRY_REQUEST)
		return false;
	HASH_FIND(by_id, recorded->runs, last->run, strlen(last->run), run);
	others += strlen(last->run) + 1 + (last->request_id ? strlen(last->request_id) + 1 : 0);
	return !run->container && left < others;
}

static void drop(struct recorded *recorded, const char *id)
{
	struct recorded_run *run;

	HASH_FIND(by_id, recorded->runs, id, strlen(id), run);
	HASH_DELETE(by_id, recorded->runs, run);
	free(run);
}

int recorded_read(const char *bytes, size_t length, uint64_t seed, struct recorded *ret_recorded)
{
	struct entry_reader reader = {bytes, length, ENTRY_HEAD_SIZE, seed};
	struct recorded recorded = {.end = ENTRY_HEAD_SIZE, .is_cut_off = true};
	enum entry_found found;
	struct entry entry, last = {0};
	size_t offset, last_offset = 0, tail = length;
	int r = 0;

	while (r == 0 && (found = entry_next(&reader, &entry, &offset)) != ENTRY_NONE) {
		if (found == ENTRY_NOT_VALID && reader.offset < length)
			take_damage(&recorded, offset, reader.offset - offset);
		recorded.is_cut_off = found != ENTRY_FOUND || entry.type != ENTRY_LAST;
		tail = found == ENTRY_NOT_VALID ? offset : length;
		if (found == ENTRY_NOT_VALID)
			continue;
		if (entry.type != ENTRY_LAST)
			recorded.end = reader.offset;
		last = entry;
		last_offset = offset;
		r = take_entry(&recorded, &entry, reader.offset - offset);
	}
	recorded.is_unfinished = recorded.is_cut_off && recorded.damage_count == 0 &&
				 entry_is_unfinished(bytes + tail, length - tail);
	if (r == 0 && recorded.is_cut_off &&
	    is_half_written(&recorded, &last, length - recorded.end)) {
		drop(&recorded, last.run);
		recorded.end = last_offset;
	}
	if (recorded.damage_count > 0 || recorded.is_cut_off)
		recorded.runners = NULL;
	if (r < 0)
		recorded_clear(&recorded);
	else
		*ret_recorded = recorded;
	return r;
}

void recorded_clear(struct recorded *recorded)
{
	struct recorded_run *run, *next;

	HASH_ITER(by_id, recorded->runs, run, next)
	{
		HASH_DELETE(by_id, recorded->runs, run);
		free(run);
	}
}
