/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/runner: runs lists of hooks in processes of their own, hookd-runner, which keep running
 * when hookd ends. runner.c, front.c and owned.c are that process; runners*.c, link.c and remote.c
 * are hookd's side; channel.c, packet.c, message.c, counter.c, socket.c and offer.c are used by
 * both.
 *
 * The front of a runner is the hookd process that is connected to it: none or one.
 *
 * May use: daemon/base, daemon/cgroup, daemon/list, daemon/proc, proto/base, proto/json,
 * proto/messages; libevent.
 */
#pragma once

#include <stdbool.h>

#define RUNNER_NAME "hookd-runner"
/*
 * Descriptors of a runner that hookd starts. One that the service manager starts has a connection
 * instead, over which it receives its listening socket (offer.h), and creates cgroups in that of
 * its unit.
 */
#define RUNNER_FD_LISTENER 3 /* bound and listening, SOCK_SEQPACKET */
#define RUNNER_FD_CGROUP   4 /* directory in which it may create cgroups, or /dev/null */
#define RUNNER_FD_LOCK	   5 /* lock of the cgroup directory, held until it ends; or /dev/null */
#define RUNNER_FD_COUNT	   6
#define RUNNER_BACKLOG	   8 /* of its socket, for listen(2) */

/* Whether this process was executed as a runner. Call it first in main(). */
bool runner_is_asked_for(int argc, char **argv);
/* Runs until STOP, SIGTERM, or until no hookd has connected for long. Returns the exit status. */
int runner_main(void);
