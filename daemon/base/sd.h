/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"

/* The service manager. Where there is none, all functions succeed and do nothing. */

/*
 * The sockets that the manager passes (sd_listen_fds(3)), made close-on-exec and non-blocking.
 * Returns their number, at most `max`; further ones, and others than Unix streams, are closed.
 * Removes the variables from the environment.
 */
int sd_take_sockets(int *ret_fds, int max);

/*
 * The connection that the manager has accepted for this process (Accept= of systemd.socket(5)),
 * made close-on-exec. -ENOENT: the manager has passed nothing. -EINVAL: it has passed something
 * else.
 */
int sd_take_connection(void) must_check;

/* sd_notify(3) with a formatted state. False where no service manager has got it. */
bool sd_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Arms a timer that sends WATCHDOG=1 at half the period of the manager's watchdog; an event loop
 * that hangs stops sending. May be called again for another loop. *ret_timer is NULL where no
 * watchdog is configured; else the caller frees it by event_free(). -ENOMEM.
 */
int sd_start_watchdog(struct event_base *base, struct event **ret_timer) must_check;
