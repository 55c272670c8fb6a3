/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records runs. Entries are collected in a buffer and written together:
 *
 *	WRITTEN --an end--> PENDING --the end of the loop's turn, or a begin--> WRITTEN
 *	                       `-----it cannot be written--> FAILING --200 ms, or a begin--> ...
 *
 * A begin is written at once and, if that fails, taken out of the buffer again. All else stays in
 * it until it is written. The file is rewritten when most of it is about runs that are not kept any
 * more (rewrite.h).
 */
#include "daemon/records/records.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/records/records_all.h"
#include "daemon/records/shorten.h"
#include "proto/json/json_writer.h"

#define RETRY_AFTER_MS	   200
#define LOOK_EVERY_S	   10
#define FIRST_LOOK_S	   1		  /* the store has forgotten what it does not keep */
#define REWRITE_FROM_BYTES (1024u * 1024) /* a smaller file stays as it is, if there is room */
#define GARBAGE_MIN_BYTES  (16u * 1024)

/* ---- entries ---- */

/* Returns the length of the entry, or -errno. */
static ssize_t put(struct records *records, const struct entry *entry)
{
	size_t before = records->pending.length;
	int r = entry_write(&records->pending, records->file.seed, entry);

	return r < 0 ? r : (ssize_t)(records->pending.length - before);
}

static struct entry entry_of(const struct run *run, enum entry_type type, int64_t at_ns,
			     const char *text, size_t length)
{
	return (struct entry){
	    .type = type,
	    .stage = run->request.stage,
	    .uid = run->uid,
	    .run = run->id,
	    .request_id = run->request.request_id,
	    .submitted_us = run->submitted_us,
	    .at_ns = at_ns,
	    .text = text,
	    .text_length = length,
	};
}

/* Returns the length of both entries, or -errno: neither is there. */
static ssize_t put_begin(struct records *records, const struct run *run)
{
	const struct hp_request *request = &run->request;
	struct entry began = entry_of(run, ENTRY_BEGAN, run->started_ns, request->container,
				      strlen(request->container));
	struct entry text =
	    entry_of(run, ENTRY_REQUEST, run->started_ns, request->text, request->text_length);
	size_t before = records->pending.length;
	ssize_t r = put(records, &text);

	if (r >= 0)
		r = put(records, &began);
	if (r >= 0)
		return (ssize_t)(records->pending.length - before);
	records->pending.length = before;
	return r;
}

/* Returns the length of the entry, or -errno. */
static ssize_t put_end(struct records *records, const struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&records->text);
	struct entry entry;

	hp_buf_clear(&records->text);
	hp_run_result_write(&writer, &run->result);
	if (records->text.failed)
		return -ENOMEM;
	entry =
	    entry_of(run, ENTRY_ENDED, run->finished_ns, records->text.data, records->text.length);
	return put(records, &entry);
}

static void put_runners(struct hp_buf *buf, const struct records *records)
{
	const struct entry entry = {
	    .type = ENTRY_RUNNERS,
	    .at_ns = clock_ns(CLOCK_BOOTTIME),
	    .text = records->runners,
	    .text_length = records->runners ? strlen(records->runners) : 0,
	};

	if (entry_write(buf, records->file.seed, &entry) < 0)
		buf->failed = true;
}

/* ---- rewriting ---- */

static void look_after(struct records *records, int seconds)
{
	timer_set(records->look, &(struct timeval){.tv_sec = seconds});
}

static bool is_mostly_forgotten(const struct records *records)
{
	size_t kept = store_recorded_bytes(records->options.store);

	return records->file.length > REWRITE_FROM_BYTES && records->file.length / 2 > kept;
}

/* As much that a rewrite is worth it where room is scarce. */
static bool has_garbage(const struct records *records)
{
	size_t kept = ENTRY_HEAD_SIZE + store_recorded_bytes(records->options.store);
	size_t length = records->file.length, garbage = length > kept ? length - kept : 0;

	return garbage >= GARBAGE_MIN_BYTES && garbage >= kept / 4;
}

/* While both files are there, the new one needs room, and so does what is appended meanwhile. */
static bool is_short_of_room(const struct records *records)
{
	size_t needed = 2 * store_recorded_bytes(records->options.store) + RESERVE_BYTES;
	struct statvfs room;

	/* A tmpfs without a limit has 0 blocks. */
	return fstatvfs(records->directory, &room) == 0 && room.f_blocks > 0 &&
	       (uint64_t)room.f_bavail * room.f_frsize < needed;
}

static bool is_rewrite_due(const struct records *records)
{
	if (is_mostly_forgotten(records))
		return true;
	return has_garbage(records) && (!records->was_looked_at || is_short_of_room(records));
}

static int begin_rewrite(struct records *records)
{
	struct hp_buf first = HP_BUF_INIT;
	int r;

	put_runners(&first, records);
	r = rewrite_begin(&records->rewrite, &records->file, records->boot_id, &first);
	hp_buf_free(&first);
	return r;
}

/* Without room for another file, in the reserve neither, the one that is there is kept. */
static void rewrite_failed(struct records *records, int error)
{
	if (!records->rewrite_has_failed)
		log_error("records of runs cannot be written anew: %s", strerror(error));
	records->rewrite_has_failed = true;
}

static void log_left_out(const struct rewrite *rewrite)
{
	if (rewrite->kept_as[0])
		log_error("records of runs: %zu damaged bytes are left out, and the damaged file "
			  "is kept as %s",
			  rewrite->damaged_bytes, rewrite->kept_as);
}

/* Does a piece of work. True: there is more. */
static bool rewrite_a_piece(struct records *records)
{
	int r = 0;

	if (!rewrite_is_active(&records->rewrite)) {
		if (!is_rewrite_due(records))
			return false;
		r = begin_rewrite(records);
	}
	if (r == 0)
		r = rewrite_some(&records->rewrite, records->options.store);
	if (r == -ENOSPC && reserve_give_back(&records->reserve))
		return true;
	if (r < 0)
		rewrite_failed(records, -r);
	else
		records->rewrite_has_failed = false;
	if (r == 1)
		log_left_out(&records->rewrite);
	return r == 0;
}

static void on_look(evutil_socket_t fd, short what, void *userdata)
{
	struct records *records = userdata;

	(void)fd, (void)what;
	look_after(records, rewrite_a_piece(records) ? 0 : LOOK_EVERY_S);
	records->was_looked_at = true;
}

int records_rewrite_all(struct records *records, size_t damaged_bytes)
{
	int r = begin_rewrite(records);

	records->rewrite.damaged_bytes = damaged_bytes;
	while (r == 0)
		r = rewrite_some(&records->rewrite, records->options.store);
	if (r < 0)
		rewrite_failed(records, -r);
	else
		log_left_out(&records->rewrite);
	return r < 0 ? r : 0;
}

/* ---- writing ---- */

/* Runs whose ends were written. */
static void report_written(const struct records *records, const struct hp_buf *written)
{
	struct entry_reader reader = {written->data, written->length, 0, records->file.seed};
	struct entry entry;
	size_t offset;

	while (entry_next(&reader, &entry, &offset) == ENTRY_FOUND)
		if (entry.type == ENTRY_ENDED || entry.type == ENTRY_FORGOTTEN)
			records->options.recorded(entry.run, records->options.userdata);
}

static int append(struct records *records)
{
	int r = record_file_append(&records->file, &records->pending);

	if (r == 0 || !rewrite_is_active(&records->rewrite))
		return r;
	/* The new file may have taken the last room, or the old one has it still. */
	rewrite_abort(&records->rewrite);
	records->rewrite_has_failed = true;
	return record_file_append(&records->file, &records->pending);
}

static void rewrite_if_due(struct records *records)
{
	if (!records->rewrite_has_failed && is_rewrite_due(records))
		look_after(records, 0);
}

static void writing_failed(struct records *records, int error)
{
	if (!records->is_failing)
		log_error("runs cannot be recorded, and none is begun: %s", strerror(error));
	records->is_failing = true;
}

/* -errno: all of it is still to be written. Also called when the store has been freed. */
static int write_pending(struct records *records)
{
	int r;

	if (records->pending.length == 0)
		return 0;
	r = append(records);
	if (r < 0) {
		writing_failed(records, -r);
		return r;
	}
	if (records->is_failing)
		log_notice("runs can be recorded again");
	records->is_failing = false;
	return 0;
}

/* recorded() may record other runs: so the buffer is taken out first. */
static int write_now(struct records *records)
{
	int r = write_pending(records);
	struct hp_buf written = records->pending;

	rewrite_if_due(records);
	if (r < 0) {
		timer_set(records->flush, &(struct timeval){.tv_usec = RETRY_AFTER_MS * 1000});
		return r;
	}
	records->pending = HP_BUF_INIT;
	report_written(records, &written);
	if (records->pending.data) {
		hp_buf_free(&written);
		return 0;
	}
	hp_buf_clear(&written);
	records->pending = written;
	return 0;
}

static void on_flush(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	(void)write_now(userdata);
}

/* ---- runs ---- */

int records_begin(struct records *records, struct run *run)
{
	size_t before;
	ssize_t length;
	int r;

	if (!records)
		return 0;
	r = reserve_take(&records->reserve, records->directory);
	if (r < 0) {
		writing_failed(records, -r);
		rewrite_if_due(records);
		return r;
	}
	before = records->pending.length;
	length = put_begin(records, run);
	if (length < 0)
		return (int)length;
	r = write_now(records);
	if (r < 0)
		records->pending.length = before;
	else
		store_recorded(records->options.store, run, (size_t)length);
	return r;
}

static void write_soon(struct records *records, const struct run *run)
{
	if (run->is_kept_by_runner)
		event_active(records->flush, EV_TIMEOUT, 0);
	else
		(void)write_now(records);
}

/* A run that was cancelled while it was queued has no begin yet. */
void records_end(struct records *records, struct run *run)
{
	ssize_t begin = 0, end = -1;

	if (!records)
		return;
	if (run->recorded_bytes == 0)
		begin = put_begin(records, run);
	if (begin >= 0)
		end = put_end(records, run);
	if (end < 0) {
		log_error("the end of run %s cannot be recorded: out of memory", run->id);
		return;
	}
	store_recorded(records->options.store, run, (size_t)(begin + end));
	write_soon(records, run);
}

void records_forget(struct records *records, struct run *run)
{
	struct entry entry = entry_of(run, ENTRY_FORGOTTEN, clock_ns(CLOCK_BOOTTIME), NULL, 0);

	if (!records || run->recorded_bytes == 0)
		return;
	if (put(records, &entry) < 0)
		log_error("that run %s is forgotten cannot be recorded: out of memory", run->id);
	else
		write_soon(records, run);
}

/* ---- runners ---- */

const char *records_runners(const struct records *records)
{
	return records ? records->runners : NULL;
}

void records_set_runners(struct records *records, const char *runners)
{
	if (!records)
		return;
	free(records->runners);
	records->runners = runners ? strdup(runners) : NULL;
	put_runners(&records->pending, records);
	records->pending.failed = false;
	(void)write_now(records);
}

void records_settle(struct records *records, bool were_handed_over)
{
	struct run *run = records ? store_newest(records->options.store) : NULL, *older;

	for (; run; run = older) {
		older = store_older(run);
		if (run->state != RUN_DONE || !run->is_open)
			continue;
		run->is_open = false;
		if (were_handed_over) {
			records_end(records, run);
			store_finished(records->options.store, run);
		} else {
			records_forget(records, run);
			store_drop(records->options.store, run);
		}
	}
}

/* ---- life ---- */

static int make_events(struct records *records)
{
	records->flush = event_new(records->options.base, -1, 0, on_flush, records);
	records->look = event_new(records->options.base, -1, 0, on_look, records);
	if (!records->flush || !records->look)
		return -ENOMEM;
	look_after(records, FIRST_LOOK_S);
	return 0;
}

int records_open(const struct records_options *options, struct records **ret_records)
{
	struct records *records = calloc(1, sizeof(*records));
	int r;

	if (!records)
		return -ENOMEM;
	records->options = *options;
	records->file = RECORD_FILE_NONE;
	records->rewrite = REWRITE_NONE;
	records->reserve = RESERVE_NONE;
	records->directory = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = records->directory < 0 ? -errno : file_boot_id(records->boot_id);
	if (r == 0)
		r = make_events(records);
	if (r == 0)
		r = records_open_file(records);
	if (r < 0) {
		records_close(records);
		return r;
	}
	(void)reserve_take(&records->reserve, records->directory);
	*ret_records = records;
	return 0;
}

static size_t count_pending_ends(const struct records *records)
{
	struct entry_reader reader = {records->pending.data, records->pending.length, 0,
				      records->file.seed};
	struct entry entry;
	size_t count = 0, offset;

	while (entry_next(&reader, &entry, &offset) == ENTRY_FOUND)
		count += entry.type == ENTRY_ENDED;
	return count;
}

size_t records_save(struct records *records)
{
	size_t count;

	if (!records)
		return 0;
	(void)reserve_give_back(&records->reserve);
	if (write_pending(records) == 0 ||
	    (shorten_ends(&records->pending, records->file.seed) == 0 &&
	     write_pending(records) == 0)) {
		hp_buf_clear(&records->pending);
		return 0;
	}
	count = count_pending_ends(records);
	log_error("the results of %zu runs are not recorded", count);
	return count;
}

struct records *records_close(struct records *records)
{
	if (!records)
		return NULL;
	(void)reserve_give_back(&records->reserve);
	if (records->file.fd >= 0)
		(void)write_pending(records);
	rewrite_abort(&records->rewrite);
	record_file_close(&records->file);
	close_fd(&records->directory);
	if (records->flush)
		event_free(records->flush);
	if (records->look)
		event_free(records->look);
	hp_buf_free(&records->pending);
	hp_buf_free(&records->text);
	free(records->runners);
	free(records);
	return NULL;
}
