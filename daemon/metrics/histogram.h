/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How many durations were in which range. Zeroed: none. */
#define HISTOGRAM_BOUNDS 16

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* of each range alone; the last is beyond all */
	int64_t sum_us;
};

/* The upper bound of each range, which belongs to it: from 1 ms to 300 s. */
extern const struct histogram_bound {
	int64_t us;
	const char *seconds; /* as OpenMetrics writes it */
} histogram_bounds[HISTOGRAM_BOUNDS];

/* Negative durations, of a clock that was set back, count as 0. */
void histogram_add(struct histogram *histogram, int64_t duration_us);
