/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * How a runner that the service manager starts gets its listening socket: hookd connects to the
 * manager's socket for runners, for which the manager starts one unit per connection (Accept=yes),
 * and sends the listening socket.
 */

/*
 * Connects to the socket at `path` and sends the listening socket. Returns the connection, which
 * has to stay open until the runner has started. Does not block. -EPERM: the socket is another
 * user's.
 */
int offer_send(const char *path, int listener) must_check;
/*
 * Receives it, in the runner. Blocks up to some seconds. -EPERM: the sender is another user;
 * -EBADMSG: it is not an offer; -ETIMEDOUT.
 */
int offer_take(int connection, int *ret_listener) must_check;
