/* SPDX-License-Identifier: Apache-2.0 */

/* What of a run is counted, and what of it is recent. */

#include "tests/daemon/support/support.h"

#include <time.h>

#include "daemon/metrics/metrics.h"

static int64_t later_s;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int r = __real_clock_gettime(clock, time);

	time->tv_sec += later_s;
	return r;
}

static struct hp_hook_result hook(enum hp_hook_outcome outcome, bool success)
{
	return (struct hp_hook_result){
	    .outcome = outcome,
	    .success = success,
	    .started_us = outcome == HP_HOOK_SKIPPED ? 0 : 5,
	    .duration_us = 2000,
	    .output = {{.length = 3, .total = 3}, {.length = 3, .total = 10}},
	};
}

static void hooks_by_result(void **state)
{
	static struct metrics metrics;
	struct hp_hook_result hooks[] = {
	    hook(HP_HOOK_EXITED, true), hook(HP_HOOK_EXITED, false), hook(HP_HOOK_SIGNALED, false),
	    hook(HP_HOOK_TIMED_OUT, false), hook(HP_HOOK_SKIPPED, false)};
	struct hp_run_result result = {.stage = HP_STAGE_POSTSTOP,
				       .outcome = HP_RUN_FAILED,
				       .hooks = hooks,
				       .hook_count = ELEMENTS(hooks),
				       .queued_us = 7};
	const uint64_t *counts = metrics.hooks[HP_STAGE_POSTSTOP];

	(void)state;
	metrics_count_run(&metrics, &result);
	assert_int_equal(counts[HOOK_LABEL_SUCCEEDED], 1);
	assert_int_equal(counts[HOOK_LABEL_FAILED], 1);
	assert_int_equal(counts[HOOK_LABEL_OTHERS + HP_HOOK_SIGNALED], 1);
	assert_int_equal(counts[HOOK_LABEL_OTHERS + HP_HOOK_TIMED_OUT], 1);
	assert_int_equal(counts[HOOK_LABEL_OTHERS + HP_HOOK_SKIPPED], 1);
	assert_int_equal(counts[HOOK_LABEL_OTHERS + HP_HOOK_EXITED], 0);
	assert_int_equal(metrics.hook_durations[HP_STAGE_POSTSTOP].counts[1], 4);
	assert_int_equal(metrics.queue_waits[HP_STAGE_POSTSTOP].sum_us, 7);
	assert_int_equal(metrics.captured_bytes[1], 50);
	assert_int_equal(metrics.captured_truncated[0], 0);
	assert_int_equal(metrics.captured_truncated[1], 5);
	assert_int_equal(recent_sum(&metrics.recent, RECENT_RUNS), 1);
	assert_int_equal(recent_sum(&metrics.recent, RECENT_TIMED_OUT), 1);
	assert_int_equal(recent_sum(&metrics.recent, RECENT_FAILED), 0);
}

static void names_of_results(void **state)
{
	(void)state;
	assert_string_equal(hook_label_name(HOOK_LABEL_SUCCEEDED), "succeeded");
	assert_string_equal(hook_label_name(HOOK_LABEL_FAILED), "failed");
	assert_string_equal(hook_label_name(HOOK_LABEL_OTHERS + HP_HOOK_TIMED_OUT), "timed_out");
	assert_null(hook_label_name(HOOK_LABEL_OTHERS + HP_HOOK_EXITED));
}

static void an_hour_passes(void **state)
{
	static struct metrics metrics;
	const struct hp_run_result lost = {.outcome = HP_RUN_LOST};

	(void)state;
	metrics_count_run(&metrics, &lost);
	metrics_count_refused(&metrics);
	later_s += 59 * 60;
	assert_int_equal(recent_sum(&metrics.recent, RECENT_LOST), 1);
	metrics_count_lost(&metrics);
	assert_int_equal(recent_sum(&metrics.recent, RECENT_LOST), 2);
	later_s += 60;
	assert_int_equal(recent_sum(&metrics.recent, RECENT_LOST), 1);
	assert_int_equal(recent_sum(&metrics.recent, RECENT_REFUSED), 0);
	later_s += 3600 * 1000;
	assert_int_equal(recent_sum(&metrics.recent, RECENT_LOST), 0);
	assert_int_equal(metrics.runs_lost, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hooks_by_result),
	    cmocka_unit_test(names_of_results),
	    cmocka_unit_test(an_hour_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
