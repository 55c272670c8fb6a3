/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The types of single values in the tables of fields.h: numbers, booleans, texts, names. A null is
 * never passed to them, except as the element of a list.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/fields.h"

void hp_field_put_uint(struct hp_json_writer *writer, uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	hp_json_put_raw(writer, digits, (size_t)length);
}

/* ---- struct hp_int, hp_uint, hp_bool ---- */

static int read_int(const struct hp_field *field, struct hp_json_value value,
		    struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_int *number = hp_field_at(field, object);
	int r = hp_json_get_int64(value, field->min, (int64_t)field->max, &number->value, err);

	(void)arena;
	number->is_set = r == 0;
	return r;
}

static int read_uint(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_uint *number = hp_field_at(field, object);
	int r = hp_json_get_uint64(value, (uint64_t)field->min, field->max, &number->value, err);

	(void)arena;
	number->is_set = r == 0;
	return r;
}

static int read_bool(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_bool *truth = hp_field_at(field, object);
	int r = hp_json_get_bool(value, &truth->value, err);

	(void)arena;
	truth->is_set = r == 0;
	return r;
}

static bool is_int_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_int *)hp_field_const_at(field, object))->is_set;
}

static bool is_uint_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_uint *)hp_field_const_at(field, object))->is_set;
}

static bool is_bool_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_bool *)hp_field_const_at(field, object))->is_set;
}

static int write_int(const struct hp_field *field, struct hp_json_writer *writer,
		     const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_int(writer, ((const struct hp_int *)hp_field_const_at(field, object))->value);
	return 0;
}

static int write_uint(const struct hp_field *field, struct hp_json_writer *writer,
		      const void *object, struct hp_err *err)
{
	(void)err;
	hp_field_put_uint(writer,
			  ((const struct hp_uint *)hp_field_const_at(field, object))->value);
	return 0;
}

static int write_bool(const struct hp_field *field, struct hp_json_writer *writer,
		      const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_bool(writer, ((const struct hp_bool *)hp_field_const_at(field, object))->value);
	return 0;
}

const struct hp_field_type hp_field_int = {read_int, is_int_set, write_int};
const struct hp_field_type hp_field_uint = {read_uint, is_uint_set, write_uint};
const struct hp_field_type hp_field_bool = {read_bool, is_bool_set, write_bool};

/* ---- Go's: zero is not set ---- */

static int fail_zero(struct hp_err *err)
{
	hp_err_invalid(err, NULL, "is 0, which libcontainer reads as not set");
	return -ENOTSUP;
}

static bool is_zero(struct hp_json_value value)
{
	int64_t number;
	struct hp_err ignored;

	return hp_json_get_int64(value, 0, 0, &number, &ignored) == 0;
}

static int read_go_int(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	return is_zero(value) ? 0 : read_int(field, value, arena, object, err);
}

static int read_go_uint(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	return is_zero(value) ? 0 : read_uint(field, value, arena, object, err);
}

static int read_go_bool(const struct hp_field *field, struct hp_json_value value,
			struct hp_arena *arena, void *object, struct hp_err *err)
{
	bool truth = false;
	int r = hp_json_get_bool(value, &truth, err);

	return r < 0 || !truth ? r : read_bool(field, value, arena, object, err);
}

static int write_go_int(const struct hp_field *field, struct hp_json_writer *writer,
			const void *object, struct hp_err *err)
{
	if (((const struct hp_int *)hp_field_const_at(field, object))->value == 0)
		return fail_zero(err);
	return write_int(field, writer, object, err);
}

static int write_go_uint(const struct hp_field *field, struct hp_json_writer *writer,
			 const void *object, struct hp_err *err)
{
	if (((const struct hp_uint *)hp_field_const_at(field, object))->value == 0)
		return fail_zero(err);
	return write_uint(field, writer, object, err);
}

/* False and absent mean the same for each of them. */
static bool is_go_bool_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_bool *)hp_field_const_at(field, object))->value;
}

const struct hp_field_type hp_field_go_int = {read_go_int, is_int_set, write_go_int};
const struct hp_field_type hp_field_go_uint = {read_go_uint, is_uint_set, write_go_uint};
const struct hp_field_type hp_field_go_bool = {read_go_bool, is_go_bool_set, write_bool};

/* ---- plain numbers ---- */

static int read_int64(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return hp_json_get_int64(value, field->min, (int64_t)field->max, hp_field_at(field, object),
				 err);
}

static int read_int32(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	int64_t wide;
	int32_t number;
	int r = hp_json_get_int64(value, field->min, (int64_t)field->max, &wide, err);

	(void)arena;
	if (r < 0)
		return r;
	number = (int32_t)wide;
	memcpy(hp_field_at(field, object), &number, sizeof(number));
	return 0;
}

static int read_uint64(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return hp_json_get_uint64(value, (uint64_t)field->min, field->max,
				  hp_field_at(field, object), err);
}

static int read_uint32(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	uint64_t wide;
	int r = hp_json_get_uint64(value, (uint64_t)field->min, field->max, &wide, err);

	(void)arena;
	if (r == 0)
		*(uint32_t *)hp_field_at(field, object) = (uint32_t)wide;
	return r;
}

static int read_truth(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return hp_json_get_bool(value, hp_field_at(field, object), err);
}

static int32_t get_int32(const struct hp_field *field, const void *object)
{
	int32_t number;

	memcpy(&number, hp_field_const_at(field, object), sizeof(number));
	return number;
}

static bool is_int64_set(const struct hp_field *field, const void *object)
{
	return *(const int64_t *)hp_field_const_at(field, object) != 0;
}

static bool is_int32_set(const struct hp_field *field, const void *object)
{
	return get_int32(field, object) != 0;
}

static bool is_uint64_set(const struct hp_field *field, const void *object)
{
	return *(const uint64_t *)hp_field_const_at(field, object) != 0;
}

static bool is_uint32_set(const struct hp_field *field, const void *object)
{
	return *(const uint32_t *)hp_field_const_at(field, object) != 0;
}

static bool is_truth_set(const struct hp_field *field, const void *object)
{
	return *(const bool *)hp_field_const_at(field, object);
}

static int write_int64(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_int(writer, *(const int64_t *)hp_field_const_at(field, object));
	return 0;
}

static int write_int32(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_int(writer, get_int32(field, object));
	return 0;
}

static int write_uint64(const struct hp_field *field, struct hp_json_writer *writer,
			const void *object, struct hp_err *err)
{
	(void)err;
	hp_field_put_uint(writer, *(const uint64_t *)hp_field_const_at(field, object));
	return 0;
}

static int write_uint32(const struct hp_field *field, struct hp_json_writer *writer,
			const void *object, struct hp_err *err)
{
	(void)err;
	hp_field_put_uint(writer, *(const uint32_t *)hp_field_const_at(field, object));
	return 0;
}

static int write_truth(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	(void)err;
	hp_json_put_bool(writer, *(const bool *)hp_field_const_at(field, object));
	return 0;
}

const struct hp_field_type hp_field_int64 = {read_int64, is_int64_set, write_int64};
const struct hp_field_type hp_field_int32 = {read_int32, is_int32_set, write_int32};
const struct hp_field_type hp_field_uint64 = {read_uint64, is_uint64_set, write_uint64};
const struct hp_field_type hp_field_uint32 = {read_uint32, is_uint32_set, write_uint32};
const struct hp_field_type hp_field_truth = {read_truth, is_truth_set, write_truth};
