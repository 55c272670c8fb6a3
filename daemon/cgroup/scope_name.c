/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the names of scopes and slices, and finds the paths of their cgroups. No state. */
#include <stdio.h>
#include <string.h>

#include "daemon/cgroup/scope.h"

#define DEFAULT_SLICE "system.slice"

/* The characters that systemd accepts in names of units, except "/". */
static bool is_name_part(const char *text, size_t length)
{
	static const char others[] = ":-_.\\@";

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !strchr(others, c))
			return false;
	}
	return true;
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

int scope_name_read(const char *cgroups_path, struct scope_name *ret_name, struct hp_err *err)
{
	const char *first = strchr(cgroups_path, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	const char *name = second ? second + 1 : "";
	struct scope_name parts = {.slice = DEFAULT_SLICE};
	int length;

	if (!second || strchr(name, ':') || !*name || strchr(cgroups_path, '/'))
		return hp_err_invalid(err, NULL, "must be of the form slice:prefix:name");
	if (ends_in(name, ".slice"))
		return hp_err_invalid(err, NULL,
				      "must not name a slice, which cannot have processes");
	if (!is_name_part(cgroups_path, strlen(cgroups_path)))
		return hp_err_invalid(err, NULL,
				      "has a character that is not valid in the name of a unit");
	length =
	    snprintf(parts.unit, sizeof(parts.unit), "%.*s%s%s.scope", (int)(second - first - 1),
		     first + 1, second > first + 1 ? "-" : "", name);
	if (length >= (int)sizeof(parts.unit) || first - cgroups_path >= (int)sizeof(parts.slice))
		return hp_err_invalid(err, NULL, "must not be longer than 255 bytes");
	if (first > cgroups_path)
		snprintf(parts.slice, sizeof(parts.slice), "%.*s", (int)(first - cgroups_path),
			 cgroups_path);
	if (!ends_in(parts.slice, ".slice"))
		return hp_err_invalid(err, NULL, "its first part must end in .slice");
	*ret_name = parts;
	return 0;
}

int scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size)
{
	const char *slice = strcmp(name->slice, "-.slice") == 0 ? "" : name->slice;
	size_t length = 0;

	for (const char *dash = slice; *dash && length < size; dash += *dash == '-') {
		bool is_last;

		dash += strcspn(dash, "-");
		is_last = *dash == '\0';
		length += (size_t)snprintf(ret_path + length, size - length, "/%.*s%s",
					   (int)(dash - slice), slice, is_last ? "" : ".slice");
	}
	if (length < size)
		length += (size_t)snprintf(ret_path + length, size - length, "/%s", name->unit);
	return length < size ? 0 : -ENAMETOOLONG;
}
