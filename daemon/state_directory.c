/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, checks and locks the state directory. The files in it belong to the modules that write
 * them. Owner and mode are checked once, on the descriptor: only the owner could change them later.
 * No state.
 */
#include "daemon/state_directory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "daemon/holder.h"
#include "proto/base/own_directory.h"

#define LOCK "lock"

static int explain(char reason[static STATE_REASON_SIZE], int r, const char *what)
{
	assert(r < 0);
	snprintf(reason, STATE_REASON_SIZE, "%s: %s", what, strerror(-r));
	return r;
}

/* The lock file is empty, so one that is not hookd's is renamed without losing anything. */
static int open_lock(int directory)
{
	int fd = file_open_own(directory, LOCK, O_RDWR | O_CREAT);

	if (fd == -EILSEQ && file_set_aside(directory, LOCK, "bad", NULL) == 0)
		fd = file_open_own(directory, LOCK, O_RDWR | O_CREAT);
	return fd;
}

/*
 * Uses fcntl(2) locks, which belong to the process. A flock(2) belongs to the open file: a child
 * that has not exec'ed yet when hookd dies would keep it.
 */
static int lock(int directory, char reason[static STATE_REASON_SIZE])
{
	cleanup_close int fd = open_lock(directory);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char holder[HOLDER_SIZE];

	if (fd < 0)
		return explain(reason, fd, "has a file '" LOCK "' that cannot be opened");
	if (fcntl(fd, F_SETLK, &whole) == 0)
		return take_fd(&fd);
	if (errno != EAGAIN && errno != EACCES)
		return explain(reason, -errno, "cannot be locked");
	if (fcntl(fd, F_GETLK, &whole) < 0 || whole.l_type == F_UNLCK)
		whole.l_pid = 0;
	holder_describe(whole.l_pid, holder);
	snprintf(reason, STATE_REASON_SIZE,
		 "is in use by %s: stop that hookd, or choose another --state-dir", holder);
	return -EBUSY;
}

int state_directory_open(const char *path, char reason[static STATE_REASON_SIZE])
{
	cleanup_close int fd = -1;
	int r;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return explain(reason, -errno, "cannot be created");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return explain(reason, -errno, "cannot be opened");
	r = hp_own_directory_check(fd, reason, STATE_REASON_SIZE);
	return r < 0 ? r : lock(fd, reason);
}

static int move(int from, int to, const char *name, struct state_taken *taken)
{
	if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
		taken->moved++;
	else if (errno == EEXIST)
		taken->left++;
	else if (errno != ENOENT)
		return -errno;
	return 0;
}

/*
 * A database is moved before its journal. If hookd dies between the two, the next start moves the
 * journal before the database is opened.
 */
int state_directory_take_over(const char *from, const char *to, struct state_taken *ret_taken)
{
	static const char *const names[] = {
	    "holdings.db", "holdings.db-journal", "history.db", "history.db-journal", "runs",
	    "runs.old",	   "resctrl-groups"};
	cleanup_close int old = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int new = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	*ret_taken = (struct state_taken){0};
	if (old < 0 || new < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTS(names) && r == 0; i++)
		r = move(old, new, names[i], ret_taken);
	return r;
}
