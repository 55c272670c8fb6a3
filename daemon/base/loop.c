/* SPDX-License-Identifier: Apache-2.0 */
/* How the event loop is set up. No state. */
#include "daemon/base/loop.h"

#include <stddef.h>

/*
 * NO_CACHE_TIME: else a timer is set against the time at which the loop woke up, and a slow
 * callback before it would cut a hook's timeout short.
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
