/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/config.h"
#include "daemon/base/kernel.h"

/*
 * Resets signals and umask, which hooks inherit, and makes the process not dumpable. Call it first:
 * all descriptors above 2 that are open at this point become close-on-exec.
 */
void own_process_begin(void);

/*
 * Holds back the signals that end or reload hookd, or lets them come: until the start is complete
 * nobody handles them. Programs that are executed meanwhile inherit that.
 */
void own_process_hold_signals(bool holds);

/*
 * False if RLIMIT_NOFILE is too low for a start, which is logged. Call it before any file is
 * opened: a file of the state directory that cannot be opened (EMFILE) would look like a damaged
 * one.
 */
bool own_process_can_open_files(void) must_check;

/* Fills *ret_kernel and logs what is missing. False if hooks cannot be run without it. */
bool own_process_check_kernel(struct kernel *ret_kernel) must_check;

/* Warns if RLIMIT_NOFILE is too low for the configured numbers of hooks and connections. */
void own_process_check_open_files(const struct config *config);
