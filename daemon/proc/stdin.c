/* SPDX-License-Identifier: Apache-2.0 */
/* Creates the stdin of a hook. No state. */
#include "daemon/proc/stdin.h"

#include <fcntl.h>
#include <stdio.h>

#include "daemon/base/memfd.h"

/* A pipe holds at least one page, also beyond pipe-user-pages-soft (pipe(7)). */
#define PIPE_TAKES_BYTES 4096

static int fill_pipe(const char *state, size_t length)
{
	int ends[2], error;
	ssize_t written;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	written = write(ends[1], state, length);
	error = written < 0 ? errno : EIO;
	close(ends[1]);
	if (written == (ssize_t)length)
		return ends[0];
	close(ends[0]);
	return -error;
}

/* The memfd is opened again read-only, with offset 0. */
static int fill_memory(const char *state, size_t length)
{
	cleanup_close int fd = memfd_sealed("hook-state", state, length);
	char path[32];
	int reader;

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	return reader < 0 ? -errno : reader;
}

int stdin_open(const char *state, size_t length)
{
	return length <= PIPE_TAKES_BYTES ? fill_pipe(state, length) : fill_memory(state, length);
}
