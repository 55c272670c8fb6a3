/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Kills a child that asked to be traced before the n-th system call that changes something which
 * others see. False: there was none, it is through.
 */
bool tracer_kill_before(pid_t pid, unsigned int n);
