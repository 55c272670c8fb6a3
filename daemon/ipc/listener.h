/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <sys/un.h>

#include "daemon/base/base.h"

/* A listening socket. */
struct listener;

/* Called with a new connection, non-blocking and close-on-exec. The callee closes it. */
typedef void (*listener_fn)(int fd, void *userdata);

/*
 * Accepts connections on `fd`. If that is a connected socket (inetd style, as with Varlink's exec:
 * addresses), it is the only connection. Takes the descriptor, also on failure. -errno.
 */
int listener_new(struct event_base *base, int fd, listener_fn on_connection, void *userdata,
		 struct listener **ret_listener) must_check;
struct listener *listener_free(struct listener *listener);

/* Writes "unix:PATH" of a socket; "" where it has no path. */
#define LISTENER_TEXT_SIZE (sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path))
void listener_describe(int fd, char ret_text[static LISTENER_TEXT_SIZE]);

/*
 * Creates a listening socket at `path`, mode 0600. Replaces a socket that no process listens on any
 * more. If one does, and `waits`, it blocks for up to 0.5 s until that has ended: for the start,
 * when a child of an earlier hookd may still have it; never in the event loop. -EADDRINUSE: the
 * path is in use; -ENAMETOOLONG; or another -errno.
 */
int listener_bind(const char *path, bool waits, int *ret_fd) must_check;
