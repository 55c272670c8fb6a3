/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/base.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"
#include "proto/json/mistakes.h"

/*
 * Structs and their JSON, by tables. Internal to proto/.
 *
 * A row describes one member of an object: its name, its place in the struct and its type. The same
 * row reads and writes, so the two cannot differ. Rows are in the order in which they are written.
 * A null is an absent member. Members without a row are ignored, except those that are probably a
 * setting under a wrong name or in a wrong place: they are refused (unknown_names.c). Readers fail
 * with -EINVAL and a path relative to their value; everything is allocated in `arena`, and a struct
 * must be zeroed before it is read into. If the document has a list for its mistakes they go on
 * (proto/json/mistakes.h).
 */

struct hp_field;

struct hp_field_type {
	/* `value` is not null. */
	int (*read)(const struct hp_field *field, struct hp_json_value value,
		    struct hp_arena *arena, void *object, struct hp_err *err);
	/* NULL in types of which every row is required. */
	bool (*is_set)(const struct hp_field *field, const void *object);
	/*
	 * Writes the value without its key; -ENOTSUP if libcontainer cannot express it. NULL in
	 * types that only the tables of runtime-spec use: that dialect is read and never written.
	 */
	int (*write)(const struct hp_field *field, struct hp_json_writer *writer,
		     const void *object, struct hp_err *err);
};

/* Names and their numbers, for values that are written as names. */
struct hp_name {
	const char *name;
	uint64_t value;
};
struct hp_names {
	const char *what; /* "capability": for a reason that cannot list them all */
	const struct hp_name *names;
	size_t count;
};

typedef int (*hp_check_text_fn)(const char *text, struct hp_err *err);

struct hp_field {
	const char *key;
	const struct hp_field_type *type;
	size_t offset;		/* in the struct of the table */
	size_t count_offset;	/* lists, maps: of the size_t with the number of elements */
	int64_t min;		/* of numbers; of texts in bytes: where it is 0, "" is absent */
	uint64_t max;		/* of numbers; of texts in bytes; of lists and maps in elements */
	bool is_required;	/* must be given, and is always written */
	bool is_always_written; /* even where it is 0 */
	bool is_old;		/* is read, but not written any more */
	const struct hp_names *names;
	const struct hp_table *table; /* of an object, or of a list's or map's elements */
	hp_check_text_fn check_text;  /* of texts, and of a map's keys; may be NULL */
	const char *reason;	      /* why a refused one is refused */
};

struct hp_table {
	const struct hp_field *fields;
	size_t count; /* at most 64 */
	size_t size;  /* of the struct; for pointers, lists and maps */
	/* Elements are not objects but values of the one row, whose key is not used. */
	bool is_value;
	const void *initial; /* what an element is before it is read; NULL: zeros */
	/* Known members that have no meaning here and are ignored; NULL-terminated. NULL: none. */
	const char *const *passed_over;
	/*
	 * Of an outermost object: members that many kinds of documents have, in any case of
	 * letters. They are ignored, and do not show that the object is settings.
	 */
	const char *const *common;
	bool is_complete; /* every other member is refused */
	/* Its members are refused when they are found in another object. */
	bool is_section;
	/*
	 * The outermost object of the same dialect: an unknown member is looked for there and in
	 * the other dialect. NULL: it is not.
	 */
	const struct hp_table *root;
	/*
	 * Of an outermost object: its counterpart in the other dialect, and the name of its own
	 * dialect.
	 */
	const struct hp_table *other_root;
	const char *dialect;
	/*
	 * Checks what concerns several members. In a list `first` is its first element, else the
	 * object itself. May be NULL.
	 */
	int (*check)(void *object, const void *first, struct hp_err *err);
};

int hp_table_read(const struct hp_table *table, struct hp_json_value value, struct hp_arena *arena,
		  void *object, struct hp_err *err);
int hp_table_write(const struct hp_table *table, struct hp_json_writer *writer, const void *object,
		   struct hp_err *err);

/* Checks the names of members only: -EINVAL for one that has no row and is refused. */
int hp_table_check_names(const struct hp_table *table, struct hp_json_value value,
			 struct hp_err *err);
