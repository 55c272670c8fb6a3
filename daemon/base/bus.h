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

/*
 * Sends a call, and calls on_answer() with the reply or an error. At most 64 of them wait for a
 * reply at a time, since dbus-daemon refuses calls of a connection that waits for 128; others are
 * sent later. If that fails, the connection counts as lost. Takes ownership of the message, also
 * if it fails.
 */
struct bus_call;
int bus_call(struct bus *bus, sd_bus_message *message, sd_bus_message_handler_t on_answer,
	     void *userdata, struct bus_call **ret_call) must_check;
/* To be called in on_answer(), or before: then that is not called any more. Returns NULL. */
struct bus_call *bus_call_free(struct bus_call *call);
