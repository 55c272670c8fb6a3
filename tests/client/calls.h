/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Counts the system calls of the library: the linker finds the test program's functions of these
 * names before libc's. Only calls of the test's thread count, not those of the server's.
 */
struct calls {
	atomic_uint connects;
	unsigned int sends, recvs, polls;
};
extern struct calls calls;

/* Counts the calls of this thread from now on, from 0. */
void calls_reset(void);

/*
 * From now on a poll(2) of no descriptors returns at once, and CLOCK_MONOTONIC advances by its
 * timeout.
 */
void calls_skip_pauses(bool skip);

/* Advances CLOCK_MONOTONIC for all threads. */
void calls_advance_ms(unsigned int ms);
