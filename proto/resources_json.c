/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What both dialects' resources have in common: the checks of texts that become files of a cgroup,
 * or what is written to them, and the access of a device rule. resources_oci.c and
 * resources_libcontainer.c have the tables.
 */

#include <string.h>

#include "proto/limits.h"
#include "proto/settings_tables.h"

bool hp_resources_is_empty(const struct hp_resources *resources)
{
	static const struct hp_resources nothing;

	return memcmp(resources, &nothing, sizeof(nothing)) == 0;
}

/* ---- texts ---- */

static bool has_dot_dot(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2) {
		if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
			return true;
	}
	return false;
}

int hp_check_cgroups_path(const char *text, struct hp_err *err)
{
	if (has_dot_dot(text))
		return hp_err_invalid(err, NULL, "must not lead out of the cgroup tree");
	return hp_check_line(text, err);
}

/* config-linux.md: ^[1-9][0-9]*[KMG]B$; it becomes a part of a file's name. */
int hp_check_page_size(const char *text, struct hp_err *err)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;

	if (digits == 0 || digits > 19 || text[0] == '0' || strlen(unit) != 2 || unit[1] != 'B' ||
	    !strchr("KMG", unit[0]))
		return hp_err_invalid(err, NULL, "must be a size such as 64KB, 2MB or 1GB");
	return 0;
}

/* They move, freeze or kill processes, or change what the cgroup is; none of them is a limit. */
static const char *const files_that_are_no_limits[] = {
    "cgroup.procs",	      "cgroup.threads", "cgroup.kill",
    "cgroup.subtree_control", "cgroup.freeze",	"cgroup.type",
};

int hp_check_unified_file(const char *text, struct hp_err *err)
{
	for (size_t i = 0;
	     i < sizeof(files_that_are_no_limits) / sizeof(files_that_are_no_limits[0]); i++) {
		if (strcmp(text, files_that_are_no_limits[i]) == 0)
			return hp_err_invalid(err, NULL, "must not be written: it is no limit");
	}
	return hp_check_file_name(text, err);
}

/* ---- devices ---- */

int hp_weight_device_check(void *object, const void *first, struct hp_err *err)
{
	const struct hp_weight_device *device = object;

	(void)first;
	if (!device->weight.is_set && !device->leaf_weight.is_set)
		return hp_err_invalid(err, "weight", "is required where there is no leafWeight");
	return 0;
}

static const char access_letters[] = "rwm";

static int read_access(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	unsigned int access = 0;
	char *text;
	int r = hp_json_get_string(value, arena, &text, err);

	if (r < 0)
		return r;
	for (; *text; text++) {
		const char *letter = strchr(access_letters, *text);

		if (!letter)
			return hp_err_invalid(err, NULL, "must be of the letters r, w and m");
		access |= 1u << (letter - access_letters);
	}
	/* runc refuses a rule without any, runtime-spec does not say what it would mean. */
	if (access == 0 && field->is_required)
		return hp_err_invalid(err, NULL, "must not be empty");
	*(unsigned int *)hp_field_at(field, object) = access;
	return 0;
}

static bool is_access_set(const struct hp_field *field, const void *object)
{
	return *(const unsigned int *)hp_field_const_at(field, object) != 0;
}

static int write_access(const struct hp_field *field, struct hp_json_writer *writer,
			const void *object, struct hp_err *err)
{
	unsigned int access = *(const unsigned int *)hp_field_const_at(field, object);
	char text[sizeof(access_letters)];
	size_t length = 0;

	(void)err;
	for (size_t i = 0; access_letters[i]; i++) {
		if (access & 1u << i)
			text[length++] = access_letters[i];
	}
	hp_json_put_bytes(writer, text, length);
	return 0;
}

const struct hp_field_type hp_field_device_access = {read_access, is_access_set, write_access};
