/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/un.h>

#include "daemon/http/http.h"

/* What is left in the file system of a socket. Zeroed: nothing, as of a port. */
struct http_socket {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t device;
	ino_t inode;
};

/*
 * Opens a listening socket, non-blocking and close-on-exec, as http_new() describes. A Unix socket
 * never exists with a wider mode than the one that is asked for.
 */
int http_socket_open(const struct http_options *options, struct http_socket *ret_socket,
		     int *ret_fd) must_check;
/* Before the descriptor is closed. Leaves what another program has bound to the path since. */
void http_socket_remove(const struct http_socket *socket);
