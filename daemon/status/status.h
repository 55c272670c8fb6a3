/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/status: the methods of io.hookd.status. They read what the other folders keep, and change
 * nothing. daemon/ipc/dispatch.c calls them.
 *
 * May use: daemon/base, daemon/history, daemon/ipc, daemon/metrics, daemon/policy, daemon/records,
 * daemon/run, daemon/runner, daemon/seccomp, proto/base.
 */
#pragma once
