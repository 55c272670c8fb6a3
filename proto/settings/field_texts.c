/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The types of texts and names in the tables of fields.h, and what texts are checked for. Most of
 * these texts end up in a file of the kernel, where a line break would start another command.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/fields.h"

/* ---- texts ---- */

static int check_text(const struct hp_field *field, const char *text, struct hp_err *err)
{
	size_t length = strlen(text);

	if (length == 0)
		return hp_err_invalid(err, NULL, "must not be empty");
	if (length > field->max)
		return hp_err_invalid(err, NULL, "must not be longer than %u bytes",
				      (unsigned int)field->max);
	return field->check_text ? field->check_text(text, err) : 0;
}

/* Go writes an unset text as "". */
static int read_text(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	char *text;
	int r;

	if (field->min == 0 && !field->is_required && hp_json_equals(value, ""))
		return 0;
	r = hp_json_get_string(value, arena, &text, err);
	if (r == 0)
		r = check_text(field, text, err);
	if (r == 0)
		*(char **)hp_field_at(field, object) = text;
	return r;
}

static bool is_text_set(const struct hp_field *field, const void *object)
{
	return *(char *const *)hp_field_const_at(field, object) != NULL;
}

static int write_text(const struct hp_field *field, struct hp_json_writer *writer,
		      const void *object, struct hp_err *err)
{
	const char *text = *(char *const *)hp_field_const_at(field, object);

	(void)err;
	hp_json_put_string(writer, text ? text : "");
	return 0;
}

static int read_texts(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_field element = {.max = HP_PATH_BYTES_MAX, .check_text = field->check_text};
	char **texts;
	int r = hp_json_get_strings(value, arena, field->max, &texts, err);

	if (r < 0)
		return r;
	for (size_t i = 0; texts[i]; i++) {
		r = check_text(&element, texts[i], err);
		if (r < 0)
			return hp_err_prefix_index(err, r, i);
	}
	if (field->is_required && !texts[0])
		return hp_err_invalid(err, NULL, "must not be empty");
	if (texts[0])
		*(char ***)hp_field_at(field, object) = texts;
	return 0;
}

static bool are_texts_set(const struct hp_field *field, const void *object)
{
	return *(char **const *)hp_field_const_at(field, object) != NULL;
}

static int write_texts(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_strings(writer, *(char **const *)hp_field_const_at(field, object));
	return 0;
}

const struct hp_field_type hp_field_text = {read_text, is_text_set, write_text};
const struct hp_field_type hp_field_texts = {read_texts, are_texts_set, write_texts};

int hp_check_line(const char *text, struct hp_err *err)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return hp_err_invalid(err, NULL, "must not have control characters");
	}
	return 0;
}

int hp_check_absolute_path(const char *text, struct hp_err *err)
{
	if (text[0] != '/')
		return hp_err_invalid(err, NULL, "must be an absolute path");
	return 0;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int hp_check_file_name(const char *text, struct hp_err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > HP_ID_BYTES_MAX)
		return hp_err_invalid(err, NULL, "must be a name of 1 to %d bytes",
				      HP_ID_BYTES_MAX);
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return hp_err_invalid(err, NULL, "must be the name of a file");
	for (; *text; text++) {
		if (!is_alphanumeric(*text) && !strchr("_.:-", *text))
			return hp_err_invalid(err, NULL,
					      "must be a name of letters, digits and _ . : -");
	}
	return 0;
}

/* ---- names ---- */

static int fail_no_such_name(const struct hp_names *names, struct hp_err *err)
{
	char list[HP_ERR_REASON_SIZE - 32] = "";
	size_t length = 0;

	for (size_t i = 0; i < names->count && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   i > 0 ? ", " : "", names->names[i].name);
	if (length >= sizeof(list))
		return hp_err_invalid(err, NULL, "must be the name of a %s, such as %s",
				      names->what, names->names[0].name);
	return hp_err_invalid(err, NULL, "must be one of %s", list);
}

int hp_names_read(const struct hp_names *names, struct hp_json_value value, uint64_t *ret,
		  struct hp_err *err)
{
	if (hp_json_type(value) != HP_JSON_STRING)
		return hp_err_invalid(err, NULL, "must be a string");
	for (size_t i = 0; i < names->count; i++) {
		if (hp_json_equals(value, names->names[i].name)) {
			*ret = names->names[i].value;
			return 0;
		}
	}
	return fail_no_such_name(names, err);
}

