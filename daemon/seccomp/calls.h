/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/settings/seccomp.h"

/*
 * The rules of a profile sorted by system call, with the call numbers of one architecture.
 *
 * A rule without tests of arguments makes a call unconditional: its action applies, whatever other
 * rules say; of several such rules the first one counts. Else the cases are tried in their order,
 * and the first one whose tests are all true decides; where none is, the default action applies.
 */

#define SECCOMP_ARGS 6

struct seccomp_case {
	/* By ascending index, each index at most once; tests that are always true are left out. */
	struct hp_seccomp_arg args[SECCOMP_ARGS];
	size_t arg_count;
	uint32_t action; /* SECCOMP_RET_... */
	size_t position; /* in the order of the profile */
};

struct seccomp_call {
	int number; /* on the architecture; < 0: libseccomp's number of a multiplexed call */
	int native; /* the native number, which seccomp_rule_add(3) takes on every architecture */
	bool is_unconditional;
	uint32_t action; /* where is_unconditional */
	struct seccomp_case *cases;
	size_t case_count, case_capacity;
};

struct seccomp_calls {
	uint32_t arch; /* SCMP_ARCH_... */
	bool is_64bit; /* its registers; else only the lower half of an argument is compared */
	int highest;   /* the highest number of all calls that the profile names; 0: none */
	struct seccomp_call *calls;
	size_t count, capacity;
};

/*
 * Sorts the rules. `actions` has the SECCOMP_RET_... of each rule of the profile. Rules with the
 * default action are left out, as are names that libseccomp does not know. The caller frees the
 * result by seccomp_calls_clear(). -ENOMEM.
 */
int seccomp_calls_read(const struct hp_seccomp *profile, const uint32_t *actions,
		       uint32_t default_action, uint32_t arch,
		       struct seccomp_calls *ret_calls) must_check;
void seccomp_calls_clear(struct seccomp_calls *calls);
