/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Opens /dev/null for each of stdin, stdout and stderr that is closed. Otherwise the next
 * descriptor that is opened, a socket say, would get that number, and messages would go into it.
 * Negative on failure.
 */
static inline int open_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}
