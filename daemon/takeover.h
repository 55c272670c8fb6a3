/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Starts the configured number of runners, or finds those that an earlier hookd has left in the
 * state directory, and takes over the runs that it had begun. Blocks until the runners have said
 * which lists they have, at most some seconds. NULL: there is no state directory; hookd runs hooks
 * itself. -errno, logged.
 */
int takeover(struct hookd *hookd, const char *state_directory) must_check;
