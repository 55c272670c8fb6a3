/* SPDX-License-Identifier: Apache-2.0 */

/* The shim that a config names: where it is, and what its options may be. No state. */

#include "client/delegate/shim.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/json/json_writer.h"

#define DEFAULT_SHIM HOOKD_LIBEXECDIR "/hookd/" SHIM_NAME

char *shim_find(void)
{
	char self[PATH_MAX], *path, *shim;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length <= 0)
		return strdup(DEFAULT_SHIM);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	if (asprintf(&path, "%s/%s/hookd/" SHIM_NAME, self, HOOKD_TO_LIBEXEC) < 0)
		return NULL;
	shim = realpath(path, NULL);
	free(path);
	return shim != NULL ? shim : strdup(DEFAULT_SHIM);
}

int shim_check(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0 ? 0 : -EACCES;
}

bool shim_has_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && strcmp(slash + 1, SHIM_NAME) == 0;
}

bool shim_is_path(const char *text)
{
	return text[0] == '/' && text[strlen(text) - 1] != '/' &&
	       hp_json_is_text(text, strlen(text));
}

bool shim_is_address(const char *text)
{
	return strncmp(text, "unix:/", 6) == 0 && hp_json_is_text(text, strlen(text));
}
