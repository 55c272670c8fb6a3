/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"

/*
 * Sends client->call, a call of `method`, and waits for its one reply, which lives until the next
 * call. Made once: -EPIPE where the connection was lost behind it, unless the method only asks and
 * the connection was one from before. -EBADMSG where hookd answers with more than one.
 */
int call_once(struct hookd_client *client, const char *method, int64_t deadline,
	      struct hp_reply *ret_reply);
