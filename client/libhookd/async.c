/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_run_start() and hookd_process(): a run whose events are delivered from the caller's event
 * loop, without waiting for hookd.
 *
 *	idle --hookd_run_start--> busy --last reply, or the connection broke--> DONE event, idle
 *
 * The client is idle before the DONE event is delivered, so that the callback can start the next
 * run. After a lost connection the caller's loop waits for a timer instead of the connection, until
 * there is one again, on which the same request is sent:
 *
 *	connected --lost--> timer --expired, connected--> connected
 *	                     ^  |
 *	                     `--' not connected, until reconnect_plan() gives up
 */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client/libhookd/client.h"
#include "client/libhookd/deadline.h"
#include "client/libhookd/events.h"
#include "client/libhookd/result.h"
#include "client/libhookd/run.h"

/* So long hookd_process() may wait for a place in the backlog of hookd's socket. */
#define CONNECT_MS 1

/* ---- lost connections ---- */

static int async_set_timer(struct hookd_client *client, int pause_ms)
{
	struct itimerspec when = {
	    .it_value = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000l + 1}};
	int r = 0;

	assert(client->timer_fd < 0);
	client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->timer_fd < 0 || timerfd_settime(client->timer_fd, 0, &when, NULL) < 0)
		r = fault_set(&client->fault, -EPIPE,
			      "the connection to hookd was lost, and there is no timer: %s",
			      strerror(errno));
	if (r < 0)
		client_stop_timer(client);
	return r;
}

/* The connection was lost, or could not be made again: tries later. -ETIMEDOUT, -EPIPE. */
static int async_wait(struct hookd_client *client)
{
	int pause_ms;
	int r = reconnect_plan(client, &client->reconnect, deadline_after_ms(client->timeout_ms),
			       &pause_ms);

	return r < 0 ? r : async_set_timer(client, pause_ms);
}

/* ---- starting ---- */

int hookd_run_start(struct hookd_client *client, const struct hookd_run_request *request,
		    hookd_event_fn callback, void *userdata)
{
	struct hookd_run_request known;
	char id[RUN_ID_SIZE];
	int64_t sent_ns;
	bool is_kept;
	int r;

	r = client_begin(client);
	if (r >= 0)
		r = run_read(client, request, id, &known);
	if (r < 0)
		return r;
	if (known.hook_list)
		return fault_set(
		    &client->fault, -EOPNOTSUPP,
		    "hook_list takes hookd_run(); hookd_hooks_to_json() turns it into text");
	run_write(client, &known, true);
	client->reconnect = (struct reconnect){0};
	client->told = (struct hp_told){0};
	sent_ns = deadline_now();
	r = client_push(client, deadline_after_ms(client->timeout_ms), &is_kept);
	if (r == -EPIPE)
		r = async_wait(client);
	else if (r == 0 || r == -EAGAIN)
		client->reconnect.sent_ns = sent_ns;
	if (r < 0 && r != -EAGAIN)
		return r;
	client->is_busy = true;
	client->on_event = callback;
	client->userdata = userdata;
	return 0;
}

/* ---- the end ---- */

/* Delivers DONE. The client is idle before, so that the callback can start a run. */
static void async_done(struct hookd_client *client, struct hookd_result *result, int error)
{
	struct hookd_event event = {.type = HOOKD_EVENT_DONE, .result = result, .error = error};
	hookd_event_fn on_event = client->on_event;

	assert(on_event);
	assert(result ? error == 0 : error < 0);
	client->is_busy = false;
	client->on_event = NULL;
	if (result)
		event.run = hookd_result_run(result);
	on_event(client, &event, client->userdata);
}

static int async_finish(struct hookd_client *client, const struct hp_reply *reply)
{
	struct hookd_result *result = NULL;
	struct hp_run_result run = {0};
	int r = run_read_result(client, reply, &run);

	if (r >= 0)
		r = result_new(&run, &result);
	hp_run_result_clear(&run);
	async_done(client, result, r);
	return 0;
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

static int async_message(struct hookd_client *client, const char *frame, size_t length)
{
	struct hp_reply reply;
	int r;

	if (!client->on_event)
		return -EBADMSG;
	r = client_read(client, frame, length, &reply);
	if (reconnect_goes_on(&client->reconnect, r)) {
		wire_close(&client->wire);
		return -EPIPE;
	}
	if (r < 0 && wire_is_open(&client->wire)) {
		async_done(client, NULL, r);
		return 0;
	}
	if (r < 0)
		return r;
	if (!reply.continues)
		return async_finish(client, &reply);
	r = events_tell(client, &reply);
	return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

/*
 * Handles all messages received so far. A callback may close the connection by a call of its own.
 */
static int async_messages(struct hookd_client *client)
{
	const char *frame;
	size_t length;
	int r;

	for (;;) {
		r = hp_inbox_next(&client->wire.inbox, &frame, &length);
		if (r <= 0)
			return r;
		r = async_message(client, frame, length);
		if (r < 0)
			return r;
	}
}

static int async_step(struct hookd_client *client)
{
	const struct hp_buf *call = &client->call;
	bool is_full = true;
	int r = 0;

	if (client->call_sent < call->length)
		r = wire_push(&client->wire, call->data, call->length, &client->call_sent);
	if (r == -EAGAIN)
		r = 0;
	/* A read that did not fill the buffer has emptied the socket. */
	while (r >= 0 && is_full && wire_is_open(&client->wire)) {
		r = wire_pull(&client->wire, &is_full);
		if (r >= 0)
			r = async_messages(client);
	}
	return r == -EAGAIN ? 0 : r;
}

static int async_end(struct hookd_client *client, int r)
{
	if (client->on_event)
		async_done(client, NULL, r);
	return r;
}

/* Attaches to the run. */
static int async_connect(struct hookd_client *client)
{
	struct reconnect *reconnect = &client->reconnect;
	int64_t sent_ns = deadline_now();
	uint64_t expirations;
	bool is_kept;
	int r;

	assert(client->on_event && reconnect->is_repeat);
	if (read(client->timer_fd, &expirations, sizeof(expirations)) < 0)
		return 0;
	client_stop_timer(client);
	r = client_push(client, deadline_after_ms(CONNECT_MS), &is_kept);
	if (r == 0 || r == -EAGAIN) {
		reconnect->sent_ns = sent_ns;
		return 0;
	}
	/* -EPERM would say that nothing was run; an earlier attempt may have been. */
	r = r == -EPERM ? -EPIPE : async_wait(client);
	return r < 0 ? async_end(client, r) : 0;
}

static int async_serve(struct hookd_client *client)
{
	int r = async_step(client);

	if (r >= 0)
		return 0;
	if (wire_is_open(&client->wire))
		r = client_lose(client, r);
	if (client->on_event && r == -EPIPE)
		r = async_wait(client);
	return r < 0 ? async_end(client, r) : 0;
}

int hookd_process(struct hookd_client *client)
{
	int r;

	if (client->is_dispatching || (client->is_busy && !client->on_event))
		return -EALREADY;
	if (!wire_is_open(&client->wire) && client->timer_fd < 0)
		return 0;
	client->is_dispatching = true;
	r = client->timer_fd >= 0 ? async_connect(client) : async_serve(client);
	client->is_dispatching = false;
	return r < 0 ? -EPIPE : 0;
}
