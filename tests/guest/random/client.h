/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/messages/messages.h"

/*
 * A connection to hookd. Sending and receiving are separate, so that events can happen in between.
 */
struct client {
	int fd;
	struct hp_inbox in;
	struct hp_json json;
	struct hp_reply reply; /* the last one; points into json */
};

/* The error's name without its interface; "": success; "lost": the connection was lost. */
struct outcome {
	char error[64];
	char errno_name[32];
	char detail[1024];
};

/* Waits until hookd listens. */
void client_open(struct client *client);
void client_close(struct client *client);
/* False: the connection is lost. */
bool client_send(struct client *client, const char *message);
struct outcome client_receive(struct client *client);
/* Calls on a new connection. */
struct outcome client_call(const char *message);
/*
 * The same, again while the connection is lost; the reply stays in *client, which is to be closed.
 */
struct outcome client_ask(struct client *client, const char *message);
