/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of kernfs files. It keeps nothing. */
#include "daemon/base/file.h"

#include <fcntl.h>
#include <string.h>

ssize_t file_read_at(int directory, const char *path, char *text, size_t size)
{
	cleanup_close int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t length = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	/* A page at a time is what the kernel gives. */
	while (got > 0 && length < size - 1) {
		got = read(fd, text + length, size - 1 - length);
		if (got < 0)
			return -errno;
		length += (size_t)got;
	}
	text[length] = '\0';
	return (ssize_t)length;
}

int file_write_at(int directory, const char *path, const char *text)
{
	cleanup_close int fd =
	    openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (length < 0)
		return -errno;
	return (size_t)length == strlen(text) ? 0 : -EIO;
}

int file_boot_id(char id[static 64])
{
	ssize_t length = file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, 64);

	if (length <= 0)
		return length < 0 ? (int)length : -EIO;
	id[strcspn(id, "\n")] = '\0';
	return 0;
}

long long file_keyed_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoll(line + length + 1, NULL, 10);
		if (!*line)
			break;
	}
	return -1;
}

uint64_t file_stat_field(const char *text, int number)
{
	const char *at = strrchr(text, ')');

	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}
