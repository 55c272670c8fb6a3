/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The architectures of a seccomp profile: the lists of both dialects, and docker's `archMap`, which
 * has for each machine the architectures that run on it.
 */

#include <assert.h>
#include <string.h>

#include "proto/json/mistakes.h"
#include "proto/settings/seccomp_tables.h"

/* ---- names of architectures ---- */

static int find_arch(struct hp_json_value value, enum hp_dialect dialect, uint32_t *ret,
		     struct hp_err *err)
{
	for (uint32_t i = 0; i < hp_seccomp_arch_count; i++) {
		const struct hp_seccomp_arch *arch = &hp_seccomp_archs[i];
		bool is_oci = dialect == HP_DIALECT_OCI;

		if (hp_json_equals(value, is_oci ? arch->oci : arch->libcontainer)) {
			*ret = i;
			return 0;
		}
	}
	return hp_err_invalid(err, NULL, "must be the name of an architecture, such as %s",
			      dialect == HP_DIALECT_OCI ? hp_seccomp_archs[0].oci
							: hp_seccomp_archs[0].libcontainer);
}

/* Adds an architecture, unless it is there already. */
static void add_arch(struct hp_seccomp *seccomp, uint32_t arch)
{
	for (size_t i = 0; i < seccomp->arch_count; i++) {
		if (seccomp->archs[i] == arch)
			return;
	}
	seccomp->archs[seccomp->arch_count++] = arch;
}

static int read_archs(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		      struct hp_seccomp *seccomp, struct hp_err *err)
{
	struct hp_json_value key, element;
	uint32_t arch = 0;
	size_t i = 0;

	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list of strings");
	if (hp_json_count(value) == 0)
		return 0;
	seccomp->archs = hp_arena_calloc(arena, hp_seccomp_arch_count, sizeof(*seccomp->archs));
	if (!seccomp->archs)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, element, value) {
		int r = find_arch(element, dialect, &arch, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i++), err);
		if (r < 0)
			return r;
		add_arch(seccomp, arch);
	}
	return 0;
}

static int read_oci_archs(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)field;
	return read_archs(value, HP_DIALECT_OCI, arena, object, err);
}

static int read_libcontainer_archs(const struct hp_field *field, struct hp_json_value value,
				   struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)field;
	return read_archs(value, HP_DIALECT_LIBCONTAINER, arena, object, err);
}

/* ---- docker's archMap: the machine's architecture and those that run on it ---- */

struct arch_of_map {
	uint32_t arch;
	struct hp_json_value sub_archs;
};

static int read_arch_name(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return find_arch(value, HP_DIALECT_OCI, hp_field_at(field, object), err);
}

static int read_sub_archs(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_seccomp checked = {0};

	*(struct hp_json_value *)hp_field_at(field, object) = value;
	return read_archs(value, HP_DIALECT_OCI, arena, &checked, err);
}

static const struct hp_field_type field_arch_name = {.read = read_arch_name};
static const struct hp_field_type field_sub_archs = {.read = read_sub_archs};

static const struct hp_field arch_of_map_fields[] = {
    HP_FIELD("architecture", field_arch_name, struct arch_of_map, arch, uint32_t,
	     .is_required = true),
    HP_FIELD("subArchitectures", field_sub_archs, struct arch_of_map, sub_archs,
	     struct hp_json_value),
};
static const struct hp_table arch_of_map = HP_TABLE(struct arch_of_map, arch_of_map_fields);

/* An entry for another machine is checked and not used. */
static int read_arch_of_map(struct hp_json_value value, struct hp_arena *arena,
			    struct hp_seccomp *seccomp, struct hp_err *err)
{
	size_t mistakes = hp_json_mistake_count(value);
	struct arch_of_map entry = {0};
	int r = hp_table_read(&arch_of_map, value, arena, &entry, err);

	if (r < 0 || hp_json_mistake_count(value) > mistakes)
		return r;
	if (!hp_seccomp_is_machine(entry.arch) || seccomp->arch_count > 0)
		return r;
	r = hp_json_is_absent(entry.sub_archs)
		? 0
		: read_archs(entry.sub_archs, HP_DIALECT_OCI, arena, seccomp, err);
	if (r == 0 && !seccomp->archs)
		seccomp->archs =
		    hp_arena_calloc(arena, hp_seccomp_arch_count, sizeof(*seccomp->archs));
	if (r == 0 && !seccomp->archs)
		return hp_err_no_memory(err);
	if (r == 0)
		add_arch(seccomp, entry.arch);
	return r;
}

static int read_arch_map(const struct hp_field *field, struct hp_json_value value,
			 struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_json_value key, element;
	size_t i = 0;

	(void)field;
	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list of objects");
	HP_JSON_FOREACH (key, element, value) {
		int r = read_arch_of_map(element, arena, object, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i++), err);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct hp_field_type hp_field_oci_archs = {.read = read_oci_archs};
const struct hp_field_type hp_field_libcontainer_archs = {.read = read_libcontainer_archs};
const struct hp_field_type hp_field_arch_map = {.read = read_arch_map};
