/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of runs in a file: JSON messages as on the wire. One is appended when a run begins,
 * and one when it ends.
 *
 *	{"begin": "RUN", "uid": 0, "submittedUSec": 1, "request": {the parameters of Run}}
 *	{"end": "RUN", "result": {RunResult}}
 *	{"forget": "RUN"}   no hook of it was run, and the request may be repeated
 *	{"runners": "ID ID"}   the processes that runs were handed to from here on; "": not known
 *
 * An append to a file on tmpfs takes about a microsecond, much less than a transaction of a
 * database. An incomplete last message is recognised by its missing NUL. There are two files: when
 * the newer one is full it replaces the older one, and the runs that are running are written again
 * to the next one. At a start both are read and replaced by one. A file is complete before it gets
 * its name, so that nothing is lost where hookd is killed in the middle. The file is in ipc/ since
 * ipc/ converts to and from JSON.
 *
 * A run without an end is open at a start, until it is known which lists runners still have.
 */
#include "daemon/ipc/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"
#include "proto/base/limits.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"
#include "proto/messages/request.h"

#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define LOCK_WAIT_MS   500
#define LOCK_TRIES     100
#define NEWER	       "runs"
#define OLDER	       "runs.old"
#define NEXT	       "runs.next" /* becomes NEWER when that is full, or changes places with it */
#define ANEW	       "runs.new"  /* becomes NEWER at a start; worth nothing before */
#define ASIDE	       "unreadable"

struct records {
	int directory;
	int file; /* NEWER, locked, appended to */
	size_t length;
	const struct run_context *context;
	struct store *store;
	struct hp_buf buf; /* the message that is being written */
	char *runners;	   /* the last that was recorded; NULL: not known */
	bool is_failing;   /* the error was logged; so later ones are not */
};

/* ---- writing ---- */

/* False: the file does not have it. */
static bool append(struct records *records)
{
	struct hp_buf *buf = &records->buf;
	ssize_t written;

	bool is_written;

	hp_buf_append(buf, "", 1);
	written = buf->failed ? -1 : write(records->file, buf->data, buf->length);
	is_written = written == (ssize_t)buf->length;
	if (is_written) {
		records->length += buf->length;
		records->is_failing = false;
	} else if (!records->is_failing) {
		/* Hooks are run all the same: a full disk must not stop containers. */
		log_error("cannot record runs: %s", strerror(written < 0 ? errno : ENOSPC));
		records->is_failing = true;
	}
	/* Removes a part of a message: the messages after it could not be read. */
	if (written > 0 && !is_written && ftruncate(records->file, (off_t)records->length) < 0)
		close_fd(&records->file);
	hp_buf_clear(buf);
	return is_written;
}

static bool append_begin(struct records *records, const struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&records->buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "begin");
	hp_json_put_string(&writer, run->id);
	hp_json_key(&writer, "uid");
	hp_json_put_uint(&writer, run->uid);
	hp_json_key(&writer, "submittedUSec");
	hp_json_put_int(&writer, run->submitted_us);
	hp_json_key(&writer, "request");
	hp_json_put_raw(&writer, run->request.text, run->request.text_length);
	hp_json_end(&writer, '}');
	return append(records);
}

static bool append_end(struct records *records, const struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&records->buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "end");
	hp_json_put_string(&writer, run->id);
	hp_json_key(&writer, "result");
	hp_run_result_write(&writer, &run->result);
	hp_json_end(&writer, '}');
	return append(records);
}

static bool append_forget(struct records *records, const struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&records->buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "forget");
	hp_json_put_string(&writer, run->id);
	hp_json_end(&writer, '}');
	return append(records);
}

static bool append_runners(struct records *records)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&records->buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "runners");
	hp_json_put_string(&writer, records->runners ? records->runners : "");
	hp_json_end(&writer, '}');
	return append(records);
}

static int set_aside(struct records *records, const char *name)
{
	log_error("records of runs: %s is set aside as %s." ASIDE, name, name);
	return file_set_aside(records->directory, name, ASIDE);
}

/*
 * For some time, since a child of a hookd that was killed holds the lock until it is executed.
 */
static int lock(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_WAIT_MS * 1000000 / LOCK_TRIES};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		(void)nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* Another hookd that opens the file finds it locked. */
static int open_locked(struct records *records, const char *name)
{
	const int flags = O_RDWR | O_APPEND | O_CREAT;
	cleanup_close int fd = file_open_own(records->directory, name, flags);
	int r;

	if (fd == -EILSEQ && set_aside(records, name) == 0)
		fd = file_open_own(records->directory, name, flags);
	if (fd < 0)
		return fd;
	r = lock(fd);
	return r < 0 ? r : take_fd(&fd);
}

