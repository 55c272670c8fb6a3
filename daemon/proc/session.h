/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * The processes of one hook on a machine without a writable cgroup2: its session and whatever
 * descends from it. As good as it gets without a cgroup: a process that left the session and whose
 * parent has ended is not found. `leader` must not have been waited for, so that its number is its.
 *
 * A process that traces the leader is found in the same ways, and in no other. /proc/PID/status
 * names it (TracerPid), but every process of the hook's user may trace a hook, and nothing tells a
 * child that has lost its parent from a stranger, whom hookd, as root, must not kill for a hook.
 *
 * A child that the hook has made with CLONE_PARENT has hookd as its parent, as every hook has. It
 * is found in the leader's session, and not once it has begun one of its own. When it ends hookd
 * waits for it (strays.h).
 */

/* Stops all that can be found until nothing new turns up, then kills it. */
void session_kill(pid_t leader);

/* True when a process of the leader's process group is alive; after the leader was waited for. */
bool session_has_members(pid_t leader);
