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
struct hookd_result;

/*
 * Says on stderr which failure the exit status tells, if it is one. Returns the exit status of run
 * and wait. Asks hookd nothing.
 */
int runs_end(const char *run, const struct hookd_result *result);
/*
 * Shows how a run has ended, as inspect does; without `has_details` only a failure, on stderr. Asks
 * hookd for the details; if it has ended since, as runs_end(). Returns the exit status of run and
 * wait.
 */
int runs_show_end(struct ctl *ctl, const char *run, const struct hookd_result *result,
		  bool has_details);
