/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a database's file before SQLite opens it (type, owner, mode), and renames it if it cannot
 * be used. No state.
 */
#include "daemon/database/database_file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/file.h"

#define NAME_SIZE (DATABASE_NAME_MAX + sizeof("-journal"))

/* The files that SQLite opens too. */
static const char *const suffixes[] = {"-journal", "-wal"};

static const char *companion(const char *name, size_t i, char text[static NAME_SIZE])
{
	assert(strlen(name) <= DATABASE_NAME_MAX);
	snprintf(text, NAME_SIZE, "%s%s", name, suffixes[i]);
	return text;
}

static bool has_companion(int directory, const char *name)
{
	char text[NAME_SIZE];
	struct stat st;

	for (size_t i = 0; i < ELEMENTS(suffixes); i++)
		if (fstatat(directory, companion(name, i, text), &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* Opening a FIFO would block hookd. */
static int check_companions(int directory, const char *name)
{
	char text[NAME_SIZE];
	int fd, r = 0;

	for (size_t i = 0; i < ELEMENTS(suffixes) && r == 0; i++) {
		r = fd = file_open_own(directory, companion(name, i, text), O_RDWR);
		close_fd(&fd);
		r = r >= 0 || r == -ENOENT ? 0 : r;
	}
	return r;
}

int database_file_check(int directory, const char *name)
{
	cleanup_close int fd = file_open_own(directory, name, O_RDWR);
	struct stat st;
	int r;

	if (fd == -ENOENT) {
		/* Without its file a journal is what a hookd has left that had a file. */
		if (has_companion(directory, name))
			return -EILSEQ;
		fd = file_open_own(directory, name, O_RDWR | O_CREAT | O_EXCL);
		return fd < 0 ? fd : 1;
	}
	r = fd < 0 ? fd : check_companions(directory, name);
	if (r == 0 && fstat(fd, &st) == 0 && st.st_size == 0)
		r = -EILSEQ;
	return r;
}

static int set_aside(int directory, const char *name)
{
	int r = file_set_aside(directory, name, "bad", NULL);

	return r == -ENOENT ? 0 : r;
}

int database_file_set_aside(int directory, const char *name)
{
	char text[NAME_SIZE];
	int r = set_aside(directory, name);

	for (size_t i = 0; i < ELEMENTS(suffixes) && r == 0; i++)
		r = set_aside(directory, companion(name, i, text));
	return r;
}

static int copy_file(int directory, const char *name, const char *copy)
{
	cleanup_close int from = file_open_own(directory, name, O_RDONLY);
	cleanup_close int to =
	    openat(directory, copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char bytes[16384];
	ssize_t length;

	if (from < 0 || to < 0)
		return from < 0 ? from : -errno;
	while ((length = read(from, bytes, sizeof(bytes))) > 0) {
		ssize_t written = write(to, bytes, (size_t)length);

		if (written != length)
			return written < 0 ? -errno : -ENOSPC;
	}
	return length < 0 ? -errno : 0;
}

int database_file_copy_aside(int directory, const char *name)
{
	char copy[NAME_SIZE];
	int r;

	snprintf(copy, sizeof(copy), "%s.copy", name);
	(void)unlinkat(directory, copy, 0);
	r = copy_file(directory, name, copy);
	if (r == 0)
		r = file_set_aside_as(directory, copy, name, "bad", NULL);
	if (r < 0)
		(void)unlinkat(directory, copy, 0);
	return r;
}

void database_file_take_back(int directory, const char *name)
{
	char text[NAME_SIZE];

	(void)unlinkat(directory, name, 0);
	for (size_t i = 0; i < ELEMENTS(suffixes); i++)
		(void)unlinkat(directory, companion(name, i, text), 0);
}

pid_t database_file_locker(const char *directory, const char *name)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_close int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;

	fd = directory_fd < 0 ? -1 : file_open_own(directory_fd, name, O_RDWR);
	return fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK ? whole.l_pid
										     : 0;
}
