/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"

/*
 * A process that somebody named, held so that its number cannot come to mean another one unnoticed:
 * the kernel gives a number away again only after the process has been waited for, so whoever finds
 * it alive afterwards knows that every call by number before reached it.
 */
struct target {
	pid_t pid;
	int pidfd;
	int proc; /* /proc/PID: of this process for ever, empty once it has ended */
};
#define TARGET_NONE ((struct target){.pidfd = -1, .proc = -1})

/* -ESRCH where there is no such process, or one that has exited; a thread's number is -ESRCH too.
 */
int target_open(pid_t pid, struct target *ret_target) must_check;
void target_close(struct target *target);

/* 0, or -ESRCH once it has exited. */
int target_check(const struct target *target) must_check;

/* When it was started, in ticks after boot (proc_pid_stat(5)): with the pid it is who it is. */
uint64_t target_start_time(const struct target *target);

/*
 * Who is not to be changed by callers: hookd itself, what descends from it (its helpers, hooks that
 * run), the init process and threads of the kernel. -EACCES (HP_ERR_SETTINGS_REFUSED) for those,
 * -ESRCH when it has exited, -EAGAIN when its family does not stand still; 0 for everybody else.
 */
int target_refuse(const struct target *target, struct hp_err *err) must_check;
