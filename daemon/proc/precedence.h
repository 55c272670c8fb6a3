/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Gives this process precedence over the hooks that it starts where both want a CPU: it has little
 * to do for each, and until it is done no other hook is started and no result is told. Hooks
 * inherit nothing of this. Does what the process may do: an ordinary user's usually keeps its
 * priority. A policy or nice value that somebody has set for the process stays. Does not block.
 *
 * Where the cgroup controller "cpu" is on, weights of cgroups count instead: see
 * cgroup_tree_enable_usual().
 */
void precedence_take(void);
