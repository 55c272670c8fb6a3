/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * Returns a close-on-exec descriptor from which the hook will read the state, or -errno. All of the
 * state is written before the hook exists, so hookd never waits for a hook that does not read: a
 * small state into a pipe, a larger one into a sealed memfd.
 */
int stdin_open(const char *state, size_t length) must_check;
