/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values of a parsed text: walks them and converts them to C types, with one sentence about the
 * error if the type or the bounds are wrong. json.c has checked the syntax.
 */

#include "proto/json/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/json/mistakes.h"
#include "proto/json/text.h"

static const struct hp_json_token *token_of(struct hp_json_value value)
{
	return &value.json->tokens[value.index];
}

struct hp_json_value hp_json_root(const struct hp_json *json)
{
	return (struct hp_json_value){.json = json->count > 0 ? json : NULL};
}

enum hp_json_type hp_json_type(struct hp_json_value value)
{
	return value.json ? (enum hp_json_type)token_of(value)->type : HP_JSON_ABSENT;
}

const char *hp_json_text(struct hp_json_value value, size_t *ret_length)
{
	if (!value.json) {
		*ret_length = 0;
		return "";
	}
	*ret_length = token_of(value)->length;
	return value.json->text + token_of(value)->offset;
}

uint32_t hp_json_count(struct hp_json_value value)
{
	enum hp_json_type type = hp_json_type(value);

	return type == HP_JSON_ARRAY || type == HP_JSON_OBJECT ? token_of(value)->count : 0;
}

struct hp_json_iterator hp_json_iterate(struct hp_json_value container)
{
	enum hp_json_type type = hp_json_type(container);

	if (type != HP_JSON_ARRAY && type != HP_JSON_OBJECT)
		return (struct hp_json_iterator){0};
	return (struct hp_json_iterator){
	    .json = container.json,
	    .index = container.index + 1,
	    .end = token_of(container)->next,
	    .is_object = type == HP_JSON_OBJECT,
	};
}

bool hp_json_iterator_next(struct hp_json_iterator *iterator, struct hp_json_value *ret_key,
			   struct hp_json_value *ret_value)
{
	struct hp_json_value none = {0};

	if (iterator->index >= iterator->end)
		return false;
	*ret_key = none;
	if (iterator->is_object)
		*ret_key = (struct hp_json_value){iterator->json, iterator->index++};
	*ret_value = (struct hp_json_value){iterator->json, iterator->index};
	iterator->index = token_of(*ret_value)->next;
	return true;
}

/* The text between the quotes, not decoded. */
static const char *string_inside(struct hp_json_value value, size_t *ret_length)
{
	const struct hp_json_token *token = token_of(value);

	*ret_length = token->length - 2;
	return value.json->text + token->offset + 1;
}

static bool string_equals(struct hp_json_value value, const char *text)
{
	size_t length;
	const char *inside = string_inside(value, &length);

	if (token_of(value)->is_escaped)
		return hp_text_means(inside, length, text);
	/* If the text is shorter, its NUL differs: no string contains one. */
	for (size_t i = 0; i < length; i++) {
		if (text[i] != inside[i])
			return false;
	}
	return text[length] == '\0';
}

bool hp_json_equals(struct hp_json_value value, const char *text)
{
	return hp_json_type(value) == HP_JSON_STRING && string_equals(value, text);
}

static struct hp_json_value null_is_absent(struct hp_json_value value)
{
	return hp_json_is_absent(value) ? (struct hp_json_value){0} : value;
}

struct hp_json_value hp_json_member(struct hp_json_value object, const char *name)
{
	struct hp_json_value key, value;

	if (hp_json_type(object) != HP_JSON_OBJECT)
		return (struct hp_json_value){0};
	HP_JSON_FOREACH (key, value, object) {
		if (string_equals(key, name))
			return null_is_absent(value);
	}
	return (struct hp_json_value){0};
}

/* Writers usually keep one order, so the search starts after the name found last. */
static size_t find_name(struct hp_json_value key, const char *const names[], size_t count,
			size_t first)
{
	for (size_t i = first; i < count; i++) {
		if (string_equals(key, names[i]))
			return i;
	}
	for (size_t i = 0; i < first; i++) {
		if (string_equals(key, names[i]))
			return i;
	}
	return count;
}

