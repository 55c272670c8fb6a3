/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"
#include "daemon/run/run.h"
#include "daemon/run/store.h"

/*
 * What must be known of a run after a crash of the daemon: that it began, and how it ended. It is
 * recorded in the state directory (a tmpfs, since a reboot ends all hooks too). So a request that
 * is repeated after a crash gets the result of its run, or "lost" if the result is not known, and
 * never a second run.
 */
struct records;

/*
 * Opens the files in `directory` and adds the recorded runs to the store, as runs that are done;
 * those without an end are open (run::is_open) until records_settle(). -EBUSY: another hookd has
 * the files open. A damaged file is renamed, which is logged.
 */
int records_open(const char *directory, const struct run_context *context, struct store *store,
		 struct records **ret_records) must_check;
struct records *records_close(struct records *records);

/* Call before the first hook of the run is started. All three accept NULL records. */
void records_begin(struct records *records, struct run *run);
/* False: it could not be recorded. */
bool records_end(struct records *records, const struct run *run);
/* Instead of its end: no hook of the run was started, and the request may be repeated. */
void records_forget(struct records *records, const struct run *run);

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
