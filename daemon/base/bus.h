/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <systemd/sd-bus.h>

#include "daemon/base/base.h"

/*
 * A D-Bus connection to the service manager, on hookd's event loop. Opened at the first
 * bus_connect(), and again by the next one after it was lost. Nothing here waits for a reply.
 */
struct bus;

int bus_new(struct event_base *base, struct bus **ret_bus) must_check;
struct bus *bus_free(struct bus *bus);
struct event_base *bus_base(const struct bus *bus);

/*
 * Returns the connection, for sd_bus_call_async() and the like; it stays the bus's. The event loop
 * sends and dispatches. -ENOENT or another -errno where no service manager can be reached.
 */
int bus_connect(struct bus *bus, sd_bus **ret_connection) must_check;
/*
 * Calls on_new() once for each new connection, to subscribe to signals, and on_lost() when it has
 * failed: no reply and no signal of it will arrive any more. on_lost() may call bus_connect().
 */
void bus_on_connection(struct bus *bus, void (*on_new)(sd_bus *connection, void *userdata),
		       void (*on_lost)(void *userdata), void *userdata);
/* Call after a message was queued: the event loop then writes it. */
void bus_flush(struct bus *bus);
