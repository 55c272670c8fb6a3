/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes kernfs files, and opens hookd's own state files. Keeps the boot id, which is
 * read once: each change of holdings.db needs it.
 */
#include "daemon/base/file.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

ssize_t file_read_at(int directory, const char *path, char *text, size_t size)
{
	cleanup_close int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t length = 0;
	ssize_t got = 1;

	assert(size > 0);
	if (fd < 0)
		return -errno;
	/* The kernel returns at most a page at a time. */
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

int file_open_own(int directory, const char *name, int flags)
{
	cleanup_close int fd =
	    openat(directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;

	assert(!strchr(name, '/'));
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EILSEQ : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return -EILSEQ;
	if ((st.st_mode & 077) && fchmod(fd, 0600) < 0)
		return -errno;
	return take_fd(&fd);
}

#define ASIDE_MAX 9 /* more than two only where directories are in the way */

static void aside_name(char aside[static FILE_ASIDE_SIZE], const char *name, const char *suffix,
		       int number)
{
	if (number == 0)
		snprintf(aside, FILE_ASIDE_SIZE, "%s.%s", name, suffix);
	else
		snprintf(aside, FILE_ASIDE_SIZE, "%s.%s.%d", name, suffix, number);
}

/* The older of two files gives way. */
static void make_place(int directory, const char *name, const char *suffix)
{
	char older[FILE_ASIDE_SIZE], newer[FILE_ASIDE_SIZE];

	aside_name(older, name, suffix, 0);
	aside_name(newer, name, suffix, 1);
	if (faccessat(directory, older, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		(void)renameat(directory, newer, directory, older);
}

int file_set_aside_as(int directory, const char *name, const char *as, const char *suffix,
		      char ret_name[FILE_ASIDE_SIZE])
{
	char aside[FILE_ASIDE_SIZE];

	assert(!strchr(name, '/') && !strchr(as, '/') && !strchr(suffix, '/'));
	if (faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	make_place(directory, as, suffix);
	for (int i = 0; i <= ASIDE_MAX; i++) {
		aside_name(aside, as, suffix, i);
		if (renameat2(directory, name, directory, aside, RENAME_NOREPLACE) < 0) {
			if (errno != EEXIST)
				return -errno;
			continue;
		}
		if (ret_name)
			memcpy(ret_name, aside, sizeof(aside));
		return 0;
	}
	return -EEXIST;
}

int file_set_aside(int directory, const char *name, const char *suffix,
		   char ret_name[FILE_ASIDE_SIZE])
{
	return file_set_aside_as(directory, name, name, suffix, ret_name);
}

int file_boot_id(char id[static 64])
{
	static char known[64];
	ssize_t length;

	if (!known[0]) {
		length =
		    file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", known, sizeof(known));
		if (length <= 0)
			return length < 0 ? (int)length : -EIO;
		known[strcspn(known, "\n")] = '\0';
	}
	memcpy(id, known, sizeof(known));
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

	assert(number > 2); /* the pid and the command come before */
	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}
