/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/json: reads and writes JSON. The only reader of JSON in hookd, libhookd and hookctl.
 *
 * May use: proto/base.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

/*
 * Reads JSON in place.
 *
 * One pass checks the whole text against RFC 8259 and the bounds of limits.h and leaves a flat
 * array of tokens, in the order of the text, each pointing back into it. Values are read through
 * handles; strings are decoded on demand. This gives three guarantees that a tree of nodes cannot:
 * a value can be passed on as the bytes that were received, integers up to 2^64-1 are exact, and a
 * hostile megabyte costs at most HP_JSON_TOKENS_MAX tokens.
 *
 * Stricter than RFC 8259, as Varlink peers are: invalid UTF-8, lone surrogates, U+0000 and a key
 * that an object has twice are errors.
 */

enum hp_json_type {
	HP_JSON_ABSENT = 0, /* no such member; a null member reads as absent too (UAPI.20) */
	HP_JSON_NULL,
	HP_JSON_BOOL,
	HP_JSON_INTEGER, /* no fraction, no exponent; any magnitude */
	HP_JSON_REAL,
	HP_JSON_STRING,
	HP_JSON_ARRAY,
	HP_JSON_OBJECT,
};

struct hp_json_token {
	uint32_t offset; /* of the first byte: a string's quote, an object's brace */
	uint32_t length; /* up to and including the closing quote or brace */
	uint32_t next;	 /* index of the token after this value and its contents */
	uint32_t count; /* elements of an array, members of an object; a string: hash of its text */
	uint8_t type;
	uint8_t is_escaped; /* a string with a backslash in it */
};

struct hp_json_mistakes;

/*
 * A parsed text. The text is the caller's and must not change while the tokens are used. Zeros
 * before the first use.
 */
struct hp_json {
	const char *text;
	struct hp_json_token *tokens;
	uint32_t count;
	uint32_t capacity;
	/* If the text is not valid JSON: what is wrong, static, and at which byte. Else NULL. */
	const char *error;
	size_t error_offset;
	/* Set after parsing by who wants to know all mistakes, see mistakes.h. NULL: the first. */
	struct hp_json_mistakes *mistakes;
};

/* Points at one value of a parsed text. Passed by value; {NULL, 0} is an absent value. */
struct hp_json_value {
	const struct hp_json *json;
	uint32_t index;
};

/*
 * Parses `length` bytes. On success 0; the token array is reused, so one struct hp_json serves a
 * whole connection or daemon. -EINVAL with the error and its byte in err->reason, -EMSGSIZE beyond
 * a bound of limits.h (err is filled too), -ENOMEM.
 */
int hp_json_parse(struct hp_json *json, const char *text, size_t length, struct hp_err *err);
void hp_json_free(struct hp_json *json);

struct hp_json_value hp_json_root(const struct hp_json *json);
enum hp_json_type hp_json_type(struct hp_json_value value);
static inline bool hp_json_is_absent(struct hp_json_value value)
{
	return hp_json_type(value) <= HP_JSON_NULL;
}

/* The bytes of the value in the text; not NUL-terminated. */
const char *hp_json_text(struct hp_json_value value, size_t *ret_length);

/* Number of elements or members; 0 for everything else. */
uint32_t hp_json_count(struct hp_json_value value);

/*
 * Walks an array or object:
 *	struct hp_json_value key, value;
 *	HP_JSON_FOREACH(key, value, object)
 * key is absent in an array. Null members and elements are walked like all others.
 */
#define HP_JSON_FOREACH(key, value, container)                                                     \
	for (struct hp_json_iterator hp_it = hp_json_iterate(container);                           \
	     hp_json_iterator_next(&hp_it, &(key), &(value));)

struct hp_json_iterator {
	const struct hp_json *json;
	uint32_t index, end;
	bool is_object;
};
struct hp_json_iterator hp_json_iterate(struct hp_json_value container);
bool hp_json_iterator_next(struct hp_json_iterator *iterator, struct hp_json_value *ret_key,
			   struct hp_json_value *ret_value);

/* The member of that name, or an absent value; also if `object` is absent or not an object. */
struct hp_json_value hp_json_member(struct hp_json_value object, const char *name);

/*
 * Sorts an object's members by name: ret_values[i] is the member names[i] or absent. With
 * `is_closed` a name that is not among them is -EINVAL with its path; else it is ignored, as
 * runtime-spec asks of readers. -EINVAL when `object` is not an object.
 */
int hp_json_members(struct hp_json_value object, const char *const names[], size_t count,
		    bool is_closed, struct hp_json_value ret_values[], struct hp_err *err);

/* True when the value is a string and its decoded text is `text`. */
bool hp_json_equals(struct hp_json_value value, const char *text);

/*
 * Writes the decoded text of a string value with a NUL into `buffer`, which has room for as many
 * bytes as the value has in the text, and returns its length.
 */
size_t hp_json_decode(struct hp_json_value value, char *buffer);

/*
 * Typed getters. Each fails with -EINVAL and a reason ("must be a string", "is required" for an
 * absent value); the caller adds the path with hp_err_prefix(). *ret is then unchanged.
 */
int hp_json_get_string(struct hp_json_value value, struct hp_arena *arena, char **ret,
		       struct hp_err *err);
/* As above and bounded: -EINVAL when empty or longer than `max` bytes. */
int hp_json_get_name(struct hp_json_value value, struct hp_arena *arena, size_t max, char **ret,
		     struct hp_err *err);
int hp_json_get_bool(struct hp_json_value value, bool *ret, struct hp_err *err);
/* Takes an integer, or a string of one in decimal (UAPI.20 lets big ones be sent so). */
int hp_json_get_int64(struct hp_json_value value, int64_t min, int64_t max, int64_t *ret,
		      struct hp_err *err);
int hp_json_get_uint64(struct hp_json_value value, uint64_t min, uint64_t max, uint64_t *ret,
		       struct hp_err *err);
/* An array of strings as a NULL-terminated vector in the arena; null elements are errors. */
int hp_json_get_strings(struct hp_json_value value, struct hp_arena *arena, size_t max, char ***ret,
			struct hp_err *err);
/* The index in `names` of the string's text; the reason of a failure lists the names. */
int hp_json_get_enum(struct hp_json_value value, const char *const names[], size_t count, int *ret,
		     struct hp_err *err);
