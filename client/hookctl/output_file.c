/* SPDX-License-Identifier: Apache-2.0 */

/* Writes the file of --output, or stdout for "-". */

#include "client/hookctl/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/write_all.h"

bool output_file_is_stdout(const struct ctl *ctl)
{
	const char *path = ctl_option(ctl, OPTION_OUTPUT);

	return path != NULL && strcmp(path, "-") == 0;
}

int output_file_write(const struct ctl *ctl, const void *bytes, size_t length)
{
	const char *path = ctl_option(ctl, OPTION_OUTPUT);
	int fd = output_file_is_stdout(ctl)
		     ? dup(STDOUT_FILENO)
		     : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r;

	if (fd < 0)
		return ctl_usage("--output=%s: %s", path, strerror(errno));
	r = write_all(fd, bytes, length);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		return CTL_EXIT_OK;
	ctl_error("--output=%s: %s", path, strerror(-r));
	return CTL_EXIT_UNREACHABLE;
}
