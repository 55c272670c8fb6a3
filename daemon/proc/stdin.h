/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * What a hook reads: complete before the hook exists, so that no write of hookd's can ever wait
 * for a hook that does not read. A small state fills a pipe, a larger one a sealed memfd.
 * A close-on-exec descriptor, or -errno.
 */
int stdin_open(const char *state, size_t length) must_check;
