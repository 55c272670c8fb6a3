/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Deadlines: CLOCK_MONOTONIC in nanoseconds. One deadline bounds all the steps of a call. */

#define DEADLINE_NONE INT64_MAX

static inline int64_t deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* A timeout that would overflow, 292 years, is no deadline. */
static inline int64_t deadline_after_ns(uint64_t timeout_ns)
{
	int64_t now = deadline_now();

	return timeout_ns > (uint64_t)(INT64_MAX - now) ? DEADLINE_NONE : now + (int64_t)timeout_ns;
}

/* 0 is no deadline, too. */
static inline int64_t deadline_after_ms(uint64_t timeout_ms)
{
	if (timeout_ms == 0 || timeout_ms > INT64_MAX / 1000000)
		return DEADLINE_NONE;
	return deadline_after_ns(timeout_ms * 1000000);
}

static inline bool deadline_has_passed(int64_t deadline)
{
	return deadline != DEADLINE_NONE && deadline_now() >= deadline;
}

/* For poll(2): -1 without a deadline, else rounded up, so that a wait never ends too early. */
static inline int deadline_left_ms(int64_t deadline)
{
	int64_t left;

	if (deadline == DEADLINE_NONE)
		return -1;
	left = deadline - deadline_now();
	if (left <= 0)
		return 0;
	return left > (INT_MAX - 1) * 1000000ll ? INT_MAX : (int)((left + 999999) / 1000000);
}