/* The same for one key that has no row; unknown_names.c. */
int hp_table_refuse_unknown(const struct hp_table *table, struct hp_json_value key,
			    struct hp_err *err);
/*
 * False for another kind of document: an object that has members, but none that has a row or is in
 * `passed_over`. Members that are null or `common` do not count.
 */
bool hp_table_recognizes(const struct hp_table *table, struct hp_json_value value);

/* ---- types ---- */

/* struct hp_int, hp_uint, hp_bool */
extern const struct hp_field_type hp_field_int, hp_field_uint, hp_field_bool;
/*
 * The same where Go does not distinguish 0 and false from absent: they are unset, and not written.
 */
extern const struct hp_field_type hp_field_go_int, hp_field_go_uint, hp_field_go_bool;
/* Plain ones, 0 where absent; an enum is an int32. */
extern const struct hp_field_type hp_field_int32, hp_field_int64, hp_field_uint32, hp_field_uint64,
    hp_field_truth;
/* char *, and a NULL-terminated char ** */
extern const struct hp_field_type hp_field_text, hp_field_texts;
/* A name of `names`, absent if "": as an int32, as a struct hp_uint. */
extern const struct hp_field_type hp_field_enum, hp_field_enum_uint;
/* A list of names, their values added up: in a uint64_t, in an unsigned int. */
extern const struct hp_field_type hp_field_flags, hp_field_flags32;
/* An object whose members go to the struct at the offset; whether it was given is not kept. */
extern const struct hp_field_type hp_field_group;
/* The same for a struct that begins with `bool is_set`. */
extern const struct hp_field_type hp_field_struct;
/* A pointer to a struct; NULL: absent. */
extern const struct hp_field_type hp_field_pointer;
/* A pointer to elements and their number; an array in the struct, with room for `max`. */
extern const struct hp_field_type hp_field_list, hp_field_array;
/* A list whose elements begin with `char *`, the key; sorted by it, as Go writes maps. */
extern const struct hp_field_type hp_field_map;
/* Must be absent or empty. */
extern const struct hp_field_type hp_field_refused;

/* ---- parts of types ---- */

/* The address of the field in its struct. */
static inline void *hp_field_at(const struct hp_field *field, void *object)
{
	return (char *)object + field->offset;
}
static inline const void *hp_field_const_at(const struct hp_field *field, const void *object)
{
	return (const char *)object + field->offset;
}

/* The number that a name of the list stands for; the reason of a failure lists the names. */
int hp_names_read(const struct hp_names *names, struct hp_json_value value, uint64_t *ret,
		  struct hp_err *err);
/* Writes a uint64 as digits, also beyond 2^63-1: Go does not read numbers from strings. */
void hp_field_put_uint(struct hp_json_writer *writer, uint64_t value);

/* No control characters: each text is one line of a kernel file. */
int hp_check_line(const char *text, struct hp_err *err);
int hp_check_absolute_path(const char *text, struct hp_err *err);
/* [A-Za-z0-9_.:-]: the name of one file of the kernel, or of a device. */
int hp_check_file_name(const char *text, struct hp_err *err);

/* ---- rows ---- */

/* The offset of a member, which must have the type `wanted`. */
#define HP_OFFSET(object, member, wanted)                                                          \
	_Generic(&((object *)0)->member, wanted * : offsetof(object, member))

#define HP_FIELD(key_, type_, object, member, wanted, ...)                                         \
	{                                                                                          \
		.key = key_, .type = &(type_), .offset = HP_OFFSET(object, member, wanted),        \
		__VA_ARGS__                                                                        \
	}

#define HP_INT(key, object, member, lo, hi, ...)                                                   \
	HP_FIELD(key, hp_field_int, object, member, struct hp_int, .min = (lo), .max = (hi),       \
		 __VA_ARGS__)
#define HP_UINT(key, object, member, lo, hi, ...)                                                  \
	HP_FIELD(key, hp_field_uint, object, member, struct hp_uint, .min = (lo), .max = (hi),     \
		 __VA_ARGS__)
#define HP_BOOL(key, object, member, ...)                                                          \
	HP_FIELD(key, hp_field_bool, object, member, struct hp_bool, __VA_ARGS__)
