/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sends one request and waits for its result. No hook is run twice: every request has an id, and
 * after a lost connection hookd, which knows the id, attaches instead of running the hooks again.
 */

#include "client/libhookd/run.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "client/libhookd/reconnect.h"
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
	struct hookd_run_request known = {0};
	int r;

	if (request->size < sizeof(request->size))
		return fault_set_parameter(&client->fault, "size", "must be set");
	memcpy(&known, request, request->size < sizeof(known) ? request->size : sizeof(known));
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

void run_write(struct hookd_client *client, const struct hookd_run_request *request, bool more)
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

/* ---- the result ---- */

int run_read_result(struct hookd_client *client, const struct hp_reply *reply,
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

int run_once(struct hookd_client *client, const struct hookd_run_request *request, int64_t deadline,
	     struct hp_run_result *ret)
{
	struct hp_reply reply;
	int r;

	run_write(client, request, client->on_event != NULL);
	r = reconnect_exchange(client, deadline, &reply);
	if (r < 0)
		return r;
	if (reply.continues) {
		wire_close(&client->wire);
		return fault_set(&client->fault, -EBADMSG,
				 "hookd sent more replies than were asked for");
	}
	return run_read_result(client, &reply, ret);
}
