/* SPDX-License-Identifier: Apache-2.0 */
/* The random test's connections to hookd. The function that opens one closes it. */
#include "tests/guest/random/client.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/guest/random/world.h"

#define ANSWER_MS 120000

void client_open(struct client *client)
{
	const struct sockaddr_un address = {AF_UNIX, "/run/hookd/hookd.sock"};

	*client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	for (int64_t end = now_ms() + 60000; now_ms() < end; pause_ms(10))
		if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return;
	give_up("nobody listens on hookd's socket: %m");
}

void client_close(struct client *client)
{
	close(client->fd);
	hp_inbox_free(&client->in);
	hp_json_free(&client->json);
}

bool client_send(struct client *client, const char *message)
{
	size_t length = strlen(message) + 1;

	return send(client->fd, message, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* False: the connection is lost. */
static bool receive_some(struct client *client)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
	size_t size;
	char *space = hp_inbox_reserve(&client->in, &size);
	ssize_t received;

	if (!space || poll(&poll_fd, 1, ANSWER_MS) <= 0)
		return false;
	received = recv(client->fd, space, size, 0);
	if (received > 0)
		hp_inbox_commit(&client->in, (size_t)received);
	return received > 0;
}

static void copy_string(struct hp_json_value value, char *text, size_t size)
{
	size_t length;
	const char *raw;

	text[0] = '\0';
	if (hp_json_type(value) != HP_JSON_STRING)
		return;
	raw = hp_json_text(value, &length);
	snprintf(text, size, "%.*s", (int)length - 2, raw + 1);
}

struct outcome client_receive(struct client *client)
{
	struct outcome outcome = {.error = "lost"};
	const char *frame, *dot;
	struct hp_err err;
	size_t length;
	int r;

	while ((r = hp_inbox_next(&client->in, &frame, &length)) == 0)
		if (!receive_some(client))
			return outcome;
	if (r < 0 || hp_json_parse(&client->json, frame, length, &err) < 0 ||
	    hp_reply_read(&client->json, &client->reply, &err) < 0)
		give_up("hookd's answer is no reply");
	dot = strrchr(client->reply.error, '.');
	snprintf(outcome.error, sizeof(outcome.error), "%.60s", dot ? dot + 1 : "");
	copy_string(hp_json_member(client->reply.parameters, "errnoName"), outcome.errno_name,
		    sizeof(outcome.errno_name));
	copy_string(hp_json_member(client->reply.parameters, "detail"), outcome.detail,
		    sizeof(outcome.detail));
	if (outcome.error[0] && !outcome.detail[0])
		snprintf(outcome.detail, sizeof(outcome.detail), "%.*s", (int)length, frame);
	return outcome;
}

struct outcome client_call(const char *message)
{
	struct client client;
	struct outcome outcome = {.error = "lost"};

	client_open(&client);
	if (client_send(&client, message))
		outcome = client_receive(&client);
	client_close(&client);
	return outcome;
}

struct outcome client_ask(struct client *client, const char *message)
{
	int64_t end = now_ms() + 60000;
	struct outcome outcome;

	for (;;) {
		client_open(client);
		outcome = (struct outcome){.error = "lost"};
		if (client_send(client, message))
			outcome = client_receive(client);
		if (strcmp(outcome.error, "lost") != 0 || now_ms() > end)
			return outcome;
		client_close(client);
		pause_ms(20);
	}
}
