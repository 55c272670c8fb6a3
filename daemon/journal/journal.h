/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/journal: what is logged about runs and refused calls: messages, their ids, their fields.
 * Decides what is logged, not how: that is daemon/base/log.h. docs/CONFIGURATION.md has the table
 * of the messages, systemd/hookd.catalog explains them.
 *
 * May use: daemon/base, daemon/run, proto/base.
 */
#pragma once

#include "daemon/base/config.h"
#include "daemon/journal/rate.h"
#include "daemon/run/run.h"
#include "proto/base/err.h"

/* Zeroed at first. What is beyond a rate is counted, and the count is logged later. */
struct journal {
	struct rate output;	     /* of lines of hooks' output */
	LIST_HEAD(, output) outputs; /* of runs that are listened to: output.c */
	struct rate refusals;	     /* since any user who may connect can cause them */
};

/*
 * The first hook is about to be started. [Log] HookOutput= of `config` says whether what hooks
 * write is logged.
 */
void journal_run_started(struct journal *journal, const struct config *config, struct run *run);
/*
 * The run is done, or was turned away, or, at the start of hookd, was found to be lost. [Log] Runs=
 * of `config` says whether it is logged if all is well.
 */
void journal_run_done(struct journal *journal, const struct config *config, const struct run *run);

/* A call was refused: HP_ERR_REFUSED or HP_ERR_SETTINGS_REFUSED. */
void journal_refused(struct journal *journal, uid_t uid, const char *method,
		     const struct hp_err *err);

/* Before the runs are freed. */
void journal_clear(struct journal *journal);
