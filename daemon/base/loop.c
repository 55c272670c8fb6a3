/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the event loop of a process of hookd. No state. */
#include "daemon/base/loop.h"

#include <stddef.h>

/*
 * Without NO_CACHE_TIME libevent counts a timer from the time at which the loop woke up. A slow
 * callback that ran before it would then shorten a hook's timeout.
 */
struct event_base *loop_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}
