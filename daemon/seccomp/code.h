/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>

#include "daemon/seccomp/calls.h"

/*
 * Classic BPF for seccomp(2), written forwards into a program of at most BPF_MAXINSNS. What goes
 * beyond is dropped and remembered, so that only the end needs to look.
 */
struct seccomp_code {
	struct sock_filter *instructions; /* room for BPF_MAXINSNS */
	size_t count;
	bool is_too_long;
};

int seccomp_code_init(struct seccomp_code *code) must_check; /* -ENOMEM */
void seccomp_code_clear(struct seccomp_code *code);

void seccomp_code_append(struct seccomp_code *code, const struct sock_filter *instructions,
			 size_t count);

/* Goes through the call's cases and ends in a return of every way. Loads what it looks at. */
void seccomp_code_cases(struct seccomp_code *code, const struct seccomp_call *call, bool is_64bit,
			uint32_t default_action);

/*
 * ENOSYS for calls of the listed architectures that are beyond the highest that the profile names;
 * the others fall through to the instruction after it. A profile knows nothing of calls newer than
 * itself, and programs take ENOSYS, but no EPERM, for a reason to use an older one.
 */
void seccomp_code_enosys(struct seccomp_code *code, const struct seccomp_calls *calls,
			 size_t count);
