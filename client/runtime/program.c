/* SPDX-License-Identifier: Apache-2.0 */

/* Which program the real runtime is. No state. */

#include "client/runtime/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_PREFIX   "hookd-"
#define OWN_NAME     "runtime"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *program_of_own_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash != NULL ? slash + 1 : argv0;

	if (strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) != 0)
		return NULL;
	name += strlen(OWN_PREFIX);
	return name[0] == '\0' || strcmp(name, OWN_NAME) == 0 ? NULL : name;
}

/* Where there is no /proc: the path that was executed, if it is still there. */
static bool stat_own_program(struct stat *ret)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	return stat("/proc/self/exe", ret) == 0 || (path != NULL && stat(path, ret) == 0);
}

/* Also by other names and through symbolic links. */
static bool is_own_program(const char *path)
{
	struct stat own, other;

	return stat_own_program(&own) && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

int program_count_start(void)
{
	const char *value = getenv(PROGRAM_DEPTH_VARIABLE);
	unsigned long depth = value != NULL ? strtoul(value, NULL, 10) : 0;
	char next[24];

	if (depth >= PROGRAM_DEPTH_MAX)
		return -ELOOP;
	snprintf(next, sizeof(next), "%lu", depth + 1);
	return setenv(PROGRAM_DEPTH_VARIABLE, next, 1) < 0 ? -errno : 0;
}

int program_find(const char *name, const char *path_variable, char ret_path[static PATH_MAX])
{
	const char *folder = path_variable != NULL ? path_variable : DEFAULT_PATH;
	int r = -ENOENT;

	if (strchr(name, '/') != NULL) {
		if (snprintf(ret_path, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENAMETOOLONG;
		return is_own_program(name) ? -ELOOP : 0;
	}
	for (; *folder != '\0'; folder += *folder == ':') {
		int length = (int)strcspn(folder, ":");
		int size = snprintf(ret_path, PATH_MAX, "%.*s/%s", length, folder, name);

		folder += length;
		if (size >= PATH_MAX || ret_path[0] != '/' || !is_program(ret_path))
			continue;
		if (!is_own_program(ret_path))
			return 0;
		r = -ELOOP;
	}
	return r;
}
