/* SPDX-License-Identifier: Apache-2.0 */

/* The pauses between two requests to a hookd that is busy. No state but the caller's. */

#include "client/oci-hook/patience.h"

#include <assert.h>
#include <poll.h>

#include "client/libhookd/wire/deadline.h"

/* For a hook without a timeout: the default of hookd's DefaultTimeoutSec=. */
#define USUAL_TIMEOUT_NS 300000000000ull
#define PAUSE_US_MIN	 10000
#define PAUSE_US_MAX	 1000000

struct shim_patience shim_patience_for(const struct hp_hook *hook)
{
	uint64_t timeout_ns = hook->timeout_ns ? hook->timeout_ns : USUAL_TIMEOUT_NS;

	return (struct shim_patience){.deadline = deadline_after_ns(timeout_ns)};
}

/* At least PAUSE_US_MIN, and doubled each time, since others ask a busy hookd too. */
static uint64_t next_pause_us(const struct hookd_client *client, uint64_t last_us)
{
	uint64_t pause_us = hookd_client_retry_after_us(client);

	if (pause_us < PAUSE_US_MIN)
		pause_us = PAUSE_US_MIN;
	if (pause_us < 2 * last_us)
		pause_us = 2 * last_us;
	return pause_us < PAUSE_US_MAX ? pause_us : PAUSE_US_MAX;
}

bool shim_waits_for(const struct hookd_client *client, struct shim_patience *patience)
{
	int left_ms = deadline_left_ms(patience->deadline), pause_ms;

	if (deadline_has_passed(patience->deadline))
		return false;
	assert(patience->deadline > 0); /* shim_patience_for() was called */
	patience->pause_us = next_pause_us(client, patience->pause_us);
	pause_ms = (int)(patience->pause_us / 1000);
	(void)poll(NULL, 0, pause_ms < left_ms || left_ms < 0 ? pause_ms : left_ms);
	return true;
}
