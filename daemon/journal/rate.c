/* SPDX-License-Identifier: Apache-2.0 */
/* Limits how much is logged in a period. The state is the caller's. */
#include "daemon/journal/rate.h"

bool rate_allows(struct rate *rate, unsigned int max, int64_t now_ns, unsigned long *ret_suppressed)
{
	*ret_suppressed = 0;
	if (rate->count == 0 || now_ns - rate->began_ns >= RATE_PERIOD_NS) {
		*ret_suppressed = rate->suppressed;
		*rate = (struct rate){.began_ns = now_ns};
	}
	if (rate->count < max) {
		rate->count++;
		return true;
	}
	rate->suppressed++;
	return false;
}
