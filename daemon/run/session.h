/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * The processes of one hook on a machine without a writable cgroup2: its session and whatever
 * descends from it. As good as it gets without a cgroup: a process that left the session and whose
 * parent has ended is not found. `leader` must not have been waited for, so that its number is its.
 */

/* Stops all that can be found until nothing new turns up, then kills it. */
void session_kill(pid_t leader);

/* True when a process of the leader's process group is alive; after the leader was waited for. */
bool session_has_members(pid_t leader);
