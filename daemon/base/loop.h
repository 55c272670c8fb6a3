/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

/* A new event loop whose timers do not come early after a slow callback; NULL: out of memory. */
struct event_base *loop_new(void);
