/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/base/base.h"

/* -ENAMETOOLONG. */
int socket_address(const char *path, struct sockaddr_un *ret_address) must_check;
/* -EPERM: the process at the other end is another user's. */
int socket_check_peer(int fd) must_check;
