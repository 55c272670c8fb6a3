/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/config.h"
#include "daemon/base/kernel.h"

/*
 * Signals, umask and descriptors as a fresh process has them; its memory is closed to others. To
 * be called first: what is open at this point is not inherited by hooks.
 */
void own_process_begin(void);

/*
 * False, and logged, where RLIMIT_NOFILE is below what a start takes. To be called before anything
 * is opened: where descriptors run out on the way, what is on disk looks as if it were damaged.
 */
bool own_process_can_open_files(void) must_check;

/* Fills *ret_kernel and logs what is missing. False where hooks could not be run as promised. */
bool own_process_check_kernel(struct kernel *ret_kernel) must_check;

/* Logs where RLIMIT_NOFILE is too low for what the configuration allows. */
void own_process_check_open_files(const struct config *config);
