/* SPDX-License-Identifier: Apache-2.0 */
/* The reserved room: taken, or given back. */
#include "daemon/records/reserve.h"

#include <fcntl.h>

#include "daemon/base/file.h"
#include "daemon/records/record_file.h"

#define NAME "runs.reserve"

int reserve_take(struct reserve *reserve, int directory)
{
	cleanup_close int fd = -1;

	if (reserve->fd >= 0)
		return 0;
	if (record_file_clear(directory, NAME) == 0)
		fd = file_open_own(directory, NAME, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0)
		return 0;
	(void)unlinkat(directory, NAME, 0);
	if (posix_fallocate(fd, 0, RESERVE_BYTES) == ENOSPC)
		return -ENOSPC;
	reserve->fd = take_fd(&fd);
	return 0;
}

bool reserve_give_back(struct reserve *reserve)
{
	bool was_taken = reserve->fd >= 0;

	close_fd(&reserve->fd);
	return was_taken;
}
