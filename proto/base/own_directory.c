/* SPDX-License-Identifier: Apache-2.0 */

/* The default directory of hookd's socket, and whose a directory is. No state. */

#include "proto/base/own_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_root_of_host(void)
{
	struct stat st;

	return geteuid() == 0 &&
	       (stat("/proc/self/ns/user", &st) < 0 || st.st_ino == HP_INITIAL_USER_NAMESPACE);
}

/* user_namespaces(7): in each line the first number inside, the first one outside, and how many. */
static unsigned long find_outside(char *map, unsigned long inside)
{
	unsigned long first, outside, count;

	for (char *next = map; *next; next += *next == '\n') {
		first = strtoul(next, &next, 10);
		outside = strtoul(next, &next, 10);
		count = strtoul(next, &next, 10);
		if (inside - first < count)
			return outside + (inside - first);
		if (*next && *next != '\n')
			break;
	}
	return inside;
}

/* The caller's uid in the parent of its user namespace. */
static unsigned long outside_uid(void)
{
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char map[4096];
	ssize_t length = fd < 0 ? -1 : read(fd, map, sizeof(map) - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return geteuid();
	map[length] = '\0';
	return find_outside(map, geteuid());
}

static const char *find_base(bool trusts_environment, char *ret_path, size_t size)
{
	const char *base = trusts_environment ? secure_getenv("XDG_RUNTIME_DIR") : NULL;
	struct stat st;

	if (base && base[0] == '/')
		return base;
	(void)snprintf(ret_path, size, "/run/user/%lu", outside_uid());
	return stat(ret_path, &st) == 0 && S_ISDIR(st.st_mode) ? ret_path : NULL;
}

int hp_own_directory(bool trusts_environment, char *ret_path, size_t size)
{
	char user[64];
	const char *base =
	    is_root_of_host() ? NULL : find_base(trusts_environment, user, sizeof(user));
	int length = base ? snprintf(ret_path, size, "%s/hookd", base)
			  : snprintf(ret_path, size, "%s", HP_SYSTEM_DIRECTORY);

	return length < (int)size ? 0 : -ENAMETOOLONG;
}

int hp_own_directory_check(int fd, char *reason, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int r = -errno;

		(void)snprintf(reason, size, "cannot be examined: %s", strerror(-r));
		return r;
	}
	if (st.st_uid != geteuid()) {
		(void)snprintf(reason, size, "belongs to uid %u, not to uid %u", st.st_uid,
			       geteuid());
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		(void)snprintf(reason, size, "has mode %04o: nobody but its owner may write to it",
			       st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}
