/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the list of mounts. No state. */
#include "daemon/base/mount.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* In mountinfo blanks, tabs, newlines and backslashes are written as "\040" and so on. */
static void decode_octal(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned int code;

		if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

struct mount_line {
	char *root, *point, *type, *options;
};

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE FS-OPTIONS */
static bool split(char *line, struct mount_line *ret)
{
	char *tail = strstr(line, " - "), *save = NULL;

	line[strcspn(line, "\n")] = '\0';
	if (!tail)
		return false;
	*tail = '\0';
	for (int i = 0; i < 3; i++)
		if (!strtok_r(i == 0 ? line : NULL, " ", &save))
			return false;
	ret->root = strtok_r(NULL, " ", &save);
	ret->point = strtok_r(NULL, " ", &save);
	ret->type = strtok_r(tail + 3, " ", &save);
	ret->options = strtok_r(NULL, " ", &save) ? strtok_r(NULL, " ", &save) : NULL;
	return ret->root && ret->point && ret->type && ret->options;
}

int mount_find(const char *type, char *ret_path, size_t path_size, char *ret_options,
	       size_t options_size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	struct mount_line mount;
	size_t size = 0;
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r == -ENOENT && getline(&line, &size, file) > 0) {
		if (!split(line, &mount) || strcmp(mount.type, type) != 0 ||
		    strcmp(mount.root, "/") != 0)
			continue;
		decode_octal(mount.point);
		r = snprintf(ret_path, path_size, "%s", mount.point) < (int)path_size
			? 0
			: -ENAMETOOLONG;
		if (ret_options)
			snprintf(ret_options, options_size, "%s", mount.options);
	}
	fclose(file);
	return r;
}
