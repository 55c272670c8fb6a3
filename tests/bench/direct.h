/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct direct;

/*
 * hookd's way of starting, watching and reading a hook, in a loop of its own: no request, no
 * caller, no bookkeeping. What a whole request costs more than this is those; what this costs more
 * than a bare process is what a hook has to have: pipes, a session, a cgroup, a pidfd.
 *
 * `state` is borrowed; `cgroup` is a cgroup2 directory for the hooks, or NULL. -errno.
 */
int direct_new(const char *hook, const char *state, const char *cgroup, struct direct **ret_direct);
struct direct *direct_free(struct direct *direct);

/* One hook, to its end. 0, or -errno; -ECHILD where it did not exit with 0. */
int direct_run(struct direct *direct);
