/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/runner: runs lists of hooks in processes of their own, hookd-runner, which go on when
 * hookd ends. runner.c, front.c and owned.c are such a process; runners.c, link.c and remote.c are
 * hookd's side of it; channel.c and message.c are what both use.
 *
 * May use: daemon/base, daemon/cgroup, daemon/list, daemon/proc, proto/base, proto/json,
 * proto/messages; libevent.
 */
#pragma once

#include <stdbool.h>

#define RUNNER_NAME "hookd-runner"
/*
 * Descriptors of a runner that hookd starts. One that the service manager starts has a connection
 * instead, over which it gets its listener (offer.h), and makes cgroups in its unit's.
 */
#define RUNNER_FD_LISTENER 3 /* bound and listening, SOCK_SEQPACKET */
#define RUNNER_FD_CGROUP   4 /* the directory that it may make cgroups in, or /dev/null */
#define RUNNER_FD_LOCK	   5 /* kept open as long as it lives: nobody else takes over the directory */
#define RUNNER_FD_COUNT	   6

/* True where this process was executed as a runner; to be asked before anything else is done. */
bool runner_is_asked_for(int argc, char **argv);
/* Serves until it is told to stop, or until nobody has come for long. Returns the exit status. */
int runner_main(void);
