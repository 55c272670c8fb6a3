/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What has happened in the last hour, minute by minute. Zeroed: nothing. */
enum recent_item {
	RECENT_RUNS,
	RECENT_FAILED,
	RECENT_TIMED_OUT,
	RECENT_LOST,
	RECENT_REFUSED,
	RECENT_ITEM_COUNT,
};

#define RECENT_MINUTES 60

struct recent {
	int64_t minute; /* of CLOCK_BOOTTIME: the newest that is counted */
	uint32_t counts[RECENT_MINUTES][RECENT_ITEM_COUNT]; /* by minute % RECENT_MINUTES */
};

void recent_count(struct recent *recent, enum recent_item item);
/* In this minute and the 59 before. */
uint64_t recent_sum(struct recent *recent, enum recent_item item);
