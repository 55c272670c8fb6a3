/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How long it takes to wake a process that waits in poll(2), until it has read the byte that it was
 * woken with: half of the median round trip over a socket pair. The two processes run on the first
 * and on the last CPU that the caller may use: on one CPU if that is all it has. -errno.
 */
int wake_measure(int64_t *ret_ns);
