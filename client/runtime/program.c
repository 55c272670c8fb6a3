/* SPDX-License-Identifier: Apache-2.0 */

/* Which program the real runtime is. No state. */

#include "client/runtime/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

/* Also by other names and through symbolic links. */
static bool is_own_program(const char *path)
{
	struct stat own, other;

	return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
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
