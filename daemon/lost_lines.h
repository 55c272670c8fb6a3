/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"

/*
 * From now on the number of log lines that were lost is logged as soon as the log takes lines
 * again, and not only with the next line, which may be hours later. -ENOMEM. At most one at a time.
 */
int lost_lines_watch(struct event_base *base, struct event **ret_timer) must_check;
struct event *lost_lines_free(struct event *timer);
