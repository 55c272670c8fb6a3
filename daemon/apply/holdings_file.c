/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks holdings.db before SQLite opens it (type, owner, mode), and renames it if it cannot be
 * used. No state.
 */
#include "daemon/apply/holdings_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/apply/holdings.h"
#include "daemon/base/file.h"

/* The files that SQLite opens too. */
static const char *const companions[] = {HOLDINGS_FILE "-journal", HOLDINGS_FILE "-wal"};

static bool has_companion(int directory)
{
	struct stat st;

	for (size_t i = 0; i < ELEMENTS(companions); i++)
		if (fstatat(directory, companions[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* Opening a FIFO would block hookd. */
static int check_companions(int directory)
{
	int fd, r = 0;

	for (size_t i = 0; i < ELEMENTS(companions) && r == 0; i++) {
		r = fd = file_open_own(directory, companions[i], O_RDWR);
		close_fd(&fd);
		r = r >= 0 || r == -ENOENT ? 0 : r;
	}
	return r;
}

int holdings_file_check(int directory)
{
	cleanup_close int fd = file_open_own(directory, HOLDINGS_FILE, O_RDWR);
	struct stat st;
	int r;

	if (fd == -ENOENT) {
		/* Without its file a journal is what a hookd has left that had holdings. */
		if (has_companion(directory))
			return -EILSEQ;
		fd = file_open_own(directory, HOLDINGS_FILE, O_RDWR | O_CREAT | O_EXCL);
		return fd < 0 ? fd : 1;
	}
	r = fd < 0 ? fd : check_companions(directory);
	if (r == 0 && fstat(fd, &st) == 0 && st.st_size == 0)
		r = -EILSEQ;
	return r;
}

int holdings_file_set_aside(int directory)
{
	static const char *const names[] = {HOLDINGS_FILE, HOLDINGS_FILE "-journal",
					    HOLDINGS_FILE "-wal"};
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(names) && r == 0; i++) {
		r = file_set_aside(directory, names[i], "bad", NULL);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

#define COPY HOLDINGS_FILE ".copy"

static int copy_file(int directory)
{
	cleanup_close int from = file_open_own(directory, HOLDINGS_FILE, O_RDONLY);
	cleanup_close int to =
	    openat(directory, COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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

int holdings_file_copy_aside(int directory)
{
	int r;

	(void)unlinkat(directory, COPY, 0);
	r = copy_file(directory);
	if (r == 0)
		r = file_set_aside_as(directory, COPY, HOLDINGS_FILE, "bad", NULL);
	if (r < 0)
		(void)unlinkat(directory, COPY, 0);
	return r;
}

void holdings_file_take_back(int directory)
{
	(void)unlinkat(directory, HOLDINGS_FILE, 0);
	for (size_t i = 0; i < ELEMENTS(companions); i++)
		(void)unlinkat(directory, companions[i], 0);
}

pid_t holdings_locker(const char *directory)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_close int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;

	fd = directory_fd < 0 ? -1 : file_open_own(directory_fd, HOLDINGS_FILE, O_RDWR);
	return fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK ? whole.l_pid
										     : 0;
}