static int open_newer(struct records *records)
{
	int fd = open_locked(records, NEWER);
	struct stat st;

	records->file = fd < 0 ? -1 : fd;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* What is in it stays, if it cannot be written anew: see append(). */
	records->length = (size_t)st.st_size;
	return 0;
}

/*
 * Writes to the file `name` from now on, which is begun by write_first(), and renames it to NEWER,
 * with flags of renameat2(2). False: nothing has changed.
 */
static bool begin_file(struct records *records, const char *name,
		       bool (*write_first)(struct records *records), unsigned int flags)
{
	int full = records->file;
	size_t full_length = records->length;
	int next = open_locked(records, name);

	if (next < 0)
		return false;
	records->file = next;
	records->length = 0;
	if (ftruncate(next, 0) == 0 && write_first(records) &&
	    renameat2(records->directory, name, records->directory, NEWER, flags) == 0) {
		close(full);
		return true;
	}
	close_fd(&records->file);
	records->file = full;
	records->length = full_length;
	return false;
}

/* What must not be lost with the full file. */
static bool write_running(struct records *records)
{
	bool is_written = append_runners(records);

	for (struct run *run = store_newest(records->store); run && is_written;
	     run = store_older(run))
		if (run->state == RUN_RUNNING)
			is_written = append_begin(records, run);
	return is_written;
}

/* The newer file becomes the older one. */
static void turn_over(struct records *records)
{
	if (begin_file(records, NEXT, write_running, RENAME_EXCHANGE))
		(void)renameat(records->directory, NEXT, records->directory, OLDER);
}

void records_begin(struct records *records, struct run *run)
{
	if (!records)
		return;
	if (records->length > FILE_BYTES_MAX)
		turn_over(records);
	(void)append_begin(records, run);
}

/* A run that was cancelled while queued has no begin, and no end either. */
bool records_end(struct records *records, const struct run *run)
{
	return !records || !run->is_started || append_end(records, run);
}

void records_forget(struct records *records, const struct run *run)
{
	if (records && run->is_started)
		(void)append_forget(records, run);
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
	(void)append_runners(records);
}

void records_settle(struct records *records, bool were_handed_over)
{
	struct run *run = records ? store_newest(records->store) : NULL, *older;

	for (; run; run = older) {
		older = store_older(run);
		if (run->state != RUN_DONE || !run->is_open)
			continue;
		run->is_open = false;
		if (were_handed_over) {
			(void)append_end(records, run);
			store_finished(records->store, run);
		} else {
			(void)append_forget(records, run);
			store_drop(records->store, run);
		}
	}
}

/* ---- reading ---- */

static int restore_begin(struct records *records, struct hp_json_value message, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_request request = {0};
	uint64_t uid = 0;
	int64_t submitted_us = 0;
	struct run *run;
	char *id = NULL;
	int r =
	    hp_json_get_name(hp_json_member(message, "begin"), &arena, HP_ID_BYTES_MAX, &id, err);

	r = hp_err_prefix(err, r, "begin");
	if (r == 0 && store_find(records->store, id)) {
		hp_arena_free(&arena);
		return 0; /* turn_over() has written it again */
	}
	if (r == 0)
		r = hp_err_prefix(
		    err,
		    hp_json_get_uint64(hp_json_member(message, "uid"), 0, UINT32_MAX, &uid, err),
		    "uid");
	if (r == 0)
		r = hp_err_prefix(err,
				  hp_json_get_int64(hp_json_member(message, "submittedUSec"), 0,
						    INT64_MAX, &submitted_us, err),
				  "submittedUSec");
	if (r == 0)
		r = hp_request_read(hp_json_member(message, "request"), &request, err);
	if (r == 0) {
		r = run_new_lost(records->context, id, (uid_t)uid, &request, submitted_us, &run);
		if (r == 0 && (r = store_add(records->store, run)) < 0)
			run_free(run);
		hp_request_free(&request);
	}
	hp_arena_free(&arena);
	return r;
}

static int restore_end(struct records *records, struct hp_json_value message, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_run_result result;
	struct run *run;
	char *id = NULL;
	int r = hp_json_get_name(hp_json_member(message, "end"), &arena, HP_ID_BYTES_MAX, &id, err);

	r = hp_err_prefix(err, r, "end");
	run = r == 0 ? store_find(records->store, id) : NULL;
	if (run) {
		r = hp_run_result_read(hp_json_member(message, "result"), &result, err);
		if (r == 0 && run->is_open)
			store_finished(records->store, run);
		if (r == 0)
			store_found(records->store, run, &result);
	}
	hp_arena_free(&arena);
	return r;
}

