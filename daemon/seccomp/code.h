/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>

#include "daemon/seccomp/calls.h"

/*
 * Classic BPF for seccomp(2): a buffer of BPF_MAXINSNS instructions. Instructions beyond that are
 * dropped and set is_too_long, which the caller checks once, at the end.
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

/*
 * Appends the code for the call's cases: tries them in their order and returns the action of the
 * first that matches, or `default_action`. Loads each argument that it tests.
 */
void seccomp_code_cases(struct seccomp_code *code, const struct seccomp_call *call, bool is_64bit,
			uint32_t default_action);

/*
 * Appends code that returns ENOSYS for calls of the listed architectures above the highest number
 * that the profile names; other calls go on after it. Must be the first code of a program. A
 * profile does not know calls that are newer than itself, and programs fall back to an older call
 * at ENOSYS, but not at EPERM.
 */
void seccomp_code_enosys(struct seccomp_code *code, const struct seccomp_calls *calls,
			 size_t count);
