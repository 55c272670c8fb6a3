/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_run_start() and hookd_process(): a run whose events are delivered from the caller's event
 * loop, without waiting for hookd.
 *
 *	idle --hookd_run_start--> busy --last reply, or the connection broke--> DONE event, idle
 *
 * The client is idle before the DONE event is delivered, so that the callback can start the next
 * run. A lost request is not repeated here: the caller decides when to send it again with the same
 * id.
 */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "client/libhookd/client.h"
#include "client/libhookd/deadline.h"
#include "client/libhookd/result.h"
#include "client/libhookd/run.h"
#include "proto/json/base64.h"

/* ---- starting ---- */

int hookd_run_start(struct hookd_client *client, const struct hookd_run_request *request,
		    hookd_event_fn callback, void *userdata)
{
	struct hookd_run_request known;
	char id[RUN_ID_SIZE];
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
	r = client_push(client, deadline_after_ms(client->timeout_ms), &is_kept);
	if (r < 0 && r != -EAGAIN)
		return r;
	client->is_busy = true;
	client->on_event = callback;
	client->userdata = userdata;
	return 0;
}

/* ---- events ---- */

static const char *const event_names[] = {"accepted", "started", "output", "finished"};
static_assert(sizeof(event_names) / sizeof(event_names[0]) == HOOKD_EVENT_DONE - 1,
	      "a name for each event, except DONE");
static const char *const stream_names[] = {"stdout", "stderr"};

enum { EVENT, RUN, INDEX, STREAM, DATA, DATA_BASE64, HOOK, MEMBER_COUNT };
static const char *const member_names[MEMBER_COUNT] = {
    [EVENT] = "event",	 [RUN] = "run",	  [INDEX] = "index",
    [STREAM] = "stream", [DATA] = "data", [DATA_BASE64] = "dataBase64",
    [HOOK] = "hook",
};

/* One decoded event, with the memory that its members point to. */
struct async_event {
	struct hookd_event view;
	struct hp_arena arena;
	struct hp_hook_result hook;
	struct result_hook hook_view;
};

static int async_read_output(struct async_event *event, const struct hp_json_value members[],
			     struct hp_err *err)
{
	bool is_base64 = !hp_json_is_absent(members[DATA_BASE64]);
	int stream, r;
	char *data;

	if (hp_json_is_absent(members[STREAM]))
		return 0;
	r = hp_json_get_enum(members[STREAM], stream_names, 2, &stream, err);
	if (r >= 0)
		r = hp_json_get_string(members[is_base64 ? DATA_BASE64 : DATA], &event->arena,
				       &data, err);
	if (r < 0)
		return r;
	event->view.stream = stream + 1;
	event->view.data = data;
	event->view.data_length = strlen(data);
	if (!is_base64)
		return 0;
	return hp_base64_decode(data, data, strlen(data), &event->view.data_length);
}

static int async_read_members(struct async_event *event, const struct hp_json_value members[],
			      struct hp_err *err)
{
	uint64_t index = 0;
	char *run = NULL;
	int r = 0;

	if (!hp_json_is_absent(members[RUN]))
		r = hp_json_get_string(members[RUN], &event->arena, &run, err);
	if (r >= 0 && !hp_json_is_absent(members[INDEX]))
		r = hp_json_get_uint64(members[INDEX], 0, SIZE_MAX, &index, err);
	if (r >= 0)
		r = async_read_output(event, members, err);
	if (r >= 0 && event->view.type == HOOKD_EVENT_FINISHED)
		r = hp_hook_result_read(members[HOOK], &event->hook, err);
	if (r < 0)
		return r;
	event->view.run = run;
	event->view.index = index;
	if (event->view.type == HOOKD_EVENT_FINISHED) {
		result_hook_fill(&event->hook_view, &event->hook);
		event->view.hook = &event->hook_view.view;
	}
	return 0;
}

/* Delivers one event that is not the last. Types that a newer hookd may add are ignored. */
int async_tell(struct hookd_client *client, const struct hp_reply *reply)
{
	struct hp_json_value members[MEMBER_COUNT];
	struct async_event event = {0};
	struct hp_err err;
	int type = 0, r;

	assert(client->on_event && reply->continues);
	r = hp_json_members(reply->parameters, member_names, MEMBER_COUNT, false, members, &err);
	if (r < 0)
		return r;
	while (type < HOOKD_EVENT_DONE - 1 && !hp_json_equals(members[EVENT], event_names[type]))
		type++;
	if (type == HOOKD_EVENT_DONE - 1)
		return 0;
	event.view.type = (enum hookd_event_type)(type + 1);
	r = async_read_members(&event, members, &err);
	if (r >= 0)
		client->on_event(client, &event.view, client->userdata);
	hp_hook_result_clear(&event.hook);
	hp_arena_free(&event.arena);
	return r;
}

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
	return client->wire.fd;
}

short hookd_get_events(const struct hookd_client *client)
{
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
	if (r < 0 && wire_is_open(&client->wire)) {
		async_done(client, NULL, r);
		return 0;
	}
	if (r < 0)
		return r;
	if (!reply.continues)
		return async_finish(client, &reply);
	r = async_tell(client, &reply);
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

int hookd_process(struct hookd_client *client)
{
	int r;

	if (client->is_dispatching || (client->is_busy && !client->on_event))
		return -EALREADY;
	if (!wire_is_open(&client->wire))
		return 0;
	client->is_dispatching = true;
	r = async_step(client);
	if (r < 0) {
		if (wire_is_open(&client->wire))
			r = client_lose(client, r);
		if (client->on_event)
			async_done(client, NULL, r);
	}
	client->is_dispatching = false;
	return r < 0 ? -EPIPE : 0;
}
