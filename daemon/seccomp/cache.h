/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "proto/settings/seccomp.h"

/*
 * A cache of compiled seccomp profiles. Each profile is compiled once, by a separate process and
 * without blocking the event loop; the least recently used ones are dropped.
 */

struct procs;
struct filter_cache;

/* A program for seccomp(2), shared by reference count. Read-only. */
struct filter {
	struct sock_filter *instructions;
	size_t count;
	uint32_t flags; /* for seccomp(2), except SECCOMP_FILTER_FLAG_NEW_LISTENER */
	bool needs_listener;
	char **unknown_syscalls; /* NULL-terminated */
	size_t refs;
};

struct filter *filter_ref(struct filter *filter);
struct filter *filter_unref(struct filter *filter); /* NULL is fine, and is returned */

/*
 * Waits for a filter. Embedded in its owner, which zeroes it and sets ready();
 * filter_cache_forget() before it is freed.
 */
struct filter_wait {
	/*
	 * Called once, from the event loop. The callee unrefs the filter. NULL: compiling has
	 * failed with wait->error, and `reason` says why; it is valid during the call.
	 */
	void (*ready)(struct filter_wait *wait, struct filter *filter, const char *reason);
	/*
	 * -EINVAL: the profile cannot be compiled; -E2BIG: its program is longer than BPF_MAXINSNS;
	 * -ETIME: compiling takes too long; -EOPNOTSUPP: the kernel or libseccomp lacks something
	 * that it needs; another -errno: the compiler could not be started, or has failed.
	 */
	int error;
	struct filter_entry *entry;    /* NULL: not waiting */
	TAILQ_ENTRY(filter_wait) link; /* filter_entry::waits */
};

int filter_cache_new(struct procs *procs, struct filter_cache **ret_cache) must_check;
/* Ends all compilers; ready() is not called for what still waits. NULL is fine. */
struct filter_cache *filter_cache_free(struct filter_cache *cache);

/*
 * Returns 1: *ret_filter is set, which the caller unrefs; 0: wait->ready() will be called; or the
 * errors of a filter_wait: *ret_reason says why, and is valid until the next call. Two profiles are
 * the same where their canonical texts are (hp_seccomp_write()).
 *
 * Failures are cached too: those of the profile itself for good, and that compiling takes longer
 * than 1 s of CPU time for a minute. After other failures the next call compiles again.
 */
int filter_cache_get(struct filter_cache *cache, const struct hp_seccomp *profile,
		     struct filter_wait *wait, struct filter **ret_filter,
		     const char **ret_reason) must_check;

/* After this ready() is not called. Does nothing where `wait` is not waiting. */
void filter_cache_forget(struct filter_wait *wait);
