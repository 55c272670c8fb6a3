/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an sd-bus connection on libevent. sd_bus_get_events() and sd_bus_get_timeout() say what to
 * wait for; one event is armed for both and calls sd_bus_process(). Connects to the system bus, or
 * where there is none to systemd's private socket, which only root can do.
 *
 * States: not connected (`connection` and `event` are NULL), and connected (the event is armed).
 */
#include "daemon/base/bus.h"

#include <assert.h>
#include <poll.h>
#include <sys/queue.h>

#define SYSTEMD_PRIVATE "unix:path=/run/systemd/private"
#define CALLS_MAX	64

struct bus_call {
	struct bus *bus;
	sd_bus_slot *slot;	 /* it was sent */
	sd_bus_message *message; /* it was not: in bus::unsent */
	sd_bus_message_handler_t on_answer;
	void *userdata;
	TAILQ_ENTRY(bus_call) link;
};

struct bus {
	struct event_base *base;
	sd_bus *connection;  /* NULL: not connected */
	struct event *event; /* for its descriptor and its timeout */
	void (*on_new)(sd_bus *connection, void *userdata);
	void (*on_lost)(void *userdata);
	void *userdata;
	size_t calls; /* that were sent and not freed */
	TAILQ_HEAD(, bus_call) unsent;
};

static void on_ready(evutil_socket_t fd, short what, void *userdata);

int bus_new(struct event_base *base, struct bus **ret_bus)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	assert(base);
	if (!bus)
		return -ENOMEM;
	bus->base = base;
	TAILQ_INIT(&bus->unsent);
	*ret_bus = bus;
	return 0;
}

static void disconnect(struct bus *bus)
{
	if (bus->event)
		event_free(take_ptr(bus->event));
	sd_bus_close(bus->connection);
	bus->connection = sd_bus_unref(bus->connection);
}

struct bus *bus_free(struct bus *bus)
{
	if (!bus)
		return NULL;
	assert(bus->calls == 0 && TAILQ_EMPTY(&bus->unsent));
	disconnect(bus);
	free(bus);
	return NULL;
}

struct event_base *bus_base(const struct bus *bus)
{
	return bus->base;
}

void bus_on_connection(struct bus *bus, void (*on_new)(sd_bus *connection, void *userdata),
		       void (*on_lost)(void *userdata), void *userdata)
{
	bus->on_new = on_new;
	bus->on_lost = on_lost;
	bus->userdata = userdata;
}

/* sd_bus_get_timeout() is an absolute time on CLOCK_MONOTONIC. NULL: no timeout. */
static struct timeval *time_left(struct bus *bus, struct timeval *left)
{
	uint64_t until_us = UINT64_MAX;
	int64_t left_us;

	assert(bus->connection);
	if (sd_bus_get_timeout(bus->connection, &until_us) < 0 || until_us > INT64_MAX)
		return NULL;
	left_us = (int64_t)until_us - clock_ns(CLOCK_MONOTONIC) / 1000;
	if (left_us < 0)
		left_us = 0;
	*left = (struct timeval){left_us / 1000000, left_us % 1000000};
	return left;
}

static int wait_again(struct bus *bus)
{
	int wanted = sd_bus_get_events(bus->connection);
	short what = (short)((wanted & POLLIN ? EV_READ : 0) | (wanted & POLLOUT ? EV_WRITE : 0));
	struct timeval left;

	if (wanted < 0)
		return wanted;
	if (bus->event)
		event_free(take_ptr(bus->event));
	bus->event = event_new(bus->base, sd_bus_get_fd(bus->connection), what, on_ready, bus);
	if (!bus->event || event_add(bus->event, time_left(bus, &left)) < 0)
		return -ENOMEM;
	return 0;
}

static int send_one(struct bus_call *call, sd_bus_message *message)
{
	int r = sd_bus_call_async(sd_bus_message_get_bus(message), &call->slot, message,
				  call->on_answer, call->userdata, 0);

	sd_bus_message_unref(message);
	if (r < 0)
		return r;
	call->bus->calls++;
	return 0;
}

static int send_more(struct bus *bus)
{
	struct bus_call *call;
	int r = 0;

	while (r == 0 && bus->calls < CALLS_MAX && (call = TAILQ_FIRST(&bus->unsent))) {
		TAILQ_REMOVE(&bus->unsent, call, link);
		r = send_one(call, take_ptr(call->message));
	}
	return r;
}

static void on_ready(evutil_socket_t fd, short what, void *userdata)
{
	struct bus *bus = userdata;
	int r;

	(void)fd, (void)what;
	assert(bus->connection);
	do {
		r = sd_bus_process(bus->connection, NULL);
	} while (r > 0);
	if (r == 0)
		r = send_more(bus);
	if (r == 0)
		r = wait_again(bus);
	if (r >= 0)
		return;
	disconnect(bus);
	if (bus->on_lost)
		bus->on_lost(bus->userdata);
}

static int open_private(sd_bus **ret_connection)
{
	sd_bus *connection;
	int r = sd_bus_new(&connection);

	if (r < 0)
		return r;
	r = sd_bus_set_address(connection, SYSTEMD_PRIVATE);
	if (r >= 0)
		r = sd_bus_start(connection);
	if (r < 0) {
		sd_bus_unref(connection);
		return r;
	}
	*ret_connection = connection;
	return 0;
}

int bus_connect(struct bus *bus, sd_bus **ret_connection)
{
	int r = 0;

	if (!bus->connection) {
		r = sd_bus_open_system(&bus->connection);
		if (r < 0)
			r = open_private(&bus->connection);
		if (r >= 0)
			r = wait_again(bus);
		if (r < 0) {
			disconnect(bus);
			return r;
		}
		if (bus->on_new)
			bus->on_new(bus->connection, bus->userdata);
	}
	*ret_connection = bus->connection;
	return 0;
}

/* ---- calls ---- */

/* The event loop then writes what is queued. */
static void wake(struct bus *bus)
{
	if (bus->event)
		event_active(bus->event, EV_WRITE, 0);
}

int bus_call(struct bus *bus, sd_bus_message *message, sd_bus_message_handler_t on_answer,
	     void *userdata, struct bus_call **ret_call)
{
	struct bus_call *call = calloc(1, sizeof(*call));
	int r = 0;

	if (!call) {
		sd_bus_message_unref(message);
		return -ENOMEM;
	}
	*call = (struct bus_call){.bus = bus, .on_answer = on_answer, .userdata = userdata};
	if (bus->calls < CALLS_MAX) {
		r = send_one(call, message);
		wake(bus);
	} else {
		call->message = message;
		TAILQ_INSERT_TAIL(&bus->unsent, call, link);
	}
	if (r < 0)
		free(call);
	else
		*ret_call = call;
	return r;
}

struct bus_call *bus_call_free(struct bus_call *call)
{
	if (!call)
		return NULL;
	if (call->message) {
		TAILQ_REMOVE(&call->bus->unsent, call, link);
		sd_bus_message_unref(call->message);
	}
	if (call->slot) {
		assert(call->bus->calls > 0);
		call->bus->calls--;
		sd_bus_slot_unref(call->slot);
		wake(call->bus); /* for unsent ones */
	}
	free(call);
	return NULL;
}
