/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <systemd/sd-bus.h>

#include "daemon/base/util.h"

/*
 * A connection to the service manager on hookd's own event loop: made when it is first asked for,
 * made again after it broke, and never waited for.
 */
struct bus;

int bus_new(struct event_base *base, struct bus **ret_bus) must_check;
struct bus *bus_free(struct bus *bus);
struct event_base *bus_base(const struct bus *bus);

/*
 * The connection, for sd_bus_call_async() and the like: what is sent goes out, and what comes back
 * is dispatched, by the loop. -ENOENT and the like where there is no service manager.
 */
int bus_connect(struct bus *bus, sd_bus **ret_connection) must_check;
/*
 * `on_new` is told once for each new connection, to ask for signals; `on_lost` when it broke, with
 * no connection there: what waits for a reply or a signal waits in vain, and may call
 * bus_connect().
 */
void bus_on_connection(struct bus *bus, void (*on_new)(sd_bus *connection, void *userdata),
		       void (*on_lost)(void *userdata), void *userdata);
/* After something was sent: has the loop write it. */
void bus_flush(struct bus *bus);
