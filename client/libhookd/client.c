/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client object: the path of hookd's socket, one connection that is made on demand and kept,
 * and one call at a time over it.
 *
 *	idle --client_begin, client_send--> waiting --client_receive--> idle
 *
 * A call that ends without its reply (a deadline, a message that is not Varlink) closes the
 * connection, so that no later call can mistake an old reply for its own.
 *
 * A private hookd is the other end of one connection, so it is started once, and a connection that
 * is lost is never made again.
 */

#include "client/libhookd/client.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libhookd/wire/deadline.h"
#include "proto/base/limits.h"
#include "proto/base/own_directory.h"

/* Varlink allows parameters after a semicolon; unknown ones are to be ignored. */
static int client_read_address(const char *address, char **ret_path)
{
	if (strncmp(address, "unix:/", 6) != 0)
		return -EINVAL;
	*ret_path = strndup(address + 5, strcspn(address + 5, ";"));
	return *ret_path ? 0 : -ENOMEM;
}

int client_default_path(bool trusts_environment, char **ret_path)
{
	char directory[PATH_MAX];
	int r = hp_own_directory(trusts_environment, directory, sizeof(directory));

	if (r < 0)
		return r;
	return asprintf(ret_path, "%s/%s", directory, HP_SOCKET_NAME) < 0 ? -ENOMEM : 0;
}

/* secure_getenv(3): the caller of a set-user-id program must not choose the socket. */
static int client_choose_path(const char *address, char **ret_path)
{
	if (!address)
		address = secure_getenv("HOOKD_ADDRESS");
	else if (!address[0])
		return -EINVAL;
	return address && address[0] ? client_read_address(address, ret_path)
				     : client_default_path(true, ret_path);
}

static struct hookd_client *client_make(void)
{
	struct hookd_client *client = calloc(1, sizeof(*client));

	if (client) {
		client->wire = WIRE_INIT;
		client->private = PRIVATE_HOOKD_INIT;
		client->timer_fd = -1;
	}
	return client;
}

int hookd_client_new(const char *address, struct hookd_client **ret)
{
	struct hookd_client *client;
	char *path;
	int r = client_choose_path(address, &path);

	if (r < 0)
		return r;
	client = client_make();
	if (!client) {
		free(path);
		return -ENOMEM;
	}
	client->path = path;
	*ret = client;
	return 0;
}

int hookd_client_new_private(const char *program, struct hookd_client **ret)
{
	struct hookd_client *client;

	if (!program)
		program = HOOKD_PROGRAM;
	if (program[0] != '/')
		return -EINVAL;
	client = client_make();
	if (client)
		client->private.program = strdup(program);
	if (!client || !client->private.program) {
		free(client);
		return -ENOMEM;
	}
	*ret = client;
	return 0;
}

struct hookd_client *hookd_client_free(struct hookd_client *client)
{
	if (!client)
		return NULL;
	exchange_stop(client);
	wire_close(&client->wire);
	private_hookd_end(&client->private);
	free(client->private.program);
	hp_json_free(&client->json);
	hp_buf_free(&client->call);
	free(client->path);
	free(client);
	return NULL;
}

