/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/metrics: counters and histograms of what hookd has done since its start, and the text in
 * which Prometheus reads them. No JSON, no sockets. The number of time series is fixed: none is
 * named by a container or a path.
 *
 * May use: daemon/base, proto/base, proto/messages.
 */
#pragma once

#include "daemon/metrics/histogram.h"
#include "daemon/metrics/recent.h"
#include "proto/messages/result.h"

/* "exited" stands as succeeded or failed. */
enum hook_label { HOOK_LABEL_SUCCEEDED, HOOK_LABEL_FAILED, HOOK_LABEL_OTHERS };
#define HOOK_LABEL_COUNT (HOOK_LABEL_OTHERS + HP_HOOK_OUTCOME_COUNT)

struct metrics {
	uint64_t hooks[HP_STAGE_COUNT][HOOK_LABEL_COUNT];
	struct histogram hook_durations[HP_STAGE_COUNT];
	struct histogram queue_waits[HP_STAGE_COUNT];
	uint64_t runs_lost;
	uint64_t captured_bytes[2], captured_truncated[2]; /* stdout, stderr */
	struct recent recent;
};

/* Counts a run that is done. Costs some 10 ns for each hook. */
void metrics_count_run(struct metrics *metrics, const struct hp_run_result *result);
/* A run that was lost with an earlier hookd. */
void metrics_count_lost(struct metrics *metrics);
/* A call that the policy has refused. */
void metrics_count_refused(struct metrics *metrics);
/* The name of a hook_label; NULL: there is none. */
const char *hook_label_name(size_t label);
