/* SPDX-License-Identifier: Apache-2.0 */
/* Counts runs and their hooks. The counters are the caller's. */
#include "daemon/metrics/metrics.h"

static size_t label_of(const struct hp_hook_result *hook)
{
	if (hook->outcome == HP_HOOK_EXITED)
		return hook->success ? HOOK_LABEL_SUCCEEDED : HOOK_LABEL_FAILED;
	return HOOK_LABEL_OTHERS + (size_t)hook->outcome;
}

const char *hook_label_name(size_t label)
{
	if (label == HOOK_LABEL_OTHERS + HP_HOOK_EXITED)
		return NULL;
	if (label >= HOOK_LABEL_OTHERS)
		return hp_hook_outcome_names[label - HOOK_LABEL_OTHERS];
	return label == HOOK_LABEL_SUCCEEDED ? "succeeded" : "failed";
}

static void count_hook(struct metrics *metrics, enum hp_stage stage,
		       const struct hp_hook_result *hook)
{
	metrics->hooks[stage][label_of(hook)]++;
	if (hook->started_us > 0)
		histogram_add(&metrics->hook_durations[stage], hook->duration_us);
	for (int i = 0; i < 2; i++) {
		metrics->captured_bytes[i] += hook->output[i].total;
		metrics->captured_truncated[i] += hook->output[i].total > hook->output[i].length;
	}
}

void metrics_count_run(struct metrics *metrics, const struct hp_run_result *result)
{
	bool has_timed_out = false;

	for (size_t i = 0; i < result->hook_count; i++) {
		count_hook(metrics, result->stage, &result->hooks[i]);
		has_timed_out |= result->hooks[i].outcome == HP_HOOK_TIMED_OUT;
	}
	histogram_add(&metrics->queue_waits[result->stage], result->queued_us);
	recent_count(&metrics->recent, RECENT_RUNS);
	if (result->outcome == HP_RUN_LOST)
		metrics_count_lost(metrics);
	else if (has_timed_out)
		recent_count(&metrics->recent, RECENT_TIMED_OUT);
	else if (result->outcome == HP_RUN_FAILED)
		recent_count(&metrics->recent, RECENT_FAILED);
}

void metrics_count_lost(struct metrics *metrics)
{
	metrics->runs_lost++;
	recent_count(&metrics->recent, RECENT_LOST);
}

void metrics_count_refused(struct metrics *metrics)
{
	recent_count(&metrics->recent, RECENT_REFUSED);
}
