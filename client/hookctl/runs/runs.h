/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/runs: the verbs about runs: which there are, what they have written, how they end.
 *
 * May use: client/hookctl, client/hookctl/table, client/hookctl/terminal, client/libhookd,
 * proto/base, proto/json.
 */
#pragma once

#include <stdbool.h>

struct ctl;
struct hookd_run_info;

/* Says on stderr which failure the exit status tells, for those who do not see the details. */
void runs_say_outcome(const struct hookd_run_info *run);
/*
 * Shows how a run has ended, as inspect does, or with --json its RunResult; without `has_details`
 * only a failure, on stderr. Returns the exit status of run and wait.
 */
int runs_show_end(struct ctl *ctl, const char *run, bool has_details);
