/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call of any method, with the replies given to the caller's function as JSON text.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libhookd/ask.h"

#define METHOD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

/* Of the function that waits. */
struct raw_state {
	hookd_reply_fn callback;
	void *userdata;
	int error;
};

static int call_write(struct hookd_client *client, const char *method, const char *parameters,
		      bool more)
{
	struct hp_json_writer writer;

	if (!method[0] || method[strspn(method, METHOD_CHARACTERS)])
		return fault_set_parameter(&client->fault, "method", "must be a method's name");
	if (parameters) {
		int r = client_check_object(client, "parameters", parameters);

		if (r < 0)
			return r;
	}
	writer = hp_call_begin(&client->call, method, more, false);
	if (parameters && hp_json_count(hp_json_root(&client->json)) > 0) {
		size_t length;
		const char *text = hp_json_text(hp_json_root(&client->json), &length);

		/* The members alone; the braces are hp_call_begin()'s. */
		hp_json_put_raw(&writer, text + 1, length - 2);
	}
	hp_call_end(&writer);
	return 0;
}

/* The callback gets a NUL-terminated copy; inside the message the text is not terminated. */
static int call_on_reply(struct hookd_client *client, const struct hp_reply *reply)
{
	const struct raw_state *state = client->of.raw;
	const char *text = "{}";
	size_t length = 2;
	char *copy;
	int r;

	client->exchange.sends_left = 0; /* this reply would come again */
	if (!state->callback)
		return 0;
	if (!hp_json_is_absent(reply->parameters))
		text = hp_json_text(reply->parameters, &length);
	copy = strndup(text, length);
	if (!copy)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	r = state->callback(copy, reply->continues, state->userdata);
	free(copy);
	return r < 0 ? fault_set(&client->fault, r, "the caller ended the call") : 0;
}

static void call_on_end(struct hookd_client *client, int r)
{
	client->of.raw->error = r;
}

int hookd_call(struct hookd_client *client, const char *method, const char *parameters, bool more,
	       hookd_reply_fn callback, void *userdata)
{
	static const struct exchange_type type = {.on_reply = call_on_reply, .on_end = call_on_end};
	struct raw_state state = {.callback = callback, .userdata = userdata};
	int r = client_begin(client, true);

	if (r >= 0)
		r = call_write(client, method, parameters, more);
	if (r < 0)
		return r;
	client->of.raw = &state;
	r = exchange_start(client, &type, ask_sends(method), more);
	if (r < 0)
		return r;
	exchange_await(client);
	return state.error < 0 ? state.error : 0;
}
