/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"

/*
 * A process that a caller has named by its pid. The kernel does not reuse a pid before its process
 * is reaped, so if target_check() finds it alive afterwards, every earlier call by pid has hit this
 * process.
 */
struct target {
	pid_t pid;
	int pidfd;
	int proc; /* /proc/PID; stays that of this process, and is empty once it has exited */
};
#define TARGET_NONE ((struct target){.pidfd = -1, .proc = -1})

/* -ESRCH: no such process, it has exited, or `pid` is the id of a thread; or another -errno. */
int target_open(pid_t pid, struct target *ret_target) must_check;
void target_close(struct target *target);

/* 0, or -ESRCH once it has exited. */
int target_check(const struct target *target) must_check;

/*
 * When it was started, in clock ticks after boot (proc_pid_stat(5)). Together with the pid this
 * identifies a process of this boot. 0: cannot be read.
 */
uint64_t target_start_time(const struct target *target);

/*
 * Refuses processes that callers must not change: hookd itself, its descendants (helpers and hooks
 * that run), the init process, kernel threads. -EACCES (HP_ERR_SETTINGS_REFUSED) for those; -ESRCH:
 * it has exited; -EAGAIN: its ancestors keep exiting while they are read. 0 for all others.
 */
int target_refuse(const struct target *target, struct hp_err *err) must_check;
