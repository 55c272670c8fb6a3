/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct hookd_client;
struct hp_reply;
struct run_state;

/*
 * Delivers a reply that is not the last to state->on_event, unless it is known. -errno: no event;
 * client->fault is set.
 */
int events_tell(struct hookd_client *client, struct run_state *state, const struct hp_reply *reply);
