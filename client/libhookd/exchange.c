/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The call that a client makes, from its first byte to its last reply, over one connection or
 * several. Nothing here waits: the caller's loop does, with hookd_get_fd() and hookd_process(), or
 * exchange_await() in a function that blocks.
 *
 *	idle --exchange_start--> sent --last reply, or an error--> on_end(), idle
 *
 * The client is idle before on_end(), so that the next call can be started there. After a lost
 * connection a call that may be repeated is sent again:
 *
 *	sent --lost--> paused --connected, sent--> sent
 *	                ^  |
 *	                `--' not connected, until reconnect_plan() gives up
 *
 * A call that ends without its reply closes the connection, so that no later call can mistake an
 * old reply for its own.
 */

#include "client/libhookd/exchange.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client/libhookd/client.h"
#include "client/libhookd/wire/deadline.h"

/* So long hookd_process() may wait for a place in the backlog of hookd's socket. */
#define CONNECT_MS 1
/* Of one hookd_process(), so that a peer that never stops sending does not keep the caller. */
#define PULLS_MAX 16

/* ---- the end ---- */

static void exchange_clear(struct hookd_client *client)
{
	client_stop_timer(client);
	if (client->exchange.reconnect.is_repeat)
		client->is_unreachable = false; /* hookd may have received the call */
	client->exchange = (struct exchange){0};
	client->is_busy = false;
}

static void exchange_end(struct hookd_client *client, int r)
{
	const struct exchange_type *type = client->exchange.type;

	assert(type && client->is_busy);
	exchange_clear(client);
	if (r >= 0)
		fault_clear(&client->fault);
	type->on_end(client, r);
}

/* Ends the call because of a failure that has closed the connection. */
static void exchange_break(struct hookd_client *client, int r)
{
	assert(r < 0);
	client->is_broken = true;
	exchange_end(client, r);
}

void exchange_stop(struct hookd_client *client)
{
	const struct exchange_type *type = client->exchange.type;

	if (!type)
		return;
	if (!client->exchange.is_paused)
		wire_close(&client->wire);
	exchange_clear(client);
	if (type->on_stop)
		type->on_stop(client);
	client_clear_call(client);
}

/* ---- pauses ---- */

/* A blocking function has no timer: it sleeps. */
static int exchange_pause(struct hookd_client *client, int pause_ms)
{
	struct itimerspec when = {
	    .it_value = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000l + 1}};

	assert(client->timer_fd < 0);
	client->exchange.is_paused = true;
	client->exchange.pause_ms = pause_ms;
	if (client->is_blocking)
		return 0;
	client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->timer_fd >= 0 && timerfd_settime(client->timer_fd, 0, &when, NULL) == 0)
		return 0;
	client_stop_timer(client);
	return fault_set(&client->fault, -EPIPE,
			 "the connection to hookd was lost, and there is no timer: %s",
			 strerror(errno));
}

static int64_t exchange_deadline(const struct hookd_client *client)
{
	return client->is_blocking ? client->deadline : deadline_after_ms(client->timeout_ms);
}

/* The connection was lost, or could not be made again: tries later. -ETIMEDOUT, -EPIPE. */
static int exchange_lose(struct hookd_client *client, int r)
{
	int pause_ms;

	if (client->exchange.sends_left == 0 || client->private.program)
		return client_lose(client, r);
	wire_close(&client->wire);
	r = reconnect_plan(&client->exchange.reconnect, exchange_deadline(client),
			   client->exchange.sends_left != SENDS_UNTIL_ANSWERED, &pause_ms);
	if (r == -EPIPE)
		return fault_set(&client->fault, r,
				 "the connection to hookd was lost and could not be restored");
	return r < 0 ? client_lose(client, r) : exchange_pause(client, pause_ms);
}

/* ---- sending ---- */

static int exchange_send(struct hookd_client *client, int64_t deadline)
{
	struct exchange *exchange = &client->exchange;
	int64_t begin_ns = deadline_now();
	int r = client_push(client, deadline);

	if (r == 0 || r == -EAGAIN) {
		exchange->reconnect.sent_ns = begin_ns;
		if (exchange->sends_left != SENDS_UNTIL_ANSWERED)
			exchange->sends_left--;
		return 0;
	}
	if (client->private.program)
		return r; /* there is no other one */
	/* -EPERM would say that nothing was run; an earlier attempt may have been. */
	if (r == -EPERM && exchange->reconnect.is_repeat)
		return -EPIPE;
	if (r == -EPIPE || exchange->reconnect.is_repeat)
		return exchange_lose(client, r);
	return r;
}

int exchange_start(struct hookd_client *client, const struct exchange_type *type, uint32_t sends,
		   bool is_more)
{
	int r;

	assert(!client->exchange.type && type->on_reply && sends > 0);
	client->exchange = (struct exchange){.type = type, .sends_left = sends, .is_more = is_more};
	client->is_busy = true;
	r = exchange_send(client, exchange_deadline(client));
	if (r < 0)
		exchange_clear(client);
	return r;
}

int exchange_delay(struct hookd_client *client, const struct exchange_type *type)
{
	int r;

	assert(!client->exchange.type && type->is_delay);
	client->exchange = (struct exchange){.type = type};
	client->is_busy = true;
	r = exchange_pause(client, 0);
	if (r < 0)
		exchange_clear(client);
	return r;
}

/* After a pause. */
static void exchange_resume(struct hookd_client *client)
{
	const struct exchange_type *type = client->exchange.type;
	int r = 0;

	client->exchange.is_paused = false;
	client_stop_timer(client);
	if (type->is_delay) {
		exchange_end(client, 0);
		return;
	}
	if (type->on_repeat)
		r = type->on_repeat(client);
	if (r >= 0)
		r = exchange_send(client, client->is_blocking ? client->deadline
							      : deadline_after_ms(CONNECT_MS));
	if (r < 0)
		exchange_break(client, r);
}

/* ---- receiving ---- */

/* What a reply means for the call. The last one may end it, and on_end() start another. */
static void exchange_take(struct hookd_client *client, const char *frame, size_t length)
{
	struct exchange *exchange = &client->exchange;
	struct hp_reply reply = {0};
	int r = client_read(client, frame, length, &reply);

	if (reconnect_goes_on(&exchange->reconnect, r) && exchange->sends_left > 0) {
		r = exchange_lose(client, -EPIPE);
		if (r < 0)
			exchange_break(client, r);
		return;
	}
	if (r >= 0 && reply.continues && !exchange->is_more)
		r = fault_set(&client->fault, -EBADMSG,
			      "hookd sent more replies than were asked for");
	else if (r >= 0)
		r = exchange->type->on_reply(client, &reply);
	/* The replies still to come would be read as those of the next call. */
	if (r < 0 && reply.continues)
		wire_close(&client->wire);
	if (r < 0 && !wire_is_open(&client->wire))
		exchange_break(client, r);
	else if (r < 0 || !reply.continues)
		exchange_end(client, r);
}

/* A message that nobody has asked for. */
static int exchange_refuse(struct hookd_client *client)
{
	client->is_broken = true;
	return client_lose(client, -EBADMSG);
}

/* All messages received so far. A callback may close the connection by a call of its own. */
static int exchange_messages(struct hookd_client *client)
{
	const char *frame;
	size_t length;

	for (;;) {
		int r = hp_inbox_next(&client->wire.inbox, &frame, &length);

		if (r <= 0)
			return r;
		if (!client->exchange.type)
			return exchange_refuse(client);
		exchange_take(client, frame, length);
	}
}

/* What can be done without waiting. */
static int exchange_transfer(struct hookd_client *client)
{
	const struct hp_buf *call = &client->call;
	bool is_full = true;
	int r = 0;

	if (client->call_sent < call->length)
		r = wire_push(&client->wire, call->data, call->length, &client->call_sent);
	if (r == -EAGAIN)
		r = 0;
	/* A read that did not fill the buffer has emptied the socket. */
	for (int i = 0; i < PULLS_MAX && r >= 0 && is_full && wire_is_open(&client->wire); i++) {
		r = wire_pull(&client->wire, &is_full);
		if (r >= 0)
			r = exchange_messages(client);
	}
	return r == -EAGAIN ? 0 : r;
}

static void exchange_serve(struct hookd_client *client)
{
	int r = exchange_transfer(client);

	if (r >= 0 || client->is_broken)
		return;
	if (!client->exchange.type) {
		client->is_broken = true;
		(void)client_lose(client, r);
		return;
	}
	r = r == -EPIPE ? exchange_lose(client, r) : client_lose(client, r);
	if (r < 0)
		exchange_break(client, r);
}

/* ---- a blocking function ---- */

void exchange_await(struct hookd_client *client)
{
	assert(client->is_blocking && !client->is_dispatching);
	client->is_dispatching = true;
	while (client->exchange.type) {
		client->is_broken = false;
		if (client->exchange.is_paused) {
			if (client->exchange.pause_ms > 0)
				(void)poll(NULL, 0, client->exchange.pause_ms);
			exchange_resume(client);
		} else {
			int r = deadline_has_passed(client->deadline)
				    ? -ETIMEDOUT
				    : wire_wait(&client->wire, hookd_get_events(client),
						client->deadline);

			if (r < 0)
				exchange_end(client, client_lose(client, r));
			else
				exchange_serve(client);
		}
	}
	client->is_dispatching = false;
	client->is_blocking = false;
}

/* ---- for the caller's loop ---- */

int hookd_get_fd(const struct hookd_client *client)
{
	return client->timer_fd >= 0 ? client->timer_fd : client->wire.fd;
}

short hookd_get_events(const struct hookd_client *client)
{
	if (client->timer_fd >= 0)
		return POLLIN;
	if (!wire_is_open(&client->wire))
		return 0;
	return client->call_sent < client->call.length ? POLLIN | POLLOUT : POLLIN;
}

int hookd_process(struct hookd_client *client)
{
	uint64_t expirations;

	if (client->is_dispatching || (client->is_busy && !client->exchange.type))
		return -EALREADY;
	if (!wire_is_open(&client->wire) && client->timer_fd < 0)
		return 0;
	client->is_dispatching = true;
	client->is_broken = false;
	if (client->timer_fd < 0)
		exchange_serve(client);
	else if (read(client->timer_fd, &expirations, sizeof(expirations)) > 0)
		exchange_resume(client);
	client->is_dispatching = false;
	return client->is_broken ? -EPIPE : 0;
}

int hookd_client_stop(struct hookd_client *client)
{
	if (client->is_dispatching || (client->is_busy && !client->exchange.type))
		return -EALREADY;
	exchange_stop(client);
	return 0;
}
