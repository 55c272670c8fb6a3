/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_run() and hookd_run_start(): sends a request and takes its result. No hook is run twice:
 * every request has an id, and after a lost connection hookd, which knows the id, attaches instead
 * of running the hooks again.
 */

#include "client/libhookd/run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client/libhookd/events.h"
#include "client/libhookd/parts.h"
#include "client/libhookd/result.h"
#include "proto/messages/request.h"

/* ---- the request ---- */

int run_make_id(char id[static RUN_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t random[(RUN_ID_SIZE - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	for (size_t i = 0; i < sizeof(random); i++) {
		id[2 * i] = digits[random[i] >> 4];
		id[2 * i + 1] = digits[random[i] & 15];
	}
	id[RUN_ID_SIZE - 1] = '\0';
	return 0;
}

/*
 * The texts are copied into the message as they are. One that is not exactly one JSON object could
 * add parameters of its own, or make hookd close the connection, which would look like a lost one.
 * So each is parsed here, where the error can name it.
 */
static int run_check(struct hookd_client *client, const struct hookd_run_request *request)
{
	int r;

	if (!request->stage)
		return fault_set_parameter(&client->fault, "stage", "is required");
	if (!request->state)
		return fault_set_parameter(&client->fault, "state", "is required");
	if (!request->hooks == !request->hook_list)
		return fault_set_parameter(&client->fault, "hooks",
					   "are required, either as text or as a list");
	r = client_check_object(client, "state", request->state);
	if (r >= 0 && request->hooks)
		r = client_check_object(client, "hooks", request->hooks);
	if (r >= 0 && request->settings)
		r = client_check_object(client, "settings", request->settings);
	return r;
}

int run_read(struct hookd_client *client, const struct hookd_run_request *request,
	     char id[static RUN_ID_SIZE], struct hookd_run_request *ret)
{
	struct hookd_run_request known;
	int r = client_copy_sized(client, &known, sizeof(known), request);

	if (r >= 0)
		r = run_check(client, &known);
	if (r < 0)
		return r;
	if (!known.request_id) {
		r = run_make_id(id);
		if (r < 0)
			return fault_set(&client->fault, r, "no random number: %s", strerror(-r));
		known.request_id = id;
	}
	*ret = known;
	return 0;
}

static void run_write(struct hookd_client *client, const struct hookd_run_request *request,
		      bool more)
{
	struct hp_request_draft draft = {
	    .stage = request->stage,
	    .state = request->state,
	    .hooks = request->hooks,
	    .dialect = request->dialect,
	    .settings = request->settings,
	    .namespaces = request->namespaces,
	    .request_id = request->request_id,
	    .on_disconnect = request->on_disconnect,
	    .traceparent = request->traceparent,
	};

	assert(draft.stage && draft.state && draft.hooks && draft.request_id);
	client_clear_call(client);
	hp_request_write(&client->call, &draft, more, false);
}

/* ---- the replies ---- */

static int run_read_result(struct hookd_client *client, const struct hp_reply *reply,
			   struct hp_run_result *ret)
{
	struct hp_err err;
	int r;

	r = hp_run_result_read(hp_json_member(reply->parameters, "result"), ret, &err);
	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	if (r < 0)
		return fault_set(&client->fault, -EBADMSG, "hookd's result: %s %s", err.path,
				 err.reason);
	return 0;
}

/* The result as it came, for DONE. */
static int keep_text(struct hookd_client *client, struct run_state *state,
		     const struct hp_reply *reply)
{
	size_t length;
	const char *text = hp_json_text(hp_json_member(reply->parameters, "result"), &length);

	free(state->text);
	state->text = strndup(text, length);
	return state->text ? 0 : fault_set(&client->fault, -ENOMEM, "out of memory");
}

static int run_on_reply(struct hookd_client *client, const struct hp_reply *reply)
{
	struct run_state *state = client->of.run;
	int r;

	if (reply->continues)
		return events_tell(client, state, reply);
	r = run_read_result(client, reply, &state->of);
	return r < 0 ? r : keep_text(client, state, reply);
}

static void run_on_end(struct hookd_client *client, int r)
{
	struct run_state *state = client->of.run;

	if (state->parts)
		parts_end(client, state, r);
	else
		run_done(client, state, r < 0 ? NULL : &state->of, r);
}

static void run_on_stop(struct hookd_client *client)
{
	run_drop(client->of.run);
}

int run_send(struct hookd_client *client, struct run_state *state,
	     const struct hookd_run_request *request)
{
	static const struct exchange_type type = {
	    .on_reply = run_on_reply, .on_end = run_on_end, .on_stop = run_on_stop};

	run_write(client, request, state->wants_events);
	state->told = (struct hp_told){0};
	client->of.run = state;
	return exchange_start(client, &type, SENDS_UNTIL_ANSWERED, state->wants_events);
}

/* ---- the end ---- */

void run_drop(struct run_state *state)
{
	hp_run_result_clear(&state->of);
	parts_free(state->parts);
	free(state->text);
	free(state);
}

void run_done(struct hookd_client *client, struct run_state *state, struct hp_run_result *result,
	      int r)
{
	struct hookd_event event = {.type = HOOKD_EVENT_DONE};
	char *text = state->parts ? NULL : state->text;
	hookd_event_fn on_event = state->on_event;
	void *userdata = state->userdata;

	assert(!client->is_busy && (result != NULL) == (r >= 0));
	if (result) {
		event.json = text;
		r = result_new(result, &event.result);
		if (r < 0)
			(void)fault_set(&client->fault, r, "out of memory");
		else
			event.run = hookd_result_run(event.result);
	}
	event.error = r < 0 ? r : 0;
	if (text)
		state->text = NULL;
	run_drop(state);
	on_event(client, &event, userdata);
	free(text);
}

/* ---- both forms ---- */

static int run_start(struct hookd_client *client, const struct hookd_run_request *request,
		     const struct run_state *initial)
{
	struct hookd_run_request known;
	struct run_state *state;
	char id[RUN_ID_SIZE];
	int r;

	r = run_read(client, request, id, &known);
	if (r < 0)
		return r;
	state = malloc(sizeof(*state));
	if (!state)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	*state = *initial;
	r = known.hook_list ? parts_start(client, state, &known) : run_send(client, state, &known);
	if (r < 0)
		run_drop(state);
	return r;
}

int hookd_run_start(struct hookd_client *client, const struct hookd_run_request *request,
		    hookd_event_fn callback, void *userdata)
{
	int r = client_begin(client, false);

	return r < 0 ? r
		     : run_start(client, request,
				 &(struct run_state){.on_event = callback,
						     .userdata = userdata,
						     .wants_events = true});
}

/* What a function that waits gets from DONE. */
struct run_answer {
	hookd_event_fn on_event; /* of the other events */
	void *userdata;
	struct hookd_result *result;
	int error;
};

static void run_on_event(struct hookd_client *client, const struct hookd_event *event,
			 void *userdata)
{
	struct run_answer *answer = userdata;

	if (event->type != HOOKD_EVENT_DONE) {
		if (answer->on_event)
			answer->on_event(client, event, answer->userdata);
		return;
	}
	answer->result = event->result;
	answer->error = event->error;
}

static int run_wait(struct hookd_client *client, const struct hookd_run_request *request,
		    struct run_answer *answer, struct hookd_result **ret)
{
	int r = client_begin(client, true);

	if (r >= 0)
		r = run_start(client, request,
			      &(struct run_state){.on_event = run_on_event,
						  .userdata = answer,
						  .wants_events = answer->on_event != NULL});
	if (r < 0)
		return r;
	exchange_await(client);
	if (answer->error == 0)
		*ret = answer->result;
	return answer->error;
}

int hookd_run(struct hookd_client *client, const struct hookd_run_request *request,
	      struct hookd_result **ret)
{
	struct run_answer answer = {0};

	return run_wait(client, request, &answer, ret);
}

int run_follow(struct hookd_client *client, const struct hookd_run_request *request,
	       hookd_event_fn on_event, void *userdata, struct hookd_result **ret)
{
	struct run_answer answer = {.on_event = on_event, .userdata = userdata};

	assert(on_event);
	return run_wait(client, request, &answer, ret);
}
