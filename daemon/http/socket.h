/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/http/http.h"

/*
 * Opens a listening socket, non-blocking and close-on-exec, as http_new() describes. A Unix socket
 * never exists with a wider mode than the one that is asked for.
 */
int http_socket_open(const struct http_options *options, int *ret_fd) must_check;