static int fail_unknown_member(struct hp_json_value key, struct hp_err *err)
{
	char name[HP_ERR_PATH_SIZE];
	size_t length;
	const char *inside = string_inside(key, &length);

	length = hp_text_cut(inside, length, sizeof(name) - 1);
	name[hp_text_decode(name, inside, length)] = '\0';
	return hp_err_invalid(err, name, "is not known here");
}

int hp_json_members(struct hp_json_value object, const char *const names[], size_t count,
		    bool is_closed, struct hp_json_value ret_values[], struct hp_err *err)
{
	struct hp_json_value key, value;
	size_t next = 0;

	if (hp_json_type(object) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, object.json ? "must be an object" : "is required");
	memset(ret_values, 0, count * sizeof(ret_values[0]));
	HP_JSON_FOREACH (key, value, object) {
		size_t found = find_name(key, names, count, next);

		if (found < count) {
			ret_values[found] = null_is_absent(value);
			next = found + 1;
		} else if (is_closed) {
			int r = hp_json_go_on(object, fail_unknown_member(key, err), err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- typed getters ---- */

static int require(struct hp_json_value value, enum hp_json_type type, const char *reason,
		   struct hp_err *err)
{
	if (hp_json_type(value) == type)
		return 0;
	return hp_err_invalid(err, NULL, "%s", value.json ? reason : "is required");
}

size_t hp_json_decode(struct hp_json_value value, char *buffer)
{
	size_t length;
	const char *inside = string_inside(value, &length);

	if (token_of(value)->is_escaped)
		length = hp_text_decode(buffer, inside, length);
	else
		memcpy(buffer, inside, length);
	buffer[length] = '\0';
	return length;
}

int hp_json_get_string(struct hp_json_value value, struct hp_arena *arena, char **ret,
		       struct hp_err *err)
{
	const char *inside;
	size_t length;
	char *text;
	int r = require(value, HP_JSON_STRING, "must be a string", err);

	if (r < 0)
		return r;
	inside = string_inside(value, &length);
	text = hp_arena_copy(arena, inside, length);
	if (!text)
		return hp_err_no_memory(err);
	if (token_of(value)->is_escaped)
		hp_json_decode(value, text);
	*ret = text;
	return 0;
}

int hp_json_get_name(struct hp_json_value value, struct hp_arena *arena, size_t max, char **ret,
		     struct hp_err *err)
{
	char *text = NULL; /* gcc 12 does not see at -O3 that it is set */
	size_t length;
	int r = hp_json_get_string(value, arena, &text, err);

	if (r < 0)
		return r;
	length = strlen(text);
	if (length == 0)
		return hp_err_invalid(err, NULL, "must not be empty");
	if (length > max)
		return hp_err_invalid(err, NULL, "must not be longer than %zu bytes", max);
	*ret = text;
	return 0;
}

int hp_json_get_bool(struct hp_json_value value, bool *ret, struct hp_err *err)
{
	int r = require(value, HP_JSON_BOOL, "must be true or false", err);

	if (r < 0)
		return r;
	*ret = value.json->text[token_of(value)->offset] == 't';
	return 0;
}

/* An integer of any size, kept as far as 64 bits go. */
struct number {
	uint64_t magnitude;
	bool is_negative;
	bool is_huge; /* beyond 2^64-1 */
};

/* Reads "0" or "-?[1-9][0-9]*" or "-0", as JSON spells integers; false for anything else. */
static bool read_digits(const char *text, size_t length, struct number *ret)
{
	struct number number = {0};
	size_t i = 0;

	if (length > 0 && text[0] == '-') {
		number.is_negative = true;
		i++;
	}
	if (i == length || (text[i] == '0' && length > i + 1))
		return false;
	for (; i < length; i++) {
		unsigned int digit = (unsigned char)text[i] - '0';

		if (digit > 9)
			return false;
		if (__builtin_mul_overflow(number.magnitude, 10u, &number.magnitude) ||
		    __builtin_add_overflow(number.magnitude, digit, &number.magnitude))
			number.is_huge = true;
	}
	if (number.magnitude == 0 && !number.is_huge)
		number.is_negative = false;
	*ret = number;
	return true;
}

static int get_number(struct hp_json_value value, struct number *ret, struct hp_err *err)
{
	const char *text;
	size_t length;
	bool is_number = false;

	*ret = (struct number){0}; /* gcc 12 does not see at -O3 that callers stop at an error */
	if (!value.json)
		return hp_err_invalid(err, NULL, "is required");
	switch (hp_json_type(value)) {
	case HP_JSON_INTEGER:
		text = hp_json_text(value, &length);
		is_number = read_digits(text, length, ret);
		break;
	case HP_JSON_STRING:
		text = string_inside(value, &length);
		is_number = read_digits(text, length, ret);
		break;
	default:
		break;
	}
	return is_number ? 0 : hp_err_invalid(err, NULL, "must be an integer");
}

int hp_json_get_int64(struct hp_json_value value, int64_t min, int64_t max, int64_t *ret,
		      struct hp_err *err)
{
	struct number number;
	uint64_t limit;
	int64_t result;
	int r = get_number(value, &number, err);

	if (r < 0)
		return r;
	limit = (uint64_t)INT64_MAX + number.is_negative;
	if (number.is_huge || number.magnitude > limit)
		goto out_of_range;
	result = (int64_t)(number.is_negative ? -number.magnitude : number.magnitude);
	if (result < min || result > max)
		goto out_of_range;
	*ret = result;
	return 0;

out_of_range:
	return hp_err_invalid(err, NULL, "must be from %" PRId64 " to %" PRId64, min, max);
}

int hp_json_get_uint64(struct hp_json_value value, uint64_t min, uint64_t max, uint64_t *ret,
		       struct hp_err *err)
{
	struct number number;
	int r = get_number(value, &number, err);

	if (r < 0)
		return r;
	if (number.is_negative || number.is_huge || number.magnitude < min ||
	    number.magnitude > max)
		return hp_err_invalid(err, NULL, "must be from %" PRIu64 " to %" PRIu64, min, max);
	*ret = number.magnitude;
	return 0;
}

int hp_json_get_strings(struct hp_json_value value, struct hp_arena *arena, size_t max, char ***ret,
			struct hp_err *err)
{
	struct hp_json_value key, element;
	char **vector;
	size_t count = 0, index = 0;
	int r = require(value, HP_JSON_ARRAY, "must be a list of strings", err);

	if (r < 0)
		return r;
	if (hp_json_count(value) > max)
		return hp_err_invalid(err, NULL, "must not have more than %zu elements", max);
	vector = hp_arena_calloc(arena, hp_json_count(value) + 1, sizeof(*vector));
	if (!vector)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, element, value) {
		r = hp_json_get_string(element, arena, &vector[count], err);
		r = hp_json_go_on(value, hp_err_prefix_index(err, r, index++), err);
		if (r < 0)
			return r;
		count += vector[count] != NULL;
	}
	*ret = vector;
	return 0;
}

static int fail_no_such_name(const char *const names[], size_t count, struct hp_err *err)
{
	char list[HP_ERR_REASON_SIZE] = "";
	size_t length = 0;

	for (size_t i = 0; i < count && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   i > 0 ? ", " : "", names[i]);
	return hp_err_invalid(err, NULL, "must be one of %s", list);
}

int hp_json_get_enum(struct hp_json_value value, const char *const names[], size_t count, int *ret,
		     struct hp_err *err)
{
	size_t found;
	int r = require(value, HP_JSON_STRING, "must be a string", err);

	if (r < 0)
		return r;
	found = find_name(value, names, count, 0);
	if (found == count)
		return fail_no_such_name(names, count, err);
	*ret = (int)found;
	return 0;
}
