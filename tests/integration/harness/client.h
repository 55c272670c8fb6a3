/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "proto/messages/messages.h"
#include "tests/integration/harness/harness.h"

/*
 * A Varlink client that can be rude: it sends whatever bytes it is told to. It is no more than a
 * socket with proto's framing and JSON; the client library is tested elsewhere.
 */
struct client {
	struct harness *harness;
	int fd;
	uid_t uid; /* who connects and writes; 0: who the test is */
	struct hp_inbox in;
	struct hp_json json;   /* the last reply */
	struct hp_reply reply; /* points into json */
	const char *text;      /* of the last reply; valid until the next is received */
	size_t length;
	TAILQ_ENTRY(client) link; /* harness::clients, which frees it */
};

struct client *client_open(struct harness *harness);
/* As another user, in a test that runs as root: the kernel tells of that at the connect
 * (SO_PEERCRED) and with each message (SCM_CREDENTIALS). */
struct client *client_open_as(struct harness *harness, uid_t uid);
/* On a socket that is connected already. */
struct client *client_adopt(struct harness *harness, int fd);
void client_close(struct client *client);
void client_close_all(struct harness *harness);

/* ---- out ---- */

void client_send_bytes(struct client *client, const void *bytes, size_t length);
/*
 * One message, and its NUL. For the tests' sake texts may have ' for ", @HOOK@ for the path of the
 * helper and @DIR@ for the test's directory.
 */
void client_send(struct client *client, const char *text);

/* What a Run call says; NULL: what most tests want. */
struct run_text {
	const char *hooks[8];  /* of the stage, one JSON object each */
	const char *stage;     /* createRuntime */
	const char *container; /* "box" */
	const char *state;     /* whole, and sent as it is; else one of the container */
	const char *extra;     /* ",'requestId':'a'": more parameters */
	const char *flags;     /* ",'more':true" */
};
void client_send_run(struct client *client, const struct run_text *run);
#define begin_run(client, ...) client_send_run(client, &(struct run_text){__VA_ARGS__})

/* One of the hooks; its verbs are the helper's: HOOK("'exit','3'"). */
#define HOOK(verbs)		   HOOK_WITH("", verbs)
#define TIMED_HOOK(seconds, verbs) HOOK_WITH(",'timeout':" #seconds, verbs)
#define HOOK_WITH(fields, verbs)   "{'path':'@HOOK@','args':['hook'," verbs "]" fields "}"

/* ---- in ---- */

/* The next reply; the end of the connection, or none until the deadline, fails the test. */
void client_receive(struct client *client);
/* Sends and receives. */
void client_call(struct client *client, const char *text);
#define run(client, ...)                                                                           \
	do {                                                                                       \
		begin_run(client, __VA_ARGS__);                                                    \
		client_receive(client);                                                            \
	} while (0)
/* hookd closes the connection without another byte. */
void client_expect_end(struct client *client);
/* hookd still answers here, and nothing else comes before that answer. */
void client_expect_alive(struct client *client);
/* True when the next reply, or the end, is there already. */
bool client_has_input(const struct client *client);
/* Sends io.hookd.status.GetStatus on a connection of its own and gives one of its numbers. */
int64_t status_number(struct harness *harness, const char *name);
