/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"

/* A listening socket. */
struct listener;

/* A new connection, non-blocking and close-on-exec; the callee's to close. */
typedef void (*listener_fn)(int fd, void *userdata);

/*
 * Listens on `fd`, which may also be a connected socket (exec: addresses, inetd style): then that
 * is the one connection. Takes the descriptor.
 */
int listener_new(struct event_base *base, int fd, listener_fn on_connection, void *userdata,
		 struct listener **ret_listener) must_check;
struct listener *listener_free(struct listener *listener);

/*
 * Makes a socket at `path`, mode 0600, in place of one that nobody listens on any more. -EADDRINUSE
 * when somebody does, -ENAMETOOLONG.
 */
int listener_bind(const char *path, int *ret_fd) must_check;
