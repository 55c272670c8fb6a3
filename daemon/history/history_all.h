/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "daemon/history/history.h"
#include "proto/base/buf.h"

/* Shared by the files of this folder. */

#define HISTORY_ROWS_MAX	 65536u		     /* that wait to be written */
#define HISTORY_QUEUED_BYTES_MAX (16u * 1024 * 1024) /* of them; one more may come on top */
/* The thread waits a little for more rows to write, but not with so many bytes. */
#define GATHER_FULL_BYTES   (1024u * 1024)
#define HISTORY_NOTICES_MAX 16

/* ---- a run as it is written ---- */

struct history_row {
	STAILQ_ENTRY(history_row) link;
	struct history_place place;
	int64_t ended_us;
	uid_t uid;
	int stage, outcome, hook_outcome; /* of the hook that stands for the run; -1: none */
	size_t bytes;			  /* of all */
	struct hp_buf texts;
	/* In texts, each with a NUL. */
	size_t container, run, run_length, request, request_length, result, result_length;
	size_t hook_count;
	struct history_row_hook {
		size_t path; /* in texts */
		int outcome;
		bool success;
		int64_t duration_us;
	} hooks[];
};
STAILQ_HEAD(history_rows, history_row);

/* Copies a run that is done. NULL: out of memory. */
struct history_row *history_row_new(struct run *run);
struct history_row *history_row_free(struct history_row *row);

/* ---- the file, which only the thread uses ---- */

struct history_limits {
	bool is_on;
	char directory[PATH_MAX];
	int64_t age_us;
	uint64_t bytes;
};

struct history_file {
	sqlite3 *database; /* NULL: not open */
	int directory;
	int64_t page_bytes;
	int64_t runs; /* in it */
	char path[PATH_MAX + sizeof("/" HISTORY_FILE)];
	sqlite3_stmt *insert_run, *insert_detail, *insert_hook;
};

/*
 * Opens the file, or begins a new one where it is missing or had to be set aside. `reason` of
 * *ret_aside: why it was; "": it was not. -errno with the text of what is wrong in `reason`.
 */
#define HISTORY_REASON_SIZE 200
int history_file_open(struct history_file *file, const struct history_limits *limits,
		      char ret_aside[static HISTORY_REASON_SIZE],
		      char reason[static HISTORY_REASON_SIZE]) must_check;
void history_file_close(struct history_file *file);
/* Closes it, and renames it: it was found damaged. -errno. */
int history_file_set_aside(struct history_file *file) must_check;

/*
 * Writes rows in one transaction, and deletes what is too old or too much. Rows of runs that are
 * there are left out. *ret_count: how many rows, from the first. -EILSEQ: the file is damaged;
 * -ENOSPC: there is no room; or another -errno: nothing was written.
 */
int history_write(struct history_file *file, const struct history_limits *limits,
		  const struct history_rows *rows, size_t *ret_count) must_check;
/* Deletes what is too old or too much, some hundred runs at a time. 1: there is more. -errno. */
int history_prune(struct history_file *file, const struct history_limits *limits) must_check;
/* -errno as of history_write(), also for the query. */
int history_read(struct history_file *file, struct history_query *query) must_check;
/* The length of the file. -errno. */
int history_bytes(struct history_file *file, uint64_t *ret_bytes) must_check;

/* ---- the thread ---- */

struct history_notice {
	int priority;
	char text[HISTORY_REASON_SIZE + PATH_MAX];
};

struct history {
	struct history_options options;
	pthread_t thread;
	bool has_thread;
	struct event *wake;	/* of wake_fd: the thread has something to tell */
	struct event *patience; /* pending while queries are */
	TAILQ_HEAD(history_pending, history_query) pending;
	size_t pending_count;
	char (*backlog)[48]; /* runs of the store that the file does not have; they are added */
	size_t backlog_count;
	bool has_all; /* the file has been compared with the store */
	int wake_fd;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	struct history_rows rows;
	size_t row_count, row_bytes; /* also of those that the thread is writing */
	STAILQ_HEAD(history_queries, history_query) queries, answered;
	struct history_limits limits;
	bool has_new_limits, is_ending, is_sleeping;
	struct history_view view;
	bool is_open; /* the file can be read */
	uint64_t dropped;
	struct history_notice notices[HISTORY_NOTICES_MAX];
	size_t notice_count;
};

void *history_thread(void *history);
