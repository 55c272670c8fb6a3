/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/messages/messages.h"

/*
 * A connection to hookd that sends without waiting for the answer, so that something can happen
 * meanwhile.
 */
struct client {
	int fd;
	struct hp_inbox in;
	struct hp_json json;
	struct hp_reply reply; /* the last; points into json */
};

/* The error's name without its interface; "": it worked; "lost": the connection ended first. */
struct outcome {
	char error[64];
	char errno_name[32];
	char detail[1024];
};

/* Waits for a hookd that listens. */
void client_open(struct client *client);
void client_close(struct client *client);
/* False: the connection is lost. */
bool client_send(struct client *client, const char *message);
struct outcome client_receive(struct client *client);
/* On a connection of its own. */
struct outcome client_call(const char *message);
/*
 * The same, again while the connection is lost; the reply stays in *client, which is to be closed.
 */
struct outcome client_ask(struct client *client, const char *message);
