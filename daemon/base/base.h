/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/base: shared by all folders of the daemon, and independent of hooks: configuration, log,
 * files, pidfds, the service manager, D-Bus, a check of what the kernel supports, undo lists.
 *
 * May use: proto/base, proto/json, proto/settings; libevent, libsystemd, inih.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * Scope-bound cleanup: cleanup_close and cleanup_free release the variable when it goes out of
 * scope; take_fd() and take_ptr() move ownership out of it.
 */

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void free_memory(void *pointer)
{
	free(*(void **)pointer);
}

#define cleanup(function) __attribute__((cleanup(function)))
#define cleanup_close	  cleanup(close_fd)
#define cleanup_free	  cleanup(free_memory)

#define take_ptr(pointer)                                                                          \
	({                                                                                         \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})

/* The struct that contains a member. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define must_check __attribute__((warn_unused_result))

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* ---- errors ---- */

/* True where a resource has run out for the moment: the same call may work a little later. */
static inline bool error_is_transient(int error)
{
	return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == EDQUOT;
}

/* ---- time ---- */

#define NS_PER_S 1000000000ll

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Durations saturate at INT64_MAX (292 years), so that "never" does not wrap into the past. */
static inline int64_t ns_from_uint64(uint64_t ns)
{
	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static inline int64_t ns_add(int64_t now_ns, int64_t duration_ns)
{
	int64_t sum;

	return __builtin_add_overflow(now_ns, duration_ns, &sum) ? INT64_MAX : sum;
}
