/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct hookd_client;
struct hp_reply;

/* Delivers a reply that is not the last to client->on_event, unless it is known. -errno: no event.
 */
int events_tell(struct hookd_client *client, const struct hp_reply *reply);
