/* SPDX-License-Identifier: Apache-2.0 */
/* A Varlink client. The harness owns all clients, since a test that fails leaves by longjmp(3). */
#include "tests/integration/harness/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define HOOKS (sizeof(((struct run_text *)0)->hooks) / sizeof(char *))

/* ---- connect, close ---- */

struct client *client_adopt(struct harness *harness, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	assert_non_null(client);
	client->harness = harness;
	client->fd = fd;
	TAILQ_INSERT_TAIL(&harness->clients, client, link);
	return client;
}

/* SCM_CREDENTIALS has the real uid, SO_PEERCRED the effective one. */
static void become(uid_t uid)
{
	if (uid)
		assert_int_equal(setresuid(uid, uid, 0), 0);
}

static void become_oneself(uid_t uid)
{
	if (uid)
		assert_int_equal(setresuid(0, 0, 0), 0);
}

struct client *client_open_as(struct harness *harness, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	struct client *client;

	assert_true(fd >= 0);
	memcpy(address.sun_path, harness->socket, strlen(harness->socket));
	become(uid);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	become_oneself(uid);
	assert_int_equal(r, 0);
	client = client_adopt(harness, fd);
	client->uid = uid;
	return client;
}

struct client *client_open(struct harness *harness)
{
	return client_open_as(harness, 0);
}

void client_close(struct client *client)
{
	TAILQ_REMOVE(&client->harness->clients, client, link);
	close(client->fd);
	hp_inbox_free(&client->in);
	hp_json_free(&client->json);
	free(client);
}

void client_close_all(struct harness *harness)
{
	while (!TAILQ_EMPTY(&harness->clients))
		client_close(TAILQ_FIRST(&harness->clients));
}

/* ---- sending ---- */

void client_send_bytes(struct client *client, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t sent;
		int error;

		become(client->uid);
		sent = send(client->fd, at, length, MSG_NOSIGNAL);
		error = errno;
		become_oneself(client->uid);
		/* EPIPE: hookd may have closed the connection; the test checks that itself. */
		if (sent < 0 && (error == EPIPE || error == ECONNRESET))
			return;
		assert_true(sent > 0);
		at += sent;
		length -= (size_t)sent;
	}
}

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

static void append_expanded(struct hp_buf *buf, const struct harness *harness, const char *text)
{
	while (*text) {
		if (strncmp(text, "@HOOK@", 6) == 0) {
			append(buf, harness->hook);
			text += 6;
		} else if (strncmp(text, "@DIR@", 5) == 0) {
			append(buf, harness->directory);
			text += 5;
		} else {
			hp_buf_append(buf, *text == '\'' ? "\"" : text, 1);
			text++;
		}
	}
}

static void send_buf(struct client *client, struct hp_buf *buf)
{
	hp_buf_append(buf, "", 1);
	assert_false(buf->failed);
	client_send_bytes(client, buf->data, buf->length);
	hp_buf_free(buf);
}

void client_send(struct client *client, const char *text)
{
	struct hp_buf buf = HP_BUF_INIT;

	append_expanded(&buf, client->harness, text);
	send_buf(client, &buf);
}

static void append_state(struct hp_buf *buf, const struct harness *harness,
			 const struct run_text *run)
{
	if (run->state) {
		append(buf, run->state);
		return;
	}
	append_expanded(buf, harness, "{'ociVersion':'1.0.2','id':'");
	append(buf, run->container ? run->container : "box");
	append_expanded(buf, harness, "','status':'creating','bundle':'@DIR@'}");
}

void client_send_run(struct client *client, const struct run_text *run)
{
	const struct harness *harness = client->harness;
	const char *stage = run->stage ? run->stage : "createRuntime";
	struct hp_buf buf = HP_BUF_INIT;

	append_expanded(&buf, harness, "{'method':'io.hookd.hooks.Run','parameters':{'stage':'");
	append(&buf, stage);
	append_expanded(&buf, harness, "','state':");
	append_state(&buf, harness, run);
	append_expanded(&buf, harness, ",'hooks':{'");
	append(&buf, stage);
	append_expanded(&buf, harness, "':[");
	for (size_t i = 0; i < HOOKS && run->hooks[i]; i++) {
		append(&buf, i ? "," : "");
		append_expanded(&buf, harness, run->hooks[i]);
	}
	append(&buf, "]}");
	append_expanded(&buf, harness, run->extra ? run->extra : "");
	append(&buf, "}");
	append_expanded(&buf, harness, run->flags ? run->flags : "");
	append(&buf, "}");
	send_buf(client, &buf);
}

/* ---- receiving ---- */

static ssize_t receive_some(struct client *client, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
	size_t size;
	char *space = hp_inbox_reserve(&client->in, &size);
	ssize_t received;

	assert_non_null(space);
	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		harness_fail(client->harness, "hookd is silent");
	received = recv(client->fd, space, size, 0);
	if (received > 0)
		hp_inbox_commit(&client->in, (size_t)received);
	return received;
}

static void read_reply(struct client *client)
{
	struct hp_err err = {0};

	if (hp_json_parse(&client->json, client->text, client->length, &err) < 0 ||
	    hp_reply_read(&client->json, &client->reply, &err) < 0)
		fail_msg("no reply that Varlink knows: %s: %.*s", err.reason, (int)client->length,
			 client->text);
}

void client_receive(struct client *client)
{
	int r;

	while ((r = hp_inbox_next(&client->in, &client->text, &client->length)) == 0)
		if (receive_some(client, DEADLINE_MS) <= 0)
			fail_msg("hookd closed the connection");
	assert_int_equal(r, 1);
	read_reply(client);
}

void client_call(struct client *client, const char *text)
{
	client_send(client, text);
	client_receive(client);
}

void client_expect_end(struct client *client)
{
	ssize_t received;

	assert_true(hp_inbox_is_empty(&client->in));
	received = receive_some(client, DEADLINE_MS);
	if (received > 0)
		fail_msg("an answer where the connection should be closed: %.*s",
			 (int)client->in.buf.length, client->in.buf.data);
	if (received < 0)
		assert_int_equal(errno, ECONNRESET);
}

void client_expect_alive(struct client *client)
{
	client_call(client, "{'method':'org.varlink.service.GetInfo'}");
	check_string(client, "vendor", "hookd");
}

bool client_has_input(const struct client *client)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};

	return !hp_inbox_is_empty(&client->in) || poll(&poll_fd, 1, 0) > 0;
}

int64_t status_number(struct harness *harness, const char *name)
{
	struct client *client = client_open(harness);
	int64_t number;

	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	number = reply_int(client, name);
	client_close(client);
	return number;
}
