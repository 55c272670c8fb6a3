/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Objects, lists and maps by tables: reads each member of a value by the type of its row, and walks
 * the rows of a table to write the members that are set. field_types.c has the types of single
 * values; seccomp_json.c, resources_*.c and settings_*.c have the tables.
 */

#include "proto/settings/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *pointer_at(const struct hp_field *field, const void *object)
{
	void *pointer;

	memcpy(&pointer, hp_field_const_at(field, object), sizeof(pointer));
	return pointer;
}

static void set_pointer(const struct hp_field *field, void *object, void *pointer)
{
	memcpy(hp_field_at(field, object), &pointer, sizeof(pointer));
}

static size_t *count_at(const struct hp_field *field, void *object)
{
	return (size_t *)((char *)object + field->count_offset);
}

static size_t get_count(const struct hp_field *field, const void *object)
{
	return *(const size_t *)((const char *)object + field->count_offset);
}

/* ---- objects ---- */

/* Writers usually keep the order of a table, so the search starts after the row found last. */
static size_t find_field(const struct hp_table *table, struct hp_json_value key, size_t first)
{
	for (size_t i = first; i < table->count; i++) {
		if (hp_json_equals(key, table->fields[i].key))
			return i;
	}
	for (size_t i = 0; i < first; i++) {
		if (hp_json_equals(key, table->fields[i].key))
			return i;
	}
	return table->count;
}

static int require_fields(const struct hp_table *table, uint64_t seen, struct hp_json_value value,
			  struct hp_err *err)
{
	int r = 0;

	for (size_t i = 0; i < table->count && r == 0; i++) {
		if (table->fields[i].is_required && !(seen & 1ull << i))
			r = hp_json_go_on(
			    value, hp_err_invalid(err, table->fields[i].key, "is required"), err);
	}
	return r;
}

static int read_members(const struct hp_table *table, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_json_value key, member;
	uint64_t seen = 0;
	size_t next = 0;

	if (hp_json_type(value) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, value.json ? "must be an object" : "is required");
	HP_JSON_FOREACH (key, member, value) {
		size_t i = find_field(table, key, next);
		const struct hp_field *field = &table->fields[i];
		int r;

		if (hp_json_is_absent(member))
			continue;
		if (i == table->count) {
			r = hp_table_refuse_unknown(table, key, err);
		} else {
			r = field->type->read(field, member, arena, object, err);
			r = hp_err_prefix(err, r, field->key);
			seen |= 1ull << i;
			next = i + 1;
		}
		r = hp_json_go_on(value, r, err);
		if (r < 0)
			return r;
	}
	return require_fields(table, seen, value, err);
}

/*
 * `mistakes`: how many there were before the object, or before the list that it is in. The check
 * looks at all of them.
 */
static int read_checked(const struct hp_table *table, struct hp_json_value value,
			struct hp_arena *arena, void *object, const void *first, size_t mistakes,
			struct hp_err *err)
{
	int r;

	if (table->is_value)
		r = table->fields->type->read(table->fields, value, arena, object, err);
	else
		r = read_members(table, value, arena, object, err);
	if (r == 0 && table->check && hp_json_mistake_count(value) == mistakes)
		r = table->check(object, first, err);
	return r;
}

int hp_table_check_names(const struct hp_table *table, struct hp_json_value value,
			 struct hp_err *err)
{
	struct hp_json_value key, member;
	int r = 0;

	HP_JSON_FOREACH (key, member, value) {
		if (r == 0 && !hp_json_is_absent(member) &&
		    find_field(table, key, 0) == table->count)
			r = hp_json_go_on(value, hp_table_refuse_unknown(table, key, err), err);
	}
	return r;
}

int hp_table_read(const struct hp_table *table, struct hp_json_value value, struct hp_arena *arena,
		  void *object, struct hp_err *err)
{
	return read_checked(table, value, arena, object, object, hp_json_mistake_count(value), err);
}

