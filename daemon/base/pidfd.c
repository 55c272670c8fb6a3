/* SPDX-License-Identifier: Apache-2.0 */
/* Opens pidfds and polls them. No state. */
#include "daemon/base/pidfd.h"

#include <assert.h>
#include <poll.h>
#include <sys/syscall.h>

int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* EINVAL, and ENOENT since Linux 6.9: the id of a thread, or no valid pid. */
	if (fd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

bool pidfd_is_alive(int pidfd)
{
	struct pollfd exit = {.fd = pidfd, .events = POLLIN};

	assert(pidfd >= 0); /* poll(2) ignores a negative descriptor: it would be alive for ever */
	return poll(&exit, 1, 0) == 0;
}
