/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/records: what must be known of a run after hookd was killed: which request began, under
 * which id, and how it ended. It is recorded in a file in the state directory. So a request that is
 * repeated gets the result of its run, or "lost" if the result is not known, and never a second
 * run. The folder owns the file, its format, and its conversion to runs and back.
 *
 * May use: daemon/base, daemon/run, proto/base, proto/json, proto/messages; libevent, libxxhash.
 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"
#include "daemon/run/run.h"
#include "daemon/run/store.h"

struct records;

struct records_options {
	struct event_base *base;
	const char *directory; /* of the state */
	const struct run_context *context;
	struct store *store;
	/*
	 * The end of the run, or that it is forgotten, is in the file: its runner may forget it.
	 * From records_begin(), records_end(), records_forget() or the event loop.
	 */
	void (*recorded)(const char *run, void *userdata);
	void *userdata;
};

/*
 * Opens the file and adds the recorded runs to the store, as runs that are done; those without an
 * end are open (run::is_open) until records_settle(). Blocks while it reads. What is not a file of
 * this boot and version is set aside or replaced, and what is damaged is skipped and set aside;
 * both is logged. -errno: there can be no file.
 */
int records_open(const struct records_options *options, struct records **ret_records) must_check;
/*
 * Writes what is still to be written, without recorded(); where there is no room, without the
 * output of hooks. Returns how many ends could not be written. NULL is fine: 0.
 */
size_t records_save(struct records *records);
/* Writes what is still to be written, as it is, without recorded(). NULL is fine. */
struct records *records_close(struct records *records);

/*
 * Records that the run begins. Call before its first hook is started. -errno: it is not recorded,
 * so it must not be begun. With NULL records nothing is recorded: 0.
 */
int records_begin(struct records *records, struct run *run) must_check;
/*
 * Records how it has ended. If run::is_kept_by_runner, that is written with others at the end of
 * the loop's turn, else at once. If it cannot be written, it is tried again until it can be. NULL
 * records are fine.
 */
void records_end(struct records *records, struct run *run);
/* Instead of its end: no hook of the run was started, and the request may be repeated. */
void records_forget(struct records *records, struct run *run);

/*
 * The ids of the runners that the open runs were handed to, separated by blanks. NULL: not known,
 * or hookd itself has run them.
 */
const char *records_runners(const struct records *records);
/* Call before a list is handed to a runner that was not there; NULL: some ids are not known yet. */
void records_set_runners(struct records *records, const char *runners);
/*
 * Call when the runners have said which lists they have: ends all runs that are still open. True:
 * they may have been handed to a process that has ended, and are lost. False: the earlier hookd has
 * ended before it could hand them over: their requests may be repeated.
 */
void records_settle(struct records *records, bool were_handed_over);
