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
 * Compiled seccomp profiles. Each is compiled once, by a process of its own and without holding the
 * event loop, and kept while others are not used more recently.
 */

struct procs;
struct filter_cache;

/* A program for seccomp(2), shared by all who asked for it. Never changes. */
struct filter {
	struct sock_filter *instructions;
	size_t count;
	uint32_t flags; /* for seccomp(2), but for SECCOMP_FILTER_FLAG_NEW_LISTENER */
	bool needs_listener;
	char **unknown_syscalls; /* NULL-terminated */
	size_t refs;
};

struct filter *filter_ref(struct filter *filter);
struct filter *filter_unref(struct filter *filter); /* NULL is fine, and is returned */

/* Somebody who waits for a filter; embedded in its owner, who sets ready(). */
struct filter_wait {
	/*
	 * Told once, from the event loop. The filter is the callee's to unref; NULL: there is none,
	 * and `reason` is a sentence about the profile, wait->error says what kind of failure.
	 */
	void (*ready)(struct filter_wait *wait, struct filter *filter, const char *reason);
	/*
	 * -EINVAL: the profile cannot be compiled, -E2BIG: not into so few instructions as the
	 * kernel takes, -ETIME: it takes too long; -EOPNOTSUPP: this machine lacks what it asks
	 * for; else hookd could not have it compiled.
	 */
	int error;
	struct filter_entry *entry;    /* NULL: it waits for nothing */
	TAILQ_ENTRY(filter_wait) link; /* filter_entry::waits */
};

int filter_cache_new(struct procs *procs, struct filter_cache **ret_cache) must_check;
/* Whoever still waits is not told any more. */
struct filter_cache *filter_cache_free(struct filter_cache *cache);

/*
 * 1: *ret_filter is there, the caller's to unref. 0: wait->ready() will be called. <0: neither, the
 * errors are those of a filter_wait, and *ret_reason is a sentence that holds until the next call.
 * Profiles are the same when their canonical texts are (hp_seccomp_write()). That one cannot be
 * compiled is remembered; one that took too long is tried again after a minute, and one that
 * failed for another reason at once.
 */
int filter_cache_get(struct filter_cache *cache, const struct hp_seccomp *profile,
		     struct filter_wait *wait, struct filter **ret_filter,
		     const char **ret_reason) must_check;

/* ready() is not called any more. Any time, also for one that waits for nothing. */
void filter_cache_forget(struct filter_wait *wait);
