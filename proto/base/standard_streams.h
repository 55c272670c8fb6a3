/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Opens /dev/null for each of stdin, stdout and stderr that is closed. Otherwise the next
 * descriptor that is opened, a socket say, would get that number, and messages would go into it.
 * With `flags` O_CLOEXEC they are closed again by an exec. Negative on failure.
 */
static inline int open_standard_streams_with(int flags)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", O_RDWR | flags) != fd)
			return -1;
	}
	return 0;
}

static inline int open_standard_streams(void)
{
	return open_standard_streams_with(0);
}
