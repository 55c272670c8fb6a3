/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/seccomp.h"

/* Queries what of seccomp(2) the running kernel supports; changes nothing. */

bool seccomp_kernel_knows_action(uint32_t action); /* SECCOMP_RET_... */

/*
 * Converts the profile's flags to those of seccomp(2). TSYNC is dropped: a process that is about to
 * exec has one thread. SPEC_ALLOW, which is also the default where the profile has no flags, is
 * dropped where the kernel lacks it: the filter is then stricter, not weaker. WAIT_KILLABLE_RECV is
 * dropped without a listener. -EOPNOTSUPP with a reason.
 */
int seccomp_kernel_flags(const struct hp_seccomp *profile, bool has_listener, uint32_t *ret_flags,
			 struct hp_err *err) must_check;
