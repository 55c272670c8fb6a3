/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How much was let through in the current period. Zeroed at first. */
struct rate {
	int64_t began_ns; /* CLOCK_MONOTONIC */
	unsigned int count;
	unsigned long suppressed;
};

#define RATE_PERIOD_NS (30 * INT64_C(1000000000))

/*
 * True: one more is within `max` for each RATE_PERIOD_NS. *ret_suppressed is how many were not, in
 * an earlier period, and is not 0 once for each of those.
 */
bool rate_allows(struct rate *rate, unsigned int max, int64_t now_ns,
		 unsigned long *ret_suppressed);
