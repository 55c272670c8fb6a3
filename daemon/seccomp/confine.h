/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * Takes from this process all that compiling a profile does not need: rights, descriptors beyond
 * 0, 1 and 2, most system calls. A system call that is not needed kills it from then on. Before
 * the first byte of a profile is read.
 *
 * <0: *ret_step names what could not be done, and nothing of a stranger may be looked at.
 */
int compiler_confine(const char **ret_step) must_check;
