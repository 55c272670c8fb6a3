/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct strays;

/*
 * The processes of a hook on a machine without a writable cgroup2: its session and all descendants
 * that can be found. `leader` is the pid of the hook.
 *
 * Some are not found: a process that left the session and whose parent has ended; and a child that
 * the hook created with CLONE_PARENT, whose parent is hookd, once it has called setsid(2). hookd
 * reaps the latter when it ends (strays.h).
 *
 * Where hookd is a child subreaper, as a private one is, both have become children of hookd, and
 * are found, if they have started after the hook and hookd has not started them. So what an earlier
 * hook has left behind stays, but not a process that it makes meanwhile and whose parent ends.
 *
 * TracerPid in /proc/PID/status is not used: every process of the hook's user may trace the hook,
 * and hookd as root must not kill an unrelated one.
 */

/*
 * Stops the processes until no new one is found, then kills them. `leader` must not have been
 * reaped, since its pid could be that of another process then. `strays` has the children that hookd
 * has started; NULL: the hook's process is not a child of hookd.
 */
void session_kill(pid_t leader, const struct strays *strays);

/* After the leader was reaped: whether its process group has processes that are not zombies. */
bool session_has_members(pid_t leader);
