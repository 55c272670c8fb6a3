/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/libhookd.h"
#include "proto/messages/result.h"

/*
 * A result as in hookd.h. `run` is the decoded reply and owns every string; `hooks` is the public
 * view of run.hooks, pointing into it.
 */
struct hookd_result {
	struct hp_run_result run;
	struct result_hook *hooks;
};

/* The public view of one hook, with the names of its signal and errno. */
struct result_hook {
	struct hookd_hook_result view;
	char signal[24];
	char errno_name[24];
};

/* Outcomes of the library's own, after those of the wire. */
#define RESULT_RETURNED HP_HOOK_OUTCOME_COUNT /* a function of the caller, which returned */
#define RESULT_UNKNOWN                                                                             \
	(HP_HOOK_OUTCOME_COUNT + 1) /* the connection was lost: it may have run or not */
#define RESULT_RUNNING (HP_HOOK_OUTCOME_COUNT + 2)

void result_hook_fill(struct result_hook *hook, const struct hp_hook_result *from);

/* On success takes ownership of what *run points to. -ENOMEM. */
int result_new(struct hp_run_result *run, struct hookd_result **ret);

/*
 * Splits "error running STAGE hook #N: WHY": returns WHY, and N in *ret_index. NULL for any other
 * text.
 */
const char *result_error_why(const char *error, enum hp_stage stage, size_t *ret_index);
