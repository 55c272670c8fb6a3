/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct direct;

/*
 * Starts, watches and reads a hook like hookd, in its own loop: without a request, a caller or
 * bookkeeping. The difference to a whole request is the cost of those; the difference to a bare
 * process is the cost of what a hook needs: pipes, a session, a cgroup, a pidfd.
 *
 * `state` is borrowed; `cgroup` is a cgroup2 directory for the hooks, or NULL. -errno.
 */
int direct_new(const char *hook, const char *state, const char *cgroup, struct direct **ret_direct);
struct direct *direct_free(struct direct *direct);

/* Runs one hook. 0, or -errno; -ECHILD if it did not exit with 0. */
int direct_run(struct direct *direct);
