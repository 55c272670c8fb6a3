/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/owned.h"

/*
 * The front of a runner: the hookd process that is connected to it. Executes the messages of the
 * front, and sends all lists to a new one.
 */

/* The caller has set runner->starter and the callbacks. -ENOMEM. */
int front_init(struct runner *runner, struct event_base *base) must_check;
void front_clear(struct runner *runner);

/*
 * Takes over `fd`, a new connection, which replaces the current front. If it is refused it is
 * closed. `directory` is sent with the HELLO: the parent directory of the runner's cgroups; -1: it
 * has none.
 */
void front_connected(struct runner *runner, int fd, const struct hello_body *hello, int directory);
/* Tells the front, if there is one, that `directory` has replaced that of the HELLO. */
void front_send_directory(struct runner *runner, int directory);
