/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed files in memory. No state. */
#include "daemon/base/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>

#define LENGTH_SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static int make(const char *name, const void *bytes, size_t length, int seals)
{
	cleanup_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t written = 0;

	if (fd < 0)
		return -errno;
	while (written < length) {
		ssize_t n = write(fd, (const char *)bytes + written, length - written);

		if (n < 0)
			return -errno;
		written += (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : take_fd(&fd);
}

int memfd_sealed(const char *name, const void *bytes, size_t length)
{
	return make(name, bytes, length, LENGTH_SEALS | F_SEAL_WRITE);
}

int memfd_filled(const char *name, const void *bytes, size_t length)
{
	return make(name, bytes, length, LENGTH_SEALS);
}
