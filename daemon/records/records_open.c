/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the file of an earlier hookd: logs what is damaged in it, restores its runs, and continues
 * it. What is not a file of this version, or not hookd's, is set aside; one of another boot is
 * removed. No state.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"
#include "daemon/records/records_all.h"
#include "daemon/records/restore.h"

/* One of the two entries of its begin is missing. */
static bool is_touched(const struct recorded_run *run)
{
	return !run->is_forgotten && !(run->request && run->container);
}

static void log_touched(const struct recorded *recorded)
{
	struct recorded_run *run, *next;
	size_t count = 0;

	HASH_ITER(by_id, recorded->runs, run, next)
	{
		if (!is_touched(run))
			continue;
		if (count++ < RECORDED_PLACES_MAX)
			log_error("records of runs: damaged for run %s%s%s", run->id,
				  run->request_id ? ", request " : "",
				  run->request_id ? run->request_id : "");
	}
	if (count > RECORDED_PLACES_MAX)
		log_error("records of runs: damaged for %zu runs", count);
}

static void log_damage(const struct recorded *recorded)
{
	for (size_t i = 0; i < recorded->damage_count && i < RECORDED_PLACES_MAX; i++)
		log_error("records of runs: %zu bytes at offset %zu are damaged",
			  recorded->places[i].length, recorded->places[i].offset);
	if (recorded->damage_count > RECORDED_PLACES_MAX)
		log_error("records of runs: %zu places are damaged", recorded->damage_count);
	if (recorded->is_unfinished)
		log_notice("records of runs: the last entry was not finished, and is dropped, from "
			   "offset %zu on",
			   recorded->end);
	else if (recorded->is_cut_off)
		log_error("records of runs: the end is missing, from offset %zu on", recorded->end);
	log_touched(recorded);
}

/*
 * The id of a run stands in two entries from its begin on, so that no damage of one place loses it.
 * With one of them gone, it is written again, for the next damage.
 */
static int repeat_ids(struct records *records, const struct recorded *recorded)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct recorded_run *run, *next;
	int r = 0;

	HASH_ITER(by_id, recorded->runs, run, next)
	{
		const struct entry began = {
		    .type = ENTRY_BEGAN,
		    .stage = run->stage,
		    .uid = run->uid,
		    .run = run->id,
		    .request_id = run->request_id,
		    .submitted_us = run->submitted_us,
		    .at_ns = clock_ns(CLOCK_BOOTTIME),
		    .text = run->container ? run->container : "unknown",
		    .text_length = run->container ? run->container_length : strlen("unknown"),
		};

		if (r == 0 && is_touched(run))
			r = entry_write(&buf, records->file.seed, &began);
	}
	if (r == 0 && buf.length > 0)
		r = record_file_append(&records->file, &buf);
	hp_buf_free(&buf);
	return r;
}

/* Continues the file behind its last valid entry, or a new one without what is damaged. */
static int mend(struct records *records, const struct recorded *recorded, bool has_head)
{
	size_t length = records->file.length;
	bool is_damaged =
	    recorded->damage_count > 0 || !has_head ||
	    (recorded->is_cut_off && recorded->end < length && !recorded->is_unfinished);
	int r = 0;

	if (is_damaged && records_rewrite_all(records, has_head ? 0 : ENTRY_HEAD_SIZE) == 0)
		return 0;
	if (recorded->is_cut_off || is_damaged)
		r = record_file_cut(&records->file, recorded->end);
	else
		records->file.length = recorded->end;
	return r == -ENOSPC ? 0 : r; /* the next append writes ENTRY_LAST */
}

/* 1: it is not a file of runs. */
static int restore(struct records *records, const char *bytes, size_t length, bool has_head)
{
	struct recorded recorded;
	int r = recorded_read(bytes, length, records->file.seed, &recorded);

	if (r < 0)
		return r;
	if (!has_head && !recorded.runs && recorded.end == ENTRY_HEAD_SIZE) {
		recorded_clear(&recorded);
		return 1;
	}
	if (!has_head)
		log_error("records of runs: the first %d bytes are damaged", ENTRY_HEAD_SIZE);
	log_damage(&recorded);
	if (recorded.runners)
		records->runners = strndup(recorded.runners, recorded.runners_length);
	r = restore_runs(&recorded, records->options.context, records->options.store);
	if (r == 0)
		r = mend(records, &recorded, has_head);
	if (r == 0 && recorded.damage_count > 0 && repeat_ids(records, &recorded) < 0)
		log_error("records of runs: no room to write ids of damaged runs again");
	recorded_clear(&recorded);
	return r;
}

/* The file is complete before it gets its name. */
static int make_new(struct records *records)
{
	int directory = records->directory, r;

	record_file_close(&records->file);
	(void)unlinkat(directory, RECORD_FILE_NAME, 0);
	r = record_file_create(directory, RECORD_FILE_NEW, records->boot_id, &records->file);
	if (r == 0 && renameat(directory, RECORD_FILE_NEW, directory, RECORD_FILE_NAME) < 0)
		r = -errno;
	return r;
}

static int set_aside(struct records *records, const char *why)
{
	char aside[FILE_ASIDE_SIZE];
	int r = file_set_aside(records->directory, RECORD_FILE_NAME, RECORD_FILE_BAD, aside);

	if (r < 0)
		return r;
	log_error("%s/" RECORD_FILE_NAME
		  " %s: it is set aside as %s, and the runs of an earlier hookd are not known",
		  records->options.directory, why, aside);
	return make_new(records);
}

static int read_file(struct records *records)
{
	size_t length = records->file.length;
	enum entry_head head;
	char *bytes;
	int r;

	if (length == 0)
		return set_aside(records, "is empty");
	r = record_file_map(&records->file, length, &bytes);
	if (r < 0)
		return r;
	head = entry_read_head(bytes, length, records->boot_id);
	if (head == ENTRY_HEAD_OURS || head == ENTRY_HEAD_DAMAGED)
		r = restore(records, bytes, length, head == ENTRY_HEAD_OURS);
	munmap(bytes, length);
	if (head == ENTRY_HEAD_OTHER_VERSION)
		return set_aside(records, "is of another version");
	if (head == ENTRY_HEAD_OTHER_BOOT) {
		log_notice("records of runs of another boot are removed");
		return make_new(records);
	}
	return r == 1 ? set_aside(records, "is not a file of runs of this version") : r;
}

int records_open_file(struct records *records)
{
	int r;

	/* See rewrite.c: replace(). */
	(void)renameat2(records->directory, RECORD_FILE_NEW, records->directory, RECORD_FILE_NAME,
			RENAME_NOREPLACE);
	(void)record_file_clear(records->directory, RECORD_FILE_NEW);
	r = record_file_open(records->directory, records->boot_id, &records->file);
	if (r == -ENOENT)
		return make_new(records);
	if (r == -EILSEQ || r == -EACCES)
		return set_aside(records, "is not a file of hookd's");
	return r < 0 ? r : read_file(records);
}
