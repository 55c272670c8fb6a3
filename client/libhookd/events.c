/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The events of a run: reads a reply that is not the last, and gives it to the caller. A hookd that
 * was attached to again tells all of it from the beginning, and what is kept of the output: the
 * caller gets only what is new to it.
 */

#include "client/libhookd/events.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/libhookd/client.h"
#include "client/libhookd/result.h"
#include "client/libhookd/run.h"
#include "proto/json/base64.h"

/* ---- reading ---- */

static const char *const event_names[] = {"accepted", "started", "output", "finished"};
static_assert(sizeof(event_names) / sizeof(event_names[0]) == HOOKD_EVENT_DONE - 1,
	      "a name for each event, except DONE");
static const char *const stream_names[] = {"stdout", "stderr"};

enum { EVENT, RUN, INDEX, STREAM, OFFSET, DATA, DATA_BASE64, HOOK, MEMBER_COUNT };
static const char *const member_names[MEMBER_COUNT] = {
    [EVENT] = "event",
    [RUN] = "run",
    [INDEX] = "index",
    [STREAM] = "stream",
    [OFFSET] = "offset",
    [DATA] = "data",
    [DATA_BASE64] = "dataBase64",
    [HOOK] = "hook",
};

/* One decoded event, with the memory that its members point to. */
struct decoded_event {
	struct hookd_event view;
	struct hp_arena arena;
	struct hp_hook_result hook;
	struct result_hook hook_view;
	bool has_offset; /* an older hookd says none */
};

static int events_read_output(struct decoded_event *event, const struct hp_json_value members[],
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
	event->has_offset = !hp_json_is_absent(members[OFFSET]);
	if (event->has_offset)
		r = hp_json_get_uint64(members[OFFSET], 0, INT64_MAX, &event->view.offset, err);
	if (r < 0)
		return r;
	event->view.data = data;
	event->view.data_length = strlen(data);
	if (!is_base64)
		return 0;
	if (hp_base64_decode(data, data, strlen(data), &event->view.data_length) < 0)
		return hp_err_invalid(err, "dataBase64", "must be Base64");
	return 0;
}

static int events_read_members(struct decoded_event *event, const struct hp_json_value members[],
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
		r = events_read_output(event, members, err);
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

/* ---- each one once ---- */

static bool events_cut(struct hp_told *told, struct decoded_event *event)
{
	struct hookd_event *view = &event->view;
	struct hp_told_output output = {
	    .index = view->index,
	    .stream = view->stream,
	    .has_offset = event->has_offset,
	    .offset = view->offset,
	    .data = view->data,
	    .length = view->data_length,
	};

	if (!hp_told_output(told, &output))
		return false;
	view->offset = output.offset;
	view->data = output.data;
	view->data_length = output.length;
	return true;
}

/* After a lost connection hookd tells again what it has told before. */
static bool events_are_new(struct hp_told *told, struct decoded_event *event)
{
	switch (event->view.type) {
	case HOOKD_EVENT_ACCEPTED:
		return hp_told_accepted(told, event->view.run);
	case HOOKD_EVENT_STARTED:
		return hp_told_started(told, event->view.index);
	case HOOKD_EVENT_OUTPUT:
		return event->view.stream == 0 || events_cut(told, event);
	case HOOKD_EVENT_FINISHED:
		return hp_told_finished(told, event->view.index);
	default:
		return true;
	}
}

/* ---- delivery ---- */

static int events_read(struct hookd_client *client, const struct hp_reply *reply,
		       struct decoded_event *event)
{
	struct hp_json_value members[MEMBER_COUNT];
	struct hp_err err = {0};
	int type = 0, r;

	r = hp_json_members(reply->parameters, member_names, MEMBER_COUNT, false, members, &err);
	if (r >= 0) {
		while (type < HOOKD_EVENT_DONE - 1 &&
		       !hp_json_equals(members[EVENT], event_names[type]))
			type++;
		event->view.type = (enum hookd_event_type)(type + 1);
		if (event->view.type != HOOKD_EVENT_DONE)
			r = events_read_members(event, members, &err);
	}
	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	if (r < 0)
		return fault_set(&client->fault, -EBADMSG, "hookd's event: %s %s", err.path,
				 err.reason);
	return 0;
}

/* In the message the text is not terminated. A list that is run in parts counts its hooks anew. */
static int events_copy_json(struct hookd_client *client, const struct run_state *state,
			    const struct hp_reply *reply, struct decoded_event *event)
{
	size_t length;
	const char *text = hp_json_text(reply->parameters, &length);

	if (state->parts)
		return 0;
	event->view.json = hp_arena_copy(&event->arena, text, length);
	return event->view.json ? 0 : fault_set(&client->fault, -ENOMEM, "out of memory");
}

/* Types that a newer hookd may add are ignored: they read as DONE. */
int events_tell(struct hookd_client *client, struct run_state *state, const struct hp_reply *reply)
{
	struct decoded_event event = {0};
	int r = events_read(client, reply, &event);

	assert(state->on_event && reply->continues);
	if (r >= 0)
		r = events_copy_json(client, state, reply, &event);
	if (r >= 0 && event.view.type != HOOKD_EVENT_DONE && events_are_new(&state->told, &event)) {
		if (event.view.type != HOOKD_EVENT_ACCEPTED)
			event.view.index += state->first;
		event.hook_view.view.index += state->first;
		state->on_event(client, &event.view, state->userdata);
	}
	hp_hook_result_clear(&event.hook);
	hp_arena_free(&event.arena);
	return r;
}