#define HP_GO_INT(key, object, member, lo, hi, ...)                                                \
	HP_FIELD(key, hp_field_go_int, object, member, struct hp_int, .min = (lo), .max = (hi),    \
		 __VA_ARGS__)
#define HP_GO_UINT(key, object, member, lo, hi, ...)                                               \
	HP_FIELD(key, hp_field_go_uint, object, member, struct hp_uint, .min = (lo), .max = (hi),  \
		 __VA_ARGS__)
#define HP_GO_BOOL(key, object, member, ...)                                                       \
	HP_FIELD(key, hp_field_go_bool, object, member, struct hp_bool, __VA_ARGS__)
#define HP_INT32(key, object, member, wanted, lo, hi, ...)                                         \
	HP_FIELD(key, hp_field_int32, object, member, wanted, .min = (lo), .max = (hi), __VA_ARGS__)
#define HP_INT64(key, object, member, lo, hi, ...)                                                 \
	HP_FIELD(key, hp_field_int64, object, member, int64_t, .min = (lo), .max = (hi),           \
		 __VA_ARGS__)
#define HP_UINT32(key, object, member, lo, hi, ...)                                                \
	HP_FIELD(key, hp_field_uint32, object, member, uint32_t, .min = (lo), .max = (hi),         \
		 __VA_ARGS__)
#define HP_UINT64(key, object, member, ...)                                                        \
	HP_FIELD(key, hp_field_uint64, object, member, uint64_t, .max = UINT64_MAX, __VA_ARGS__)
#define HP_TRUTH(key, object, member, ...)                                                         \
	HP_FIELD(key, hp_field_truth, object, member, bool, __VA_ARGS__)
#define HP_TEXT(key, object, member, hi, check, ...)                                               \
	HP_FIELD(key, hp_field_text, object, member, char *, .max = (hi), .check_text = (check),   \
		 __VA_ARGS__)
#define HP_ENUM(key, object, member, wanted, names_, ...)                                          \
	HP_FIELD(key, hp_field_enum, object, member, wanted, .names = &(names_), __VA_ARGS__)
#define HP_GROUP(key_, table_, ...)                                                                \
	{                                                                                          \
		.key = key_, .type = &hp_field_group, .table = &(table_), __VA_ARGS__              \
	}
#define HP_STRUCT(key, object, member, wanted, table_, ...)                                        \
	HP_FIELD(key, hp_field_struct, object, member, wanted, .table = &(table_), __VA_ARGS__)
#define HP_POINTER(key, object, member, wanted, table_, ...)                                       \
	HP_FIELD(key, hp_field_pointer, object, member, wanted *, .table = &(table_), __VA_ARGS__)
#define HP_LIST(key, object, member, count_member, wanted, table_, most, ...)                      \
	HP_FIELD(key, hp_field_list, object, member, wanted *, .table = &(table_), .max = (most),  \
		 .count_offset = HP_OFFSET(object, count_member, size_t), __VA_ARGS__)
#define HP_ARRAY(key_, object, member, count_member, wanted, table_, most, ...)                    \
	{                                                                                          \
		.key = key_, .type = &hp_field_array,                                              \
		.offset = _Generic(&((object *)0)->member, wanted(*)[most]                         \
				   : offsetof(object, member)),                                    \
		.count_offset = HP_OFFSET(object, count_member, size_t), .table = &(table_),       \
		.max = (most), __VA_ARGS__                                                         \
	}
#define HP_MAP(key, object, member, count_member, wanted, table_, most, check, ...)                \
	HP_FIELD(key, hp_field_map, object, member, wanted *, .table = &(table_), .max = (most),   \
		 .count_offset = HP_OFFSET(object, count_member, size_t), .check_text = (check),   \
		 __VA_ARGS__)
#define HP_REFUSED(key_, reason_)                                                                  \
	{                                                                                          \
		.key = key_, .type = &hp_field_refused, .reason = reason_                          \
	}

#define HP_TABLE(object, rows, ...)                                                                \
	{                                                                                          \
		.fields = rows, .count = sizeof(rows) / sizeof((rows)[0]), .size = sizeof(object), \
		__VA_ARGS__                                                                        \
	}
