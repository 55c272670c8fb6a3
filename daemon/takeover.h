/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Starts the configured number of runners, or connects to those of an earlier hookd whose sockets
 * are in the state directory, and adopts their runs. Blocks, at most some seconds, until the
 * runners have sent their lists; those of silent ones are adopted when they answer.
 * `state_directory` NULL: there is none, and hookd runs hooks itself. `runner_socket` is the
 * service manager's, which starts runners as units; NULL: they are hookd's children. -errno,
 * logged.
 */
int takeover(struct hookd *hookd, const char *state_directory,
	     const char *runner_socket) must_check;
