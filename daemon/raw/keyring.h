/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "daemon/raw/raw.h"

/*
 * A session keyring of its own for the calling process, which it would otherwise share with hookd
 * and with all other hooks (session-keyring(7)). 0 or -errno: without one a hook is not run.
 *
 * There is nothing to protect where the kernel has no keys, and where a seccomp filter refuses both
 * this and the harmless question for a keyring's number: the hook is under the same filter. A quota
 * that is used up is an error, as is whatever else keeps the hook in hookd's keyring.
 */
static inline int keyring_join_new(void)
{
	long result = call2(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);

	if (result == -EPERM &&
	    call5(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == -EPERM)
		return 0;
	return result < 0 && result != -ENOSYS ? (int)result : 0;
}
