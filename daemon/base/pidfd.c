/* SPDX-License-Identifier: Apache-2.0 */
/* Holding a process, and looking whether it is still there. No state. */
#include "daemon/base/pidfd.h"

#include <poll.h>
#include <sys/syscall.h>

int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* EINVAL, and ENOENT since Linux 6.9: the number of a thread, or none at all. */
	if (fd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

bool pidfd_is_alive(int pidfd)
{
	struct pollfd exit = {.fd = pidfd, .events = POLLIN};

	return poll(&exit, 1, 0) == 0;
}
