/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Starts the configured number of runners, or finds those that an earlier hookd has left in the
 * state directory, and takes over the runs that it had begun. Blocks until the runners have said
 * which lists they have, at most some seconds. `state_directory` NULL: there is none, and hookd
 * runs hooks itself. `runner_socket` is the service manager's, which starts runners as units; NULL:
 * they are hookd's children. -errno, logged.
 */
int takeover(struct hookd *hookd, const char *state_directory,
	     const char *runner_socket) must_check;
