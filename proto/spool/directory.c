/* SPDX-License-Identifier: Apache-2.0 */

/* Finds, makes and checks the directory of the spool. No state. */

#include "proto/spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/own_directory.h"

#define LEVELS_MAX 3

static int explain(char reason[static HP_SPOOL_REASON_SIZE], int r, const char *what)
{
	(void)snprintf(reason, HP_SPOOL_REASON_SIZE, "%s: %s", what, strerror(-r));
	return r;
}

int hp_spool_path(const char *socket, char *ret_path, size_t size)
{
	const char *name = strrchr(socket, '/');
	int length;

	if (!name)
		return -EINVAL;
	length = snprintf(ret_path, size, "%.*s/" HP_STATE_NAME "/" HP_SPOOL_NAME,
			  (int)(name - socket), socket);
	return length < (int)size ? 0 : -ENAMETOOLONG;
}

/* Ends `path` before its last component, and returns that. NULL: there is none. */
static char *cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path || !slash[1])
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* The outermost first. Errors show when the directory is opened. */
static void make_directories(const char *path, int levels)
{
	char ancestors[LEVELS_MAX][PATH_MAX];
	int count = 0;

	for (; count < levels && count < LEVELS_MAX; count++) {
		(void)snprintf(ancestors[count], PATH_MAX, "%s",
			       count == 0 ? path : ancestors[count - 1]);
		if (count > 0 && !cut_last(ancestors[count]))
			break;
	}
	while (count-- > 0)
		(void)mkdir(ancestors[count], count == 2 && geteuid() == 0 ? 0755 : 0700);
}

/* ENOTDIR is what open(2) returns for a symbolic link too. */
static int explain_open(char reason[static HP_SPOOL_REASON_SIZE], int r, const char *what)
{
	if (r != -ENOTDIR)
		return explain(reason, r, "cannot be opened");
	(void)snprintf(reason, HP_SPOOL_REASON_SIZE, "%s a symbolic link or not a directory", what);
	return r;
}

static int open_directory(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int hp_spool_open(const char *path, int levels, char reason[static HP_SPOOL_REASON_SIZE])
{
	char parent[PATH_MAX];
	int length = snprintf(parent, sizeof(parent), "%s", path), up, fd, r;
	char *name = length < (int)sizeof(parent) ? cut_last(parent) : NULL;

	if (!name)
		return explain(reason, -EINVAL, "is no path of a directory");
	make_directories(path, levels);
	up = open_directory(AT_FDCWD, parent);
	if (up < 0)
		return explain_open(reason, up, "is below what is");
	fd = open_directory(up, name);
	close(up);
	if (fd < 0)
		return explain_open(reason, fd, "is");
	r = hp_own_directory_check(fd, reason, HP_SPOOL_REASON_SIZE);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}