/* Every value that was read has a name. */
static const char *name_of(const struct hp_names *names, uint64_t value)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->names[i].value == value)
			return names->names[i].name;
	}
	return "";
}

static int read_enum(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	uint64_t wide;
	int32_t number;
	int r;

	(void)arena;
	if (!field->is_required && hp_json_equals(value, ""))
		return 0;
	r = hp_names_read(field->names, value, &wide, err);
	if (r < 0)
		return r;
	number = (int32_t)wide;
	memcpy(hp_field_at(field, object), &number, sizeof(number));
	return 0;
}

static bool is_enum_set(const struct hp_field *field, const void *object)
{
	int32_t number;

	memcpy(&number, hp_field_const_at(field, object), sizeof(number));
	return number != 0;
}

static int write_enum(const struct hp_field *field, struct hp_json_writer *writer,
		      const void *object, struct hp_err *err)
{
	int32_t number;

	(void)err;
	memcpy(&number, hp_field_const_at(field, object), sizeof(number));
	hp_json_put_string(writer, name_of(field->names, (uint64_t)number));
	return 0;
}

static int read_enum_uint(const struct hp_field *field, struct hp_json_value value,
			  struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_uint *number = hp_field_at(field, object);
	int r = hp_names_read(field->names, value, &number->value, err);

	(void)arena;
	number->is_set = r == 0;
	return r;
}

static bool is_enum_uint_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_uint *)hp_field_const_at(field, object))->is_set;
}

const struct hp_field_type hp_field_enum = {read_enum, is_enum_set, write_enum};
const struct hp_field_type hp_field_enum_uint = {read_enum_uint, is_enum_uint_set, NULL};

/* ---- lists of names ---- */

static int read_names(const struct hp_field *field, struct hp_json_value value, uint64_t *ret,
		      struct hp_err *err)
{
	struct hp_json_value key, element;
	uint64_t all = 0, one = 0;
	size_t i = 0;

	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list of strings");
	HP_JSON_FOREACH (key, element, value) {
		int r = hp_names_read(field->names, element, &one, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i++), err);
		if (r < 0)
			return r;
		all |= one;
	}
	*ret = all;
	return 0;
}

static void write_names(const struct hp_field *field, struct hp_json_writer *writer, uint64_t all)
{
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < field->names->count; i++) {
		if (all & field->names->names[i].value)
			hp_json_put_string(writer, field->names->names[i].name);
	}
	hp_json_end(writer, ']');
}

static int read_flags(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return read_names(field, value, hp_field_at(field, object), err);
}

static bool are_flags_set(const struct hp_field *field, const void *object)
{
	return *(const uint64_t *)hp_field_const_at(field, object) != 0;
}

static int write_flags(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	(void)err;
	write_names(field, writer, *(const uint64_t *)hp_field_const_at(field, object));
	return 0;
}

static int read_flags32(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	uint64_t wide;
	int r = read_names(field, value, &wide, err);

	(void)arena;
	if (r == 0)
		*(unsigned int *)hp_field_at(field, object) = (unsigned int)wide;
	return r;
}

static bool are_flags32_set(const struct hp_field *field, const void *object)
{
	return *(const unsigned int *)hp_field_const_at(field, object) != 0;
}

const struct hp_field_type hp_field_flags = {read_flags, are_flags_set, write_flags};
const struct hp_field_type hp_field_flags32 = {read_flags32, are_flags32_set, NULL};

/* ---- what is refused ---- */

static bool is_empty(struct hp_json_value value)
{
	switch (hp_json_type(value)) {
	case HP_JSON_ARRAY:
	case HP_JSON_OBJECT:
		return hp_json_count(value) == 0;
	default:
		return hp_json_equals(value, "");
	}
}

static int read_refused(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	(void)object;
	return is_empty(value) ? 0 : hp_err_invalid(err, NULL, "%s", field->reason);
}

static bool is_refused_set(const struct hp_field *field, const void *object)
{
	(void)field;
	(void)object;
	return false;
}

const struct hp_field_type hp_field_refused = {read_refused, is_refused_set, NULL};
