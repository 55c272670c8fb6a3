/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of 60 minutes. Minutes that have passed are emptied before the ring is used. */
#include "daemon/metrics/recent.h"

#include <string.h>

#include "daemon/base/base.h"

static void advance(struct recent *recent)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME) / 1000000000 / 60;
	int64_t passed = now - recent->minute;

	if (passed > RECENT_MINUTES)
		passed = RECENT_MINUTES;
	for (int64_t i = 0; i < passed; i++)
		memset(recent->counts[(now - i) % RECENT_MINUTES], 0, sizeof(recent->counts[0]));
	recent->minute = now;
}

void recent_count(struct recent *recent, enum recent_item item)
{
	advance(recent);
	recent->counts[recent->minute % RECENT_MINUTES][item]++;
}

uint64_t recent_sum(struct recent *recent, enum recent_item item)
{
	uint64_t sum = 0;

	advance(recent);
	for (int i = 0; i < RECENT_MINUTES; i++)
		sum += recent->counts[i][item];
	return sum;
}
