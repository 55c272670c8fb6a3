/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"

/*
 * Sends client->call, a call of `method`, and waits for its single reply, which is valid until the
 * next call. -EPIPE if the connection was lost after sending; a method that changes nothing is then
 * sent once more, if the connection had been used before. -EBADMSG if hookd sends more than one
 * reply.
 */
int call_once(struct hookd_client *client, const char *method, int64_t deadline,
	      struct hp_reply *ret_reply);
