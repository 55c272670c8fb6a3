/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls of methods with one reply, in both forms: that which waits is the other one with a function
 * of our own.
 */

#include "client/libhookd/ask.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ask_state {
	const struct method *method;
	char *container;
	hookd_done_fn done;
	void *userdata;
	struct hookd_reply *reply;
};

/* ---- what is safe ---- */

uint32_t ask_sends(const char *method)
{
	/* They change nothing, or the same when done again. */
	static const char *const twice[] = {
	    "io.hookd.control.ExplainPolicy",
	    "io.hookd.control.Ping",
	    "io.hookd.control.Reload",
	    "io.hookd.control.SetLogLevel",
	    "io.hookd.hooks.Cancel",
	    "io.hookd.hooks.Explain",
	    "io.hookd.settings.CompileSeccomp",
	    "io.hookd.settings.Holdings",
	    "io.hookd.status.Get",
	    "io.hookd.status.GetMetrics",
	    "io.hookd.status.GetStatus",
	    "io.hookd.status.List",
	    "io.hookd.status.Summary",
	    "org.varlink.service.GetInfo",
	    "org.varlink.service.GetInterfaceDescription",
	};

	if (strcmp(method, "io.hookd.hooks.Wait") == 0)
		return SENDS_UNTIL_ANSWERED;
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		if (strcmp(method, twice[i]) == 0)
			return SENDS_TWICE;
	return SENDS_ONCE;
}

/* ---- checks ---- */

int ask_check_text(struct hookd_client *client, const char *parameter, const char *text)
{
	if (!text)
		return fault_set_parameter(&client->fault, parameter, "is required");
	if (!hp_json_is_text(text, strlen(text)))
		return fault_set_parameter(&client->fault, parameter, "must be UTF-8");
	return 0;
}

int ask_misread(struct hookd_client *client, int r, const struct hp_err *err)
{
	assert(r < 0);
	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	return fault_set(&client->fault, -EBADMSG, "hookd's reply: %s %s", err->path, err->reason);
}

/* ---- the reply ---- */

static void ask_drop(struct ask_state *state)
{
	hookd_reply_free(state->reply);
	free(state->container);
	free(state);
}

static int ask_on_reply(struct hookd_client *client, const struct hp_reply *reply)
{
	struct ask_state *state = client->of.ask;
	struct hp_err err = {0};
	int r = reply_new(state->method->kind, state->method->read, reply->parameters,
			  state->container, &state->reply, &err);

	return r < 0 ? ask_misread(client, r, &err) : 0;
}

static void ask_on_end(struct hookd_client *client, int r)
{
	struct ask_state *state = client->of.ask;
	struct hookd_reply *reply = state->reply;
	hookd_done_fn done = state->done;
	void *userdata = state->userdata;

	assert((r < 0) == (reply == NULL));
	state->reply = NULL;
	ask_drop(state);
	done(client, r < 0 ? r : 0, reply, userdata);
}

static void ask_on_stop(struct hookd_client *client)
{
	ask_drop(client->of.ask);
}

/* ---- the call ---- */

struct hp_json_writer ask_write(struct hookd_client *client, const struct method *method)
{
	return hp_call_begin(&client->call, method->name, false, false);
}

static int ask_start(struct hookd_client *client, const struct method *method,
		     const char *container, hookd_done_fn done, void *userdata)
{
	static const struct exchange_type type = {
	    .on_reply = ask_on_reply, .on_end = ask_on_end, .on_stop = ask_on_stop};
	struct ask_state *state = calloc(1, sizeof(*state));
	int r;

	if (state && container)
		state->container = strdup(container);
	if (!state || (container && !state->container)) {
		free(state);
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	}
	state->method = method;
	state->done = done;
	state->userdata = userdata;
	client->of.ask = state;
	r = exchange_start(client, &type, ask_sends(method->name), false);
	if (r < 0)
		ask_drop(state);
	return r;
}

struct ask_answer {
	struct hookd_reply *reply;
	int error;
};

static void ask_on_done(struct hookd_client *client, int error, struct hookd_reply *reply,
			void *userdata)
{
	struct ask_answer *answer = userdata;

	(void)client;
	*answer = (struct ask_answer){.reply = reply, .error = error};
}

int ask_send(struct hookd_client *client, const struct method *method,
	     struct hp_json_writer *writer, const char *container, const struct asker *asker)
{
	struct ask_answer answer = {0};
	int r;

	hp_call_end(writer);
	if (!asker->ret)
		return ask_start(client, method, container, asker->done, asker->userdata);
	r = ask_start(client, method, container, ask_on_done, &answer);
	if (r < 0)
		return r;
	exchange_await(client);
	if (answer.error == 0)
		*asker->ret = answer.reply;
	return answer.error;
}

int ask_plain(struct hookd_client *client, const struct method *method, const struct asker *asker)
{
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r < 0)
		return r;
	writer = ask_write(client, method);
	return ask_send(client, method, &writer, NULL, asker);
}

int ask_text(struct hookd_client *client, const struct method *method, const char *name,
	     const char *text, const struct asker *asker)
{
	struct hp_json_writer writer;
	int r = ask_begin(client, asker);

	if (r >= 0)
		r = ask_check_text(client, name, text);
	if (r < 0)
		return r;
	writer = ask_write(client, method);
	hp_json_add_string(&writer, name, text);
	return ask_send(client, method, &writer, NULL, asker);
}
