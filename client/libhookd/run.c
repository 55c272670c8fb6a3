/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sends one request and waits for its result. No hook is run twice.
 *
 * Every request has an id. When the connection is lost after bytes of it were sent, the very same
 * bytes go out on the next connection, and hookd, which knows the id, attaches instead of running
 * the hooks again:
 *
 *	sent --lost--> pause --connected, sent--> waiting --reply--> done
 *	                 ^                           |
 *	                 `-----------lost------------'   for RECONNECT_NS, or to the deadline
 *
 * If the first connection cannot be made the call fails at once: nothing was sent. It fails too if
 * the socket belongs to another user by the time the connection is made again.
 */

#include "client/libhookd/run.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "client/libhookd/deadline.h"
#include "proto/messages/request.h"

#define RECONNECT_NS 10000000000ll /* a restart of hookd takes less */
#define PAUSE_MS_MIN 10
#define PAUSE_MS_MAX 500

/* ---- the request ---- */

static int run_make_id(char id[static RUN_ID_SIZE])
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

/* ---- lost connections ---- */

struct reconnect {
	bool is_repeat;	 /* the request, or a part of it, was sent before */
	int64_t sent_ns; /* when it was sent on the lost connection; 0: it was not */
	int64_t give_up_ns;
	int pause_ms;
};

/* The first loss, and one after a long-lived connection, starts the time limit anew. */
static void run_begin_reconnect(struct reconnect *reconnect, int64_t now, int64_t deadline)
{
	bool has_held = reconnect->sent_ns != 0 && now - reconnect->sent_ns >= RECONNECT_NS;

	reconnect->sent_ns = 0;
	if (reconnect->is_repeat && !has_held)
		return;
	reconnect->is_repeat = true;
	reconnect->pause_ms = 0;
	reconnect->give_up_ns = deadline != DEADLINE_NONE ? deadline : now + RECONNECT_NS;
}

/*
 * Pauses before the next attempt; not after the first loss, since with socket activation systemd
 * keeps the socket open while hookd restarts.
 */
static int run_pause(struct hookd_client *client, struct reconnect *reconnect, int64_t deadline)
{
	int64_t now = deadline_now();
	int left_ms;

	run_begin_reconnect(reconnect, now, deadline);
	if (now >= reconnect->give_up_ns) {
		if (deadline != DEADLINE_NONE)
			return client_lose(client, -ETIMEDOUT);
		return fault_set(&client->fault, -EPIPE,
				 "the connection to hookd was lost and could not be restored");
	}
	left_ms = deadline_left_ms(reconnect->give_up_ns);
	if (reconnect->pause_ms > 0)
		(void)poll(NULL, 0, left_ms < reconnect->pause_ms ? left_ms : reconnect->pause_ms);
	reconnect->pause_ms = reconnect->pause_ms == 0 ? PAUSE_MS_MIN : reconnect->pause_ms * 2;
	if (reconnect->pause_ms > PAUSE_MS_MAX)
		reconnect->pause_ms = PAUSE_MS_MAX;
	return 0;
}

/* Receives the last reply. Events before it go to client->on_event, if set. */
static int run_receive(struct hookd_client *client, int64_t deadline, struct hp_reply *ret_reply)
{
	int r = client_receive(client, deadline, ret_reply);

	while (r >= 0 && ret_reply->continues && client->on_event) {
		r = async_tell(client, ret_reply);
		if (r < 0)
			return client_lose(client, r == -ENOMEM ? r : -EBADMSG);
		r = client_receive(client, deadline, ret_reply);
	}
	return r;
}

/* One attempt. -EAGAIN: it has to be repeated, since hookd may have received the request. */
static int run_try(struct hookd_client *client, struct reconnect *reconnect, int64_t deadline,
		   struct hp_reply *ret_reply)
{
	int64_t begin_ns = deadline_now();
	bool is_kept;
	int r = client_send(client, deadline, &is_kept);

	/* -EPERM would say that nothing was run; an earlier attempt may have been. */
	if (r == -EPERM && reconnect->is_repeat)
		return -EPIPE;
	if (r == -EPIPE || (r < 0 && r != -ETIMEDOUT && reconnect->is_repeat))
		return -EAGAIN;
	if (r < 0)
		return r;
	reconnect->sent_ns = begin_ns;
	r = run_receive(client, deadline, ret_reply);
	if (r == -EPIPE)
		return -EAGAIN;
	/* These say that nothing was run, which holds for this attempt only. */
	if (reconnect->is_repeat && (r == -EBUSY || r == -ESHUTDOWN)) {
		wire_close(&client->wire);
		return -EAGAIN;
	}
	return r;
}

static int run_exchange(struct hookd_client *client, int64_t deadline, struct hp_reply *ret_reply)
{
	struct reconnect reconnect = {0};

	for (;;) {
		int r = run_try(client, &reconnect, deadline, ret_reply);

		if (r != -EAGAIN)
			return r;
		r = run_pause(client, &reconnect, deadline);
		if (r < 0)
			return r;
	}
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
	r = run_exchange(client, deadline, &reply);
	if (r < 0)
		return r;
	if (reply.continues) {
		wire_close(&client->wire);
		return fault_set(&client->fault, -EBADMSG,
				 "hookd sent more replies than were asked for");
	}
	return run_read_result(client, &reply, ret);
}
