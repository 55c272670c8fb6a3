/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"
#include "daemon/run/run.h"
#include "daemon/run/store.h"

/*
 * What of a run must outlive the daemon: that it began, and how it ended. Written into the state
 * directory (a tmpfs: a reboot ends every hook too), so that after a crash a request id that is
 * asked for again gets its result, or "lost" when nobody knows any more, and never a second run.
 */
struct records;

/*
 * Opens the files in `directory` and puts what they tell into the store as runs that are done.
 * -EBUSY when another hookd has them open; a file that cannot be read is set aside and told of in
 * the log.
 */
int records_open(const char *directory, const struct run_context *context, struct store *store,
		 struct records **ret_records) must_check;
struct records *records_close(struct records *records);

/* The run is about to start its first hook. NULL records are fine in all three. */
void records_begin(struct records *records, struct run *run);
void records_end(struct records *records, const struct run *run);
/* In the place of its end: it was turned away, and is as if it had never been. */
void records_forget(struct records *records, const struct run *run);