void hookd_client_set_timeout(struct hookd_client *client, uint64_t timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

const struct hookd_error *hookd_client_last_error(struct hookd_client *client)
{
	const struct fault *fault = &client->fault;

	client->error = (struct hookd_error){
	    .error = fault->error,
	    .sentence = fault->sentence,
	    .name = fault->name,
	    .parameter = fault->parameter,
	    .reason = fault->reason,
	    .step = fault->step,
	    .errno_name = fault->errno_name,
	    .json = fault->json,
	    .retry_after_us = fault->retry_after_us,
	};
	return &client->error;
}

const char *hookd_client_error(const struct hookd_client *client)
{
	return client->fault.sentence;
}

const char *hookd_client_error_name(const struct hookd_client *client)
{
	return client->fault.name;
}

const char *hookd_client_error_parameter(const struct hookd_client *client)
{
	return client->fault.parameter;
}

uint64_t hookd_client_retry_after_us(const struct hookd_client *client)
{
	return client->fault.retry_after_us;
}

void client_stop_timer(struct hookd_client *client)
{
	if (client->timer_fd >= 0)
		close(client->timer_fd);
	client->timer_fd = -1;
}

void client_clear_call(struct hookd_client *client)
{
	/* Half a message was sent: the next one would be read as its end. */
	if (client->call_sent > 0 && client->call_sent < client->call.length)
		wire_close(&client->wire);
	hp_buf_clear(&client->call);
	client->call_sent = 0;
}

/* Discards client->call, so that hookd_process() does not send it later. */
static int client_drop_call(struct hookd_client *client, int r, const char *sentence)
{
	client_clear_call(client);
	return fault_set(&client->fault, r, "%s", sentence);
}

int client_begin(struct hookd_client *client, bool is_blocking)
{
	if (client->is_busy)
		return fault_set(&client->fault, -EALREADY, "the client is busy with another call");
	fault_clear(&client->fault);
	client->is_unreachable = false;
	client->is_blocking = is_blocking;
	client->deadline = is_blocking ? deadline_after_ms(client->timeout_ms) : DEADLINE_NONE;
	client_clear_call(client);
	return 0;
}

/*
 * A user who can create a file at the socket's path could answer in hookd's place. So the process
 * that called listen(2) must be root's or our own user's. In a user namespace all uids that are not
 * in its map are shown as 65534, so that one is never trusted.
 */
static int client_check_server(struct hookd_client *client)
{
	uid_t uid, own = geteuid();
	int r = wire_peer_uid(&client->wire, &uid);

	if (r >= 0 && (uid == 0 || (uid == own && uid != HP_OVERFLOW_UID)))
		return 0;
	wire_close(&client->wire);
	if (r < 0)
		return fault_set(&client->fault, r, "the owner of the socket %s is not known: %s",
				 client->path, strerror(-r));
	return fault_set(&client->fault, -EPERM,
			 "the socket %s belongs to uid %u, not to root or to you", client->path,
			 (unsigned int)uid);
}

/*
 * Explains the errno of connect(2). Not with strerror(3): podman and docker search the output of a
 * failed runtime for "no such file or directory" and "permission denied", and then report that the
 * container's own program is missing or may not be executed.
 */
static int client_fail_to_connect(struct hookd_client *client, int r)
{
	bool is_default = strcmp(client->path, &HOOKD_ADDRESS_DEFAULT[strlen("unix:")]) == 0;
	const char *hint = is_default ? "; systemctl start hookd.socket starts it" : "";

	assert(r < 0);
	client->is_unreachable = true;
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
		return fault_set(&client->fault, r, "hookd is not running: there is no socket %s%s",
				 client->path, hint);
	case -ECONNREFUSED:
		return fault_set(&client->fault, r,
				 "hookd is not running: nobody listens on the socket %s%s",
				 client->path, hint);
	case -EACCES:
	case -EPERM:
		return fault_set(&client->fault, r,
				 "hookd cannot be reached: uid %u may not use the socket %s",
				 (unsigned int)geteuid(), client->path);
	default:
		return fault_set(&client->fault, r, "hookd cannot be reached at %s: %s",
				 client->path, strerror(-r));
	}
}

static int client_fail_private(struct hookd_client *client, int r, const char *reason)
{
	return fault_set(&client->fault, r, "the private hookd: %s", reason);
}

/* It is this process that says who the server is. */
static int client_start_private(struct hookd_client *client)
{
	char reason[PRIVATE_HOOKD_REASON];
	int fd, r;

	if (client->private.was_started) {
		private_hookd_explain_end(&client->private, reason);
		return client_fail_private(client, -EPIPE, reason);
	}
	r = private_hookd_start(&client->private, &fd);
	if (r == 0) {
		wire_open(&client->wire, fd);
		return 0;
	}
	client->is_unreachable = true;
	private_hookd_explain_start(&client->private, r, reason);
	return client_fail_private(client, r, reason);
}

/* Every connection is made here, so no byte goes to a server that was not checked. */
static int client_connect(struct hookd_client *client, int64_t deadline)
{
	int r;

	if (wire_is_open(&client->wire))
		return 0;
	if (client->private.program)
		return client_start_private(client);
	r = wire_connect(&client->wire, client->path, deadline);
	return r < 0 ? client_fail_to_connect(client, r) : client_check_server(client);
}

