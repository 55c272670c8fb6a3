/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/settings/seccomp.h"

/*
 * A profile sorted by system calls, as one architecture numbers them, and what is to become of
 * each. A rule without tests decides a call whatever the others say, the first such rule of the
 * profile where there are several. Else the cases are gone through in their order, and the first
 * whose tests all hold decides; where none holds, it is the default action.
 */

#define SECCOMP_ARGS 6

struct seccomp_case {
	/* By ascending index, each index at most once; none that always holds. */
	struct hp_seccomp_arg args[SECCOMP_ARGS];
	size_t arg_count;
	uint32_t action; /* SECCOMP_RET_... */
	size_t position; /* among the rules of the call */
};

struct seccomp_call {
	int number; /* on the architecture; < 0: one of a family behind a multiplexer */
	int native; /* as seccomp_rule_add(3) wants it, on all architectures */
	bool is_unconditional;
	uint32_t action; /* where it is unconditional */
	struct seccomp_case *cases;
	size_t case_count, case_capacity;
};

struct seccomp_calls {
	uint32_t arch; /* SCMP_ARCH_... */
	bool is_64bit; /* its registers; else only the lower half of an argument counts */
	int highest;   /* number of a call that the profile names at all; 0: it names none */
	struct seccomp_call *calls;
	size_t count, capacity;
};

/*
 * `actions` has what becomes of each rule of the profile (SECCOMP_RET_...). Rules whose action is
 * that of the default are left out, as are names that libseccomp does not know. -ENOMEM.
 */
int seccomp_calls_read(const struct hp_seccomp *profile, const uint32_t *actions,
		       uint32_t default_action, uint32_t arch,
		       struct seccomp_calls *ret_calls) must_check;
void seccomp_calls_clear(struct seccomp_calls *calls);
