/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/base/base.h"

/* Where hookd listens besides its own socket: reachable from this machine only. */
struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t length;
};

/*
 * "unix:/PATH", "127.0.0.1:PORT" (all of 127.0.0.0/8) or "[::1]:PORT"; the port is from 1 to 65535.
 * -EINVAL: anything else.
 */
int listen_address_parse(const char *text, struct listen_address *ret_address) must_check;
