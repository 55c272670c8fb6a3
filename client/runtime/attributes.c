/* SPDX-License-Identifier: Apache-2.0 */

/* Extended attributes of a file that takes the place of another one. No state. */

#include "client/runtime/attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define ACCESS_LIST "system.posix_acl_access"

/* The kernel's bounds, XATTR_LIST_MAX and XATTR_SIZE_MAX. */
#define NAMES_SIZE (64 * 1024)
#define VALUE_SIZE (64 * 1024)

/* One copy, and what it needs to have in memory. */
struct copy {
	int from, to;
	char names[NAMES_SIZE];
	char value[VALUE_SIZE], present[VALUE_SIZE];
};

/* The kernel makes them itself, from the contents of the new file. */
static bool is_of_contents(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

/* One that is there already, a label say, may be one that nobody may write. */
static int copy_one(struct copy *copy, const char *name)
{
	ssize_t length = fgetxattr(copy->from, name, copy->value, sizeof(copy->value));
	ssize_t present;

	if (length < 0)
		return errno == ENODATA ? 0 : -errno;
	present = fgetxattr(copy->to, name, copy->present, sizeof(copy->present));
	if (present == length && memcmp(copy->present, copy->value, (size_t)length) == 0)
		return 0;
	return fsetxattr(copy->to, name, copy->value, (size_t)length, 0) < 0 ? -errno : 0;
}

static int copy_all(struct copy *copy, char *ret_name)
{
	ssize_t length = flistxattr(copy->from, copy->names, sizeof(copy->names));
	int r = 0;

	if (length < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = copy->names; name < copy->names + length && r == 0;
	     name += strlen(name) + 1) {
		if (is_of_contents(name))
			continue;
		r = copy_one(copy, name);
		if (r < 0)
			snprintf(ret_name, ATTRIBUTE_NAME_SIZE, "%.*s", ATTRIBUTE_NAME_SIZE - 1,
				 name);
	}
	return r;
}

int attributes_copy(int from, int to, char ret_name[static ATTRIBUTE_NAME_SIZE])
{
	struct copy *copy;
	ssize_t length = flistxattr(from, NULL, 0);
	int r;

	ret_name[0] = '\0';
	if (length == 0 || (length < 0 && errno == ENOTSUP))
		return 0;
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	copy->from = from;
	copy->to = to;
	r = copy_all(copy, ret_name);
	free(copy);
	return r;
}

int attributes_remove_list(int fd)
{
	if (fremovexattr(fd, ACCESS_LIST) == 0 || errno == ENODATA || errno == ENOTSUP)
		return 0;
	return -errno;
}
