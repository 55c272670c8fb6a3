/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * How a runner that the service manager starts gets its listener: hookd connects to the manager's
 * socket for runners, which starts one for each connection, and sends the listener over it.
 */

/*
 * Connects to the socket at `path` and sends the listener. Returns the connection: while it is open
 * the manager starts a runner for it. Does not block. -EPERM: the socket is another user's.
 */
int offer_send(const char *path, int listener) must_check;
/*
 * Receives it, in the runner. Blocks up to some seconds. -EPERM: another user has sent it;
 * -EBADMSG: it is something else; -ETIMEDOUT.
 */
int offer_take(int connection, int *ret_listener) must_check;
