/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/* The service manager. Everything here does nothing, successfully, where there is none. */

/*
 * The sockets that the manager has opened for us (sd_listen_fds(3)), closed on exec, non-blocking.
 * Fills at most `max`; the number of them. The variables are taken from the environment.
 */
int sd_take_sockets(int *ret_fds, int max);

/* sd_notify(3) with a formatted state. False where there is nobody to tell. */
bool sd_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Arms a timer that pets the manager's watchdog at half its period; an event loop that hangs
 * does not pet. *ret_timer is NULL where no watchdog is asked for; free it with event_free().
 */
int sd_start_watchdog(struct event_base *base, struct event **ret_timer) must_check;
