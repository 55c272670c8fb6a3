/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/libhookd.h"
#include "proto/messages/result.h"

/*
 * A result as hookd.h shows it. `run` is the decoded reply and owns every string; `hooks` is the
 * public view of run.hooks, pointing into it.
 */
struct hookd_result {
	struct hp_run_result run;
	struct result_hook *hooks;
};

/* The public view of one hook, with the names that the wire's numbers have. */
struct result_hook {
	struct hookd_hook_result view;
	char signal[24];
	char errno_name[24];
};

/* Outcomes that only the library gives, behind the ones of the wire. */
#define RESULT_RETURNED HP_HOOK_OUTCOME_COUNT	    /* a function of the caller, which returned */
#define RESULT_UNKNOWN	(HP_HOOK_OUTCOME_COUNT + 1) /* hookd was lost; what it did is not known */

void result_hook_fill(struct result_hook *hook, const struct hp_hook_result *from);

/* Takes what *run owns on success; -ENOMEM. */
int result_new(struct hp_run_result *run, struct hookd_result **ret);

/*
 * Of a sentence "error running STAGE hook #N: WHY" the last part, and N in *ret_index; NULL of any
 * other.
 */
const char *result_error_why(const char *error, enum hp_stage stage, size_t *ret_index);
