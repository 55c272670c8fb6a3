/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/owned.h"

/*
 * The connection of a runner to hookd, its front: what hookd asks for is done, and a hookd that has
 * just connected is told of all lists.
 */

/* runner->starter and the functions are set. -ENOMEM. */
int front_init(struct runner *runner, struct event_base *base) must_check;
void front_clear(struct runner *runner);

/*
 * Takes over `fd`, whose other side takes the place of the front that was there, unless refused.
 * `directory` is sent with the HELLO: what the runner's cgroups are in; -1: it has none.
 */
void front_connected(struct runner *runner, int fd, const struct hello_body *hello, int directory);
