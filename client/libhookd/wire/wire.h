/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/libhookd/wire: a connection to hookd, deadlines, when a lost connection is made again, and
 * why a call has failed. It knows no method.
 *
 * May use: proto/base, proto/messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/messages/messages.h"

/* One connection to the daemon: a stream socket and the bytes received on it. */
struct wire {
	int fd; /* -1: none; otherwise a blocking socket */
	struct hp_inbox inbox;
};

#define WIRE_INIT ((struct wire){.fd = -1})

static inline bool wire_is_open(const struct wire *wire)
{
	return wire->fd >= 0;
}

/* -ETIMEDOUT, -ENAMETOOLONG, or what socket(2) and connect(2) say. */
int wire_connect(struct wire *wire, const char *path, int64_t deadline);
/* Takes a socket that is connected. */
void wire_open(struct wire *wire, int fd);
void wire_close(struct wire *wire);
/* The uid of the process that called listen(2) on the other end, as our user namespace shows it. */
int wire_peer_uid(const struct wire *wire, uid_t *ret_uid);

/* Sends what the socket takes at once and adds it to *sent: 0, -EAGAIN, -EPIPE. */
int wire_push(struct wire *wire, const char *data, size_t length, size_t *sent);
/* Waits for events of poll(2): 0, -ETIMEDOUT. */
int wire_wait(const struct wire *wire, short events, int64_t deadline);

/*
 * Receives once, without waiting. *ret_is_full: there may be more. -EAGAIN, -EPIPE at the end of
 * the stream, -ENOMEM.
 */
int wire_pull(struct wire *wire, bool *ret_is_full);