static int restore_forget(struct records *records, struct hp_json_value message, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct run *run;
	char *id = NULL;
	int r =
	    hp_json_get_name(hp_json_member(message, "forget"), &arena, HP_ID_BYTES_MAX, &id, err);

	r = hp_err_prefix(err, r, "forget");
	run = r == 0 ? store_find(records->store, id) : NULL;
	if (run)
		store_drop(records->store, run);
	hp_arena_free(&arena);
	return r;
}

static int restore_runners(struct records *records, struct hp_json_value text, struct hp_err *err)
{
	struct hp_arena arena = HP_ARENA_INIT;
	char *runners = NULL;
	int r = hp_json_get_string(text, &arena, &runners, err);

	if (r == 0) {
		free(records->runners);
		records->runners = runners[0] ? strdup(runners) : NULL;
	}
	hp_arena_free(&arena);
	return r;
}

static int restore_message(struct records *records, struct hp_json *json, const char *text,
			   size_t length, struct hp_err *err)
{
	struct hp_json_value message;
	int r = hp_json_parse(json, text, length, err);

	if (r < 0)
		return r;
	message = hp_json_root(json);
	if (!hp_json_is_absent(hp_json_member(message, "runners")))
		return restore_runners(records, hp_json_member(message, "runners"), err);
	if (!hp_json_is_absent(hp_json_member(message, "forget")))
		return restore_forget(records, message, err);
	return hp_json_is_absent(hp_json_member(message, "begin"))
		   ? restore_end(records, message, err)
		   : restore_begin(records, message, err);
}

static int restore_text(struct records *records, const char *text, size_t length)
{
	struct hp_json json = {0};
	struct hp_err err = {0};
	const char *end = text + length, *nul;
	int r = 0;

	/* The bytes after the last NUL were being written when the daemon died. */
	for (; r == 0 && (nul = memchr(text, '\0', (size_t)(end - text))); text = nul + 1)
		r = restore_message(records, &json, text, (size_t)(nul - text), &err);
	if (r < 0)
		log_error("records of runs cannot be read: %s%s%s", err.path,
			  err.path[0] ? ": " : "", err.reason);
	hp_json_free(&json);
	return r;
}

static int restore_file(struct records *records, const char *name)
{
	cleanup_close int fd = file_open_own(records->directory, name, O_RDONLY);
	struct stat st;
	void *text;
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return 0;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return -errno;
	r = restore_text(records, text, (size_t)st.st_size);
	munmap(text, (size_t)st.st_size);
	return r;
}

/*
 * Reads the file. 1: it is not a file of records, and was renamed so that the operator can examine
 * it. After a transient error, such as ENOMEM, it is left as it is.
 */
static int restore(struct records *records, const char *name)
{
	int r = restore_file(records, name);

	if (r == 0 || r == -EIO || error_is_transient(-r))
		return r;
	r = set_aside(records, name);
	return r < 0 ? r : 1;
}

/* If it was renamed, the open file is the renamed one, so a new one is opened. */
static int restore_newer(struct records *records)
{
	int r = restore(records, NEWER);

	if (r != 1)
		return r;
	close_fd(&records->file);
	return open_newer(records);
}

/* All runs of all files, the oldest first. */
static bool write_all(struct records *records)
{
	struct run *run = store_newest(records->store);
	bool is_written = append_runners(records);

	while (run && store_older(run))
		run = store_older(run);
	for (; run && is_written; run = store_newer(run)) {
		is_written = append_begin(records, run);
		if (is_written && !run->is_open)
			is_written = append_end(records, run);
	}
	return is_written;
}

/* Without room for another file the ones that are there are kept. */
static void write_anew(struct records *records)
{
	if (!begin_file(records, ANEW, write_all, 0)) {
		log_error("records of runs cannot be written anew: %s", strerror(errno));
		return;
	}
	(void)unlinkat(records->directory, OLDER, 0);
	(void)unlinkat(records->directory, NEXT, 0);
}

/* ---- life ---- */

int records_open(const char *directory, const struct run_context *context, struct store *store,
		 struct records **ret_records)
{
	struct records *records = calloc(1, sizeof(*records));
	int r;

	if (!records)
		return -ENOMEM;
	*records =
	    (struct records){.directory = -1, .file = -1, .context = context, .store = store};
	records->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = records->directory < 0 ? -errno : open_newer(records);
	if (r < 0) {
		records_close(records);
		return r;
	}
	r = restore(records, OLDER);
	if (r >= 0)
		r = restore(records, NEXT);
	if (r >= 0)
		r = restore_newer(records);
	if (r < 0) {
		records_close(records);
		return r;
	}
	write_anew(records);
	*ret_records = records;
	return 0;
}

struct records *records_close(struct records *records)
{
	if (!records)
		return NULL;
	close_fd(&records->file);
	close_fd(&records->directory);
	hp_buf_free(&records->buf);
	free(records->runners);
	free(records);
	return NULL;
}
