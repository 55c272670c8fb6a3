/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "proto/messages/messages.h"
#include "tests/integration/harness/harness.h"

/*
 * A Varlink client that can also send malformed messages: a socket with proto's framing and JSON.
 * It does not use libhookd, which has its own tests.
 */
struct client {
	struct harness *harness;
	int fd;
	uid_t uid; /* the user that connects and sends; 0: that of the test */
	struct hp_inbox in;
	struct hp_json json;   /* the last reply */
	struct hp_reply reply; /* points into json */
	const char *text;      /* of the last reply; valid until the next is received */
	size_t length;
	TAILQ_ENTRY(client) link; /* harness::clients, which frees it */
};

struct client *client_open(struct harness *harness);
/*
 * Connects as another user, in a test that runs as root: hookd gets that uid from SO_PEERCRED and
 * with each message from SCM_CREDENTIALS.
 */
struct client *client_open_as(struct harness *harness, uid_t uid);
/* Uses a connected socket. */
struct client *client_adopt(struct harness *harness, int fd);
void client_close(struct client *client);
void client_close_all(struct harness *harness);

/* ---- sending ---- */

void client_send_bytes(struct client *client, const void *bytes, size_t length);
/*
 * Sends one message and its NUL. In the text ' stands for ", @HOOK@ for the path of the helper and
 * @DIR@ for the test's directory.
 */
void client_send(struct client *client, const char *text);

/* The parameters of a Run call; NULL: the default. */
struct run_text {
	const char *hooks[8];  /* of the stage, one JSON object each */
	const char *stage;     /* default: createRuntime */
	const char *container; /* default: "box" */
	const char *state;     /* as JSON, sent unchanged; default: a state of the container */
	const char *extra;     /* more parameters, such as ",'requestId':'a'" */
	const char *flags;     /* members of the call, such as ",'more':true" */
};
void client_send_run(struct client *client, const struct run_text *run);
#define begin_run(client, ...) client_send_run(client, &(struct run_text){__VA_ARGS__})

/* A hook that runs the helper with these verbs: HOOK("'exit','3'"). */
#define HOOK(verbs)		   HOOK_WITH("", verbs)
#define TIMED_HOOK(seconds, verbs) HOOK_WITH(",'timeout':" #seconds, verbs)
#define HOOK_WITH(fields, verbs)   "{'path':'@HOOK@','args':['hook'," verbs "]" fields "}"

/* ---- receiving ---- */

/* Receives the next reply. Fails the test on the end of the connection, or after the deadline. */
void client_receive(struct client *client);
/* Sends and receives. */
void client_call(struct client *client, const char *text);
#define run(client, ...)                                                                           \
	do {                                                                                       \
		begin_run(client, __VA_ARGS__);                                                    \
		client_receive(client);                                                            \
	} while (0)
/* Waits until hookd closes the connection; fails on any byte before that. */
void client_expect_end(struct client *client);
/* Checks that hookd still answers a call, and sends nothing else before. */
void client_expect_alive(struct client *client);
/* True where the next reply, or the end of the connection, can be read now. */
bool client_has_input(const struct client *client);
/* Calls io.hookd.status.GetStatus on a new connection and returns one of its numbers. */
int64_t status_number(struct harness *harness, const char *name);
