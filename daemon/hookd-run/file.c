/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files of /proc, whose size is not known before. No state. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/* Doubles the memory. NULL: out of memory, `text` was freed. */
static char *grow(char *text, size_t *size)
{
	char *more;

	*size = *size ? 2 * *size : 8192;
	more = realloc(text, *size);
	if (!more)
		free(text);
	return more;
}

char *file_read_whole(int directory, const char *path)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	size_t length = 0, size = 0;
	char *text = NULL;
	ssize_t n = 1;

	while (fd >= 0 && n > 0) {
		if (size - length < 2 && !(text = grow(text, &size))) {
			close(fd);
			errno = ENOMEM;
			return NULL;
		}
		n = read(fd, text + length, size - length - 1);
		length += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (fd < 0 || n < 0) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}
