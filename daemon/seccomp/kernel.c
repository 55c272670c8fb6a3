/* SPDX-License-Identifier: Apache-2.0 */
/* Tests which actions and flags of seccomp(2) the kernel supports. No state. */
#include "daemon/seccomp/kernel.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* The five oldest are as old as filters themselves (Linux 3.5), and older than this query. */
bool seccomp_kernel_knows_action(uint32_t action)
{
	switch (action) {
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_ALLOW:
		return true;
	default:
		return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
	}
}

/* The kernel checks flags before the program, which is NULL here: EFAULT means they are valid. */
static bool kernel_takes_flags(unsigned long flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

int seccomp_kernel_flags(const struct hp_seccomp *profile, bool has_listener, uint32_t *ret_flags,
			 struct hp_err *err)
{
	uint32_t asked = profile->has_flags ? profile->flags : 1u << HP_SECCOMP_FLAG_SPEC_ALLOW;
	uint32_t flags = 0;

	if (asked & 1u << HP_SECCOMP_FLAG_LOG)
		flags |= SECCOMP_FILTER_FLAG_LOG;
	if (has_listener && asked & 1u << HP_SECCOMP_FLAG_WAIT_KILLABLE_RECV)
		flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (flags && !kernel_takes_flags(flags))
		return hp_err_setting(err, -EOPNOTSUPP, NULL,
				      "this kernel does not support all flags of the profile");
	flags &= ~SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (asked & 1u << HP_SECCOMP_FLAG_SPEC_ALLOW &&
	    kernel_takes_flags(SECCOMP_FILTER_FLAG_SPEC_ALLOW))
		flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	*ret_flags = flags;
	return 0;
}
