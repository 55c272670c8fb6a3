/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * Drops everything that compiling a profile does not need: capabilities, ids, descriptors other
 * than 0, 1 and 2, most system calls; a system call that is not allowed kills the process. Call it
 * before the first byte of a profile is read.
 *
 * 0, or -errno: then *ret_step names the step that failed, and no profile may be read.
 */
int compiler_confine(const char **ret_step) must_check;
