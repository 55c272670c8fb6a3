/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the resources of both dialects share: checks of texts that become names or contents of
 * cgroup files, and the access of a device rule. resources_oci.c and resources_libcontainer.c have
 * the tables.
 */

#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_tables.h"

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

/* config-linux.md: ^[1-9][0-9]*[KMG]B$; it becomes a part of a file name. */
int hp_check_page_size(const char *text, struct hp_err *err)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;

	if (digits == 0 || digits > 19 || text[0] == '0' || strlen(unit) != 2 || unit[1] != 'B' ||
	    !strchr("KMG", unit[0]))
		return hp_err_invalid(err, NULL, "must be a size such as 64KB, 2MB or 1GB");
	return 0;
}

/* A list of CPUs or nodes; the kernel (bitmap_parselist()) checks its grammar. */
int hp_check_cpu_list(const char *text, struct hp_err *err)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return hp_err_invalid(err, NULL, "must be a list such as 0-3,7");
	}
	return 0;
}

/*
 * The only files that begin with "cgroup." and may be written. The others move, freeze or kill
 * processes, change the type of the cgroup, or are no limit (cgroup.pressure).
 */
static bool is_limit(const char *file)
{
	if (strcmp(file, "cgroup.max.depth") == 0 || strcmp(file, "cgroup.max.descendants") == 0)
		return true;
	/* memory.reclaim is a command, and one that blocks. */
	return strncmp(file, "cgroup.", strlen("cgroup.")) != 0 &&
	       strcmp(file, "memory.reclaim") != 0;
}

int hp_check_unified_file(const char *text, struct hp_err *err)
{
	const char *dot = strchr(text, '.');
	int r = hp_check_file_name(text, err);

	if (r < 0)
		return r;
	if (!dot || dot == text)
		return hp_err_invalid(err, NULL, "must be the name of a controller's file");
	if (!is_limit(text))
		return hp_err_invalid(err, NULL, "must not be written: it is not a limit");
	return 0;
}

/* The lines of a file, which are written one by one. */
int hp_check_unified_value(const char *text, struct hp_err *err)
{
	for (; *text; text++) {
		if (((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f)
			return hp_err_invalid(err, NULL, "must not have control characters");
	}
	return 0;
}

/* ---- memory ---- */

/* Older engines write -1 for a swappiness that is not set. */
static int read_swappiness(const struct hp_field *field, struct hp_json_value value,
			   struct hp_arena *arena, void *object, struct hp_err *err)
{
	int64_t number;
	struct hp_err ignored;

	if (hp_json_get_int64(value, -1, -1, &number, &ignored) == 0)
		return 0;
	return hp_field_uint.read(field, value, arena, object, err);
}

static bool is_swappiness_set(const struct hp_field *field, const void *object)
{
	return hp_field_uint.is_set(field, object);
}

static int write_swappiness(const struct hp_field *field, struct hp_json_writer *writer,
			    const void *object, struct hp_err *err)
{
	return hp_field_uint.write(field, writer, object, err);
}

const struct hp_field_type hp_field_swappiness = {read_swappiness, is_swappiness_set,
						  write_swappiness};

/* config-linux.md: `swap` is memory and swap together. 0: unset. */
int hp_check_swap(const struct hp_memory *memory, const char *swap, const char *limit,
		  struct hp_err *err)
{
	if (memory->swap.value <= 0 || memory->limit.value == -1)
		return 0;
	if (memory->limit.value == 0)
		return hp_err_invalid(err, swap, "needs %s to be set", limit);
	if (memory->swap.value < memory->limit.value)
		return hp_err_invalid(err, swap, "is memory and swap: must not be less than %s",
				      limit);
	return 0;
}

/* ---- weights of block I/O ---- */

static int read_io_weight(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_uint *weight = hp_field_at(field, object);
	int r = hp_json_get_uint64(value, 0, HP_IO_WEIGHT_MAX, &weight->value, err);

	(void)arena;
	if (r == 0 && weight->value > 0 && weight->value < HP_IO_WEIGHT_MIN)
		r = hp_err_invalid(err, NULL, "must be from %d to %d, or 0 for not set",
				   HP_IO_WEIGHT_MIN, HP_IO_WEIGHT_MAX);
	weight->is_set = r == 0;
	return r;
}

const struct hp_field_type hp_field_io_weight = {.read = read_io_weight};

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
			return hp_err_invalid(err, NULL, "must consist of the letters r, w and m");
		access |= 1u << (letter - access_letters);
	}
	/* runc refuses a rule without access; runtime-spec does not define one. */
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