static bool is_written(const struct hp_field *field, const void *object)
{
	if (field->is_old)
		return false;
	return field->is_required || field->is_always_written || field->type->is_set(field, object);
}

static int write_members(const struct hp_table *table, struct hp_json_writer *writer,
			 const void *object, struct hp_err *err)
{
	hp_json_begin(writer, '{');
	for (size_t i = 0; i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];
		int r;

		if (!is_written(field, object))
			continue;
		hp_json_key(writer, field->key);
		r = field->type->write(field, writer, object, err);
		if (r < 0)
			return hp_err_prefix(err, r, field->key);
	}
	hp_json_end(writer, '}');
	return 0;
}

int hp_table_write(const struct hp_table *table, struct hp_json_writer *writer, const void *object,
		   struct hp_err *err)
{
	if (table->is_value)
		return table->fields->type->write(table->fields, writer, object, err);
	return write_members(table, writer, object, err);
}

/* ---- one object in another ---- */

static int read_group(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	return hp_table_read(field->table, value, arena, hp_field_at(field, object), err);
}

static bool is_group_set(const struct hp_field *field, const void *object)
{
	const struct hp_table *table = field->table;

	for (size_t i = 0; i < table->count; i++) {
		if (table->fields[i].type->is_set(&table->fields[i],
						  hp_field_const_at(field, object)))
			return true;
	}
	return false;
}

static int write_group(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	return hp_table_write(field->table, writer, hp_field_const_at(field, object), err);
}

static int read_struct(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	int r = read_group(field, value, arena, object, err);

	if (r == 0)
		*(bool *)hp_field_at(field, object) = true;
	return r;
}

static bool is_struct_set(const struct hp_field *field, const void *object)
{
	return *(const bool *)hp_field_const_at(field, object);
}

static int read_pointer(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	void *target = hp_arena_calloc(arena, 1, field->table->size);
	int r;

	if (!target)
		return hp_err_no_memory(err);
	r = hp_table_read(field->table, value, arena, target, err);
	if (r == 0)
		set_pointer(field, object, target);
	return r;
}

static bool is_pointer_set(const struct hp_field *field, const void *object)
{
	return pointer_at(field, object) != NULL;
}

static int write_pointer(const struct hp_field *field, struct hp_json_writer *writer,
			 const void *object, struct hp_err *err)
{
	return hp_table_write(field->table, writer, pointer_at(field, object), err);
}

/* ---- lists ---- */

static int check_container(const struct hp_field *field, struct hp_json_value value,
			   enum hp_json_type type, struct hp_err *err)
{
	if (hp_json_type(value) != type)
		return hp_err_invalid(
		    err, NULL, type == HP_JSON_ARRAY ? "must be a list" : "must be an object");
	if (hp_json_count(value) > field->max)
		return hp_err_invalid(err, NULL, "must not have more than %u elements",
				      (unsigned int)field->max);
	return 0;
}

static int read_element(const struct hp_table *table, struct hp_json_value value,
			struct hp_arena *arena, char *element, const void *first, size_t mistakes,
			struct hp_err *err)
{
	if (table->initial)
		memcpy(element, table->initial, table->size);
	return read_checked(table, value, arena, element, first, mistakes, err);
}

static int read_elements(const struct hp_field *field, struct hp_json_value value,
			 struct hp_arena *arena, void *elements, size_t *ret_count,
			 struct hp_err *err)
{
	struct hp_json_value key, element;
	size_t count = 0, mistakes = hp_json_mistake_count(value);

	HP_JSON_FOREACH (key, element, value) {
		int r = read_element(field->table, element, arena,
				     (char *)elements + count * field->table->size, elements,
				     mistakes, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, count), err);
		if (r < 0)
			return r;
		count++;
	}
	*ret_count = count;
	return 0;
}

