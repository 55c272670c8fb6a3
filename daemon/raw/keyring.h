/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "daemon/raw/raw.h"

/*
 * Gives the calling process a new session keyring. Otherwise it would share that of hookd with all
 * other hooks (session-keyring(7)). 0 or -errno, and then the hook is not run.
 *
 * Two failures count as success, since the hook cannot read hookd's keys either: the kernel has no
 * keyrings (ENOSYS), or a seccomp filter refuses keyctl(2) altogether, even asking for the id of a
 * keyring; the hook inherits that filter. Everything else, such as an exhausted quota (EDQUOT), is
 * an error.
 */
static inline int keyring_join_new(void)
{
	long result = call2(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);

	if (result == -EPERM &&
	    call5(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == -EPERM)
		return 0;
	return result < 0 && result != -ENOSYS ? (int)result : 0;
}
