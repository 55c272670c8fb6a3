/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/*
 * The system calls that the library makes, counted on their way: the test program's own functions
 * of these names are found before libc's. Only those of the test's thread, not the server's.
 */
struct calls {
	atomic_uint connects;
	unsigned int sends, recvs, polls;
};
extern struct calls calls;

/* Marks the calling thread as the one that is counted, and begins at 0. */
void calls_reset(void);

/*
 * From now on a poll(2) of no descriptors takes no time, and CLOCK_MONOTONIC goes on by what it
 * would have taken.
 */
void calls_skip_pauses(bool skip);

/* Lets CLOCK_MONOTONIC be that much later for all threads. */
void calls_advance_ms(unsigned int ms);
