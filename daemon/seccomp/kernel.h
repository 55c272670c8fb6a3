/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/seccomp.h"

/* What of seccomp(2) the running kernel has. Questions only; nothing is set. */

bool seccomp_kernel_knows_action(uint32_t action); /* SECCOMP_RET_... */

/*
 * The profile's flags as seccomp(2) takes them. TSYNC has no effect, since a process that is about
 * to exec has one thread. Where the profile says nothing, and where it says so, SPEC_ALLOW is set
 * if the kernel has it: without it a filter is stricter, not weaker. WAIT_KILLABLE_RECV is about
 * listeners, and left out without one. -EOPNOTSUPP with a sentence.
 */
int seccomp_kernel_flags(const struct hp_seccomp *profile, bool has_listener, uint32_t *ret_flags,
			 struct hp_err *err) must_check;
