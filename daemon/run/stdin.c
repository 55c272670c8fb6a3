/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor that becomes a hook's stdin. Called by proc.c. */
#include "daemon/run/stdin.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* An empty pipe takes a page without blocking, even when pipes are short of memory (pipe(7)). */
#define PIPE_TAKES_BYTES 4096

static int fill_pipe(const char *state, size_t length)
{
	int ends[2];
	ssize_t written;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	written = write(ends[1], state, length);
	close(ends[1]);
	if (written == (ssize_t)length)
		return ends[0];
	close(ends[0]);
	return -EIO;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Opened anew, so that it is read from the start, and only read. */
static int fill_memory(const char *state, size_t length)
{
	cleanup_close int fd = memfd_create("hook-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];
	int r, reader;

	if (fd < 0)
		return -errno;
	r = write_all(fd, state, length);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	return reader < 0 ? -errno : reader;
}

int stdin_open(const char *state, size_t length)
{
	return length <= PIPE_TAKES_BYTES ? fill_pipe(state, length) : fill_memory(state, length);
}
