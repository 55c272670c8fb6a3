/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parses a text with jansson and with json.c, and compares the two results. For the differential
 * test and the fuzz target of the parser. No state.
 */

#include "tests/proto/json/jansson_oracle.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/json.h"

static const char *compare_values(struct hp_json_value ours, const json_t *theirs);

static bool string_is(struct hp_json_value ours, const char *theirs, size_t length)
{
	size_t size;
	char *text;
	bool is_same;

	hp_json_text(ours, &size);
	text = malloc(size);
	if (!text)
		abort();
	is_same = hp_json_decode(ours, text) == length && memcmp(text, theirs, length) == 0;
	free(text);
	return is_same;
}

static const char *compare_arrays(struct hp_json_value ours, const json_t *theirs)
{
	struct hp_json_value key, element;
	size_t i = 0;

	HP_JSON_FOREACH (key, element, ours) {
		const char *difference = compare_values(element, json_array_get(theirs, i));

		if (difference)
			return difference;
		i++;
	}
	return i == json_array_size(theirs) && i == hp_json_count(ours) ? NULL : "array size";
}

/* jansson keeps the order of the text. */
static const char *compare_objects(struct hp_json_value ours, const json_t *theirs)
{
	struct hp_json_iterator iterator = hp_json_iterate(ours);
	struct hp_json_value key, value, found;
	const char *name, *difference;
	json_t *member;

	json_object_foreach((json_t *)theirs, name, member)
	{
		if (!hp_json_iterator_next(&iterator, &key, &value))
			return "object size";
		if (!string_is(key, name, strlen(name)))
			return "key";
		found = hp_json_member(ours, name);
		if (found.index != (json_is_null(member) ? 0 : value.index))
			return "member found by its name";
		difference = compare_values(value, member);
		if (difference)
			return difference;
	}
	if (hp_json_count(ours) != json_object_size(theirs))
		return "object size";
	return hp_json_iterator_next(&iterator, &key, &value) ? "object size" : NULL;
}

static const char *compare_integers(struct hp_json_value ours, const json_t *theirs)
{
	struct hp_err err;
	int64_t value;

	if (hp_json_get_int64(ours, INT64_MIN, INT64_MAX, &value, &err) < 0)
		return "integer refused";
	return value == json_integer_value(theirs) ? NULL : "integer";
}

static const char *compare_bools(struct hp_json_value ours, const json_t *theirs)
{
	struct hp_err err;
	bool value;

	if (hp_json_get_bool(ours, &value, &err) < 0)
		return "bool refused";
	return value == json_is_true(theirs) ? NULL : "bool";
}

static const char *compare_values(struct hp_json_value ours, const json_t *theirs)
{
	static const enum hp_json_type types[] = {
	    [JSON_OBJECT] = HP_JSON_OBJECT, [JSON_ARRAY] = HP_JSON_ARRAY,
	    [JSON_STRING] = HP_JSON_STRING, [JSON_INTEGER] = HP_JSON_INTEGER,
	    [JSON_REAL] = HP_JSON_REAL,	    [JSON_TRUE] = HP_JSON_BOOL,
	    [JSON_FALSE] = HP_JSON_BOOL,    [JSON_NULL] = HP_JSON_NULL,
	};

	if (!theirs || hp_json_type(ours) != types[json_typeof(theirs)])
		return "type";
	switch (hp_json_type(ours)) {
	case HP_JSON_OBJECT:
		return compare_objects(ours, theirs);
	case HP_JSON_ARRAY:
		return compare_arrays(ours, theirs);
	case HP_JSON_STRING:
		return string_is(ours, json_string_value(theirs), json_string_length(theirs))
			   ? NULL
			   : "string";
	case HP_JSON_INTEGER:
		return compare_integers(ours, theirs);
	case HP_JSON_BOOL:
		return compare_bools(ours, theirs);
	default:
		return NULL;
	}
}

/* jansson passes over some NUL bytes; on the wire there are none inside a message. */
static bool is_compared(int r, const char *text, size_t length, const json_t *theirs,
			const json_error_t *error)
{
	if (r == -EMSGSIZE || memchr(text, '\0', length))
		return false;
	return theirs || json_error_code(error) != json_error_numeric_overflow;
}

const char *oracle_compare(const char *text, size_t length, enum oracle_verdict *ret_verdict)
{
	struct hp_json ours = {0};
	struct hp_err err;
	json_error_t error;
	json_t *theirs;
	const char *difference = NULL;
	enum oracle_verdict verdict = ORACLE_NOT_COMPARED;
	int r = hp_json_parse(&ours, text, length, &err);

	theirs = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (is_compared(r, text, length, theirs, &error)) {
		verdict = r < 0 ? ORACLE_REFUSED : ORACLE_TAKEN;
		if ((r == 0) != (theirs != NULL))
			difference = r == 0 ? "jansson refuses it" : "jansson takes it";
		else if (theirs)
			difference = compare_values(hp_json_root(&ours), theirs);
	}
	json_decref(theirs);
	hp_json_free(&ours);
	if (ret_verdict)
		*ret_verdict = verdict;
	return difference;
}