static int read_list(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	void *elements;
	int r = check_container(field, value, HP_JSON_ARRAY, err);

	if (r < 0 || hp_json_count(value) == 0)
		return r;
	elements = hp_arena_calloc(arena, hp_json_count(value), field->table->size);
	if (!elements)
		return hp_err_no_memory(err);
	r = read_elements(field, value, arena, elements, count_at(field, object), err);
	if (r == 0)
		set_pointer(field, object, elements);
	return r;
}

static int read_array(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	int r = check_container(field, value, HP_JSON_ARRAY, err);

	if (r < 0)
		return r;
	return read_elements(field, value, arena, hp_field_at(field, object),
			     count_at(field, object), err);
}

static bool is_list_set(const struct hp_field *field, const void *object)
{
	return get_count(field, object) > 0;
}

static int write_elements(const struct hp_field *field, struct hp_json_writer *writer,
			  const char *elements, size_t count, struct hp_err *err)
{
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < count; i++) {
		int r =
		    hp_table_write(field->table, writer, elements + i * field->table->size, err);

		if (r < 0)
			return hp_err_prefix_index(err, r, i);
	}
	hp_json_end(writer, ']');
	return 0;
}

static int write_list(const struct hp_field *field, struct hp_json_writer *writer,
		      const void *object, struct hp_err *err)
{
	return write_elements(field, writer, pointer_at(field, object), get_count(field, object),
			      err);
}

static int write_array(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	return write_elements(field, writer, hp_field_const_at(field, object),
			      get_count(field, object), err);
}

/* ---- maps ---- */

static char *key_of(const char *element)
{
	char *key;

	memcpy(&key, element, sizeof(key));
	return key;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(key_of(a), key_of(b));
}

static int read_entry(const struct hp_field *field, struct hp_json_value key,
		      struct hp_json_value value, struct hp_arena *arena, char *element,
		      struct hp_err *err)
{
	char *name;
	int r = hp_json_get_string(key, arena, &name, err);

	if (r < 0)
		return r;
	r = field->check_text(name, err);
	if (r == 0)
		r = read_element(field->table, value, arena, element, element,
				 hp_json_mistake_count(value), err);
	if (r < 0)
		return hp_err_prefix(err, r, name);
	memcpy(element, &name, sizeof(name));
	return 0;
}

static int read_map(const struct hp_field *field, struct hp_json_value value,
		    struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_json_value key, entry;
	size_t size = field->table->size, count = 0;
	char *elements;
	int r = check_container(field, value, HP_JSON_OBJECT, err);

	if (r < 0 || hp_json_count(value) == 0)
		return r;
	elements = hp_arena_calloc(arena, hp_json_count(value), size);
	if (!elements)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, entry, value) {
		char *element = elements + count * size;

		r = hp_json_go_on(value, read_entry(field, key, entry, arena, element, err), err);
		if (r < 0)
			return r;
		count += key_of(element) != NULL;
	}
	qsort(elements, count, size, compare_keys);
	set_pointer(field, object, elements);
	*count_at(field, object) = count;
	return 0;
}

static int write_map(const struct hp_field *field, struct hp_json_writer *writer,
		     const void *object, struct hp_err *err)
{
	const char *elements = pointer_at(field, object);

	hp_json_begin(writer, '{');
	for (size_t i = 0; i < get_count(field, object); i++) {
		const char *element = elements + i * field->table->size;
		int r;

		hp_json_put_key(writer, key_of(element));
		r = hp_table_write(field->table, writer, element, err);
		if (r < 0)
			return hp_err_prefix(err, r, key_of(element));
	}
	hp_json_end(writer, '}');
	return 0;
}

const struct hp_field_type hp_field_group = {read_group, is_group_set, write_group};
const struct hp_field_type hp_field_struct = {read_struct, is_struct_set, write_group};
const struct hp_field_type hp_field_pointer = {read_pointer, is_pointer_set, write_pointer};
const struct hp_field_type hp_field_list = {read_list, is_list_set, write_list};
const struct hp_field_type hp_field_array = {read_array, is_list_set, write_array};
const struct hp_field_type hp_field_map = {read_map, is_list_set, write_map};
