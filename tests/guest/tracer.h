/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Kills a child that has called PTRACE_TRACEME, before its n-th system call with an effect outside
 * of the process. False: it has exited before that.
 */
bool tracer_kill_before(pid_t pid, unsigned int n);