int hookd_client_connect(struct hookd_client *client)
{
	int r = client_begin(client, true);

	return r < 0 ? r : client_connect(client, client->deadline);
}

int client_lose(struct hookd_client *client, int r)
{
	char reason[PRIVATE_HOOKD_REASON];

	wire_close(&client->wire);
	if (client->private.program && r == -EPIPE) {
		private_hookd_explain_end(&client->private, reason);
		return client_fail_private(client, r, reason);
	}
	switch (r) {
	case -ETIMEDOUT:
		return fault_set(&client->fault, r, "hookd did not answer in time");
	case -EPIPE:
		return fault_set(&client->fault, r, "the connection to hookd was lost");
	case -EMSGSIZE:
		return fault_set(&client->fault, -EBADMSG, "hookd's reply is too long");
	case -EBADMSG:
		return fault_set(&client->fault, r, "hookd's reply cannot be understood");
	default:
		return fault_set(&client->fault, r, "the connection to hookd failed: %s",
				 strerror(-r));
	}
}

/* Closes a connection with unexpected bytes: they would be read as the reply to the next call. */
static void client_drop_stray(struct hookd_client *client)
{
	if (wire_is_open(&client->wire) && !hp_inbox_is_empty(&client->wire.inbox))
		wire_close(&client->wire);
}

int client_push(struct hookd_client *client, int64_t deadline)
{
	const struct hp_buf *call = &client->call;

	assert(call->failed || (call->length > 0 && call->data[call->length - 1] == '\0'));
	if (call->failed)
		return client_drop_call(client, -ENOMEM, "out of memory");
	if (call->length > HP_MESSAGE_BYTES_MAX + 1) /* its NUL */
		return client_drop_call(client, -EMSGSIZE, "the request is longer than 4 MiB");
	client_drop_stray(client);
	for (;;) {
		bool is_kept = wire_is_open(&client->wire);
		int r = client_connect(client, deadline);

		if (r < 0)
			return r;
		client->call_sent = 0;
		r = wire_push(&client->wire, call->data, call->length, &client->call_sent);
		if (r == 0 || r == -EAGAIN)
			return r;
		if (r != -EPIPE || !is_kept || client->call_sent > 0)
			return client_lose(client, r);
		wire_close(&client->wire);
	}
}

int client_read(struct hookd_client *client, const char *frame, size_t length,
		struct hp_reply *ret_reply)
{
	struct hp_err err;
	int r;

	r = hp_json_parse(&client->json, frame, length, &err);
	if (r >= 0)
		r = hp_reply_read(&client->json, ret_reply, &err);
	if (r < 0) {
		wire_close(&client->wire);
		return fault_set(&client->fault, r == -ENOMEM ? r : -EBADMSG,
				 "hookd's reply is not Varlink: %s", err.reason);
	}
	return ret_reply->error[0] ? fault_set_reply(&client->fault, ret_reply) : 0;
}

int client_copy_sized(struct hookd_client *client, void *ret, size_t size, const void *from)
{
	size_t given;

	memcpy(&given, from, sizeof(given));
	if (given < sizeof(given))
		return fault_set_parameter(&client->fault, "size", "must be set");
	for (size_t i = size; i < given; i++)
		if (((const char *)from)[i] != 0)
			return fault_set(&client->fault, -E2BIG,
					 "the caller has set what this libhookd does not know");
	memset(ret, 0, size);
	memcpy(ret, from, given < size ? given : size);
	return 0;
}

int client_check_object(struct hookd_client *client, const char *parameter, const char *text)
{
	struct hp_err err;
	int r = hp_json_parse(&client->json, text, strlen(text), &err);

	if (r == -ENOMEM)
		return fault_set(&client->fault, r, "out of memory");
	if (r < 0)
		return fault_set_parameter(&client->fault, parameter, err.reason);
	if (hp_json_type(hp_json_root(&client->json)) != HP_JSON_OBJECT)
		return fault_set_parameter(&client->fault, parameter, "must be an object");
	return 0;
}
