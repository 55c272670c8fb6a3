/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call of any method, with the replies given to the caller's function as JSON text.
 *
 * A call may have side effects, so it is sent once: a connection lost after the first byte is
 * -EPIPE. Only a method that changes nothing is sent again, if the connection had been used before:
 * hookd may have closed it while it was idle. A Wait is sent again until hookd answers it.
 */

#include "client/libhookd/call.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libhookd/deadline.h"

#define METHOD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

static bool call_is_safe(const char *method)
{
	static const char *const prefixes[] = {"org.varlink.service.", "io.hookd.status."};
	static const char *const methods[] = {"io.hookd.control.Ping", "io.hookd.hooks.Wait",
					      "io.hookd.settings.Holdings",
					      "io.hookd.settings.CompileSeccomp"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(method, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(method, methods[i]) == 0)
			return true;
	}
	return false;
}

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

static int call_send(struct hookd_client *client, const char *method, int64_t deadline,
		     struct hp_reply *ret_reply)
{
	bool is_kept;
	int r;

	/* The run goes on while hookd is restarted. */
	if (strcmp(method, "io.hookd.hooks.Wait") == 0)
		return reconnect_exchange(client, deadline, ret_reply);
	r = client_send(client, deadline, &is_kept);
	if (r < 0)
		return r;
	r = client_receive(client, deadline, ret_reply);
	if (r != -EPIPE || !is_kept || !call_is_safe(method))
		return r;
	r = client_send(client, deadline, &is_kept);
	return r < 0 ? r : client_receive(client, deadline, ret_reply);
}

static int call_fail_too_many(struct hookd_client *client)
{
	wire_close(&client->wire);
	return fault_set(&client->fault, -EBADMSG, "hookd sent more replies than were asked for");
}

int call_once(struct hookd_client *client, const char *method, int64_t deadline,
	      struct hp_reply *ret_reply)
{
	int r = call_send(client, method, deadline, ret_reply);

	return r >= 0 && ret_reply->continues ? call_fail_too_many(client) : r;
}

/* The callback gets a NUL-terminated copy; inside the message the text is not terminated. */
static int call_deliver(struct hookd_client *client, const struct hp_reply *reply,
			hookd_reply_fn callback, void *userdata)
{
	const char *text = "{}";
	size_t length = 2;
	char *copy;
	int r;

	if (!hp_json_is_absent(reply->parameters))
		text = hp_json_text(reply->parameters, &length);
	copy = strndup(text, length);
	if (!copy)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	assert(!client->is_busy);
	client->is_busy = true;
	r = callback(copy, reply->continues, userdata);
	client->is_busy = false;
	free(copy);
	if (r < 0)
		return fault_set(&client->fault, r, "the caller ended the call");
	return 0;
}

int hookd_call(struct hookd_client *client, const char *method, const char *parameters, bool more,
	       hookd_reply_fn callback, void *userdata)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hp_reply reply;
	int r = client_begin(client);

	if (r >= 0)
		r = call_write(client, method, parameters, more);
	if (r >= 0)
		r = call_send(client, method, deadline, &reply);
	while (r >= 0) {
		bool continues = reply.continues;

		if (continues && !more)
			return call_fail_too_many(client);
		r = callback ? call_deliver(client, &reply, callback, userdata) : 0;
		if (!continues)
			return r;
		/* The replies still to come would be read as those of the next call. */
		if (r < 0)
			wire_close(&client->wire);
		else
			r = client_receive(client, deadline, &reply);
	}
	return r;
}
