/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the texts of annotations org.systemd.property.NAME and appends them as properties. Of
 * GVariant's text format it knows booleans, numbers, strings, object paths and lists of strings,
 * with or without a type in front. No state.
 */
#include "daemon/cgroup/scope_annotation.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/base.h"

#define STRINGS_MAX 64
#define TEXT_MAX    1024
#define US_PER_S    1000000

struct variant {
	char type; /* of D-Bus; 'a': a list of strings */
	union {
		int b;
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
	} number;
	char text[TEXT_MAX]; /* of a string; the strings of a list, one after the other */
	size_t length;
	unsigned int count; /* of a list */
};

/* ---- numbers ---- */

/* The range of each type of integer; the last two are read by their own functions. */
static const struct integer {
	const char *word;
	char type;
	int64_t min;
	uint64_t max;
} integers[] = {
    {"byte", 'y', 0, UINT8_MAX},    {"int16", 'n', INT16_MIN, INT16_MAX},
    {"uint16", 'q', 0, UINT16_MAX}, {"int32", 'i', INT32_MIN, INT32_MAX},
    {"uint32", 'u', 0, UINT32_MAX}, {"int64", 'x', INT64_MIN, INT64_MAX},
    {"uint64", 't', 0, UINT64_MAX},
};

static const struct integer *find_integer(char type)
{
	for (size_t i = 0; i < ELEMENTS(integers); i++)
		if (integers[i].type == type)
			return &integers[i];
	return NULL;
}

/* The type that stands in front of the value, "uint64 " or "@t "; 0: none. */
static char take_type(const char **at)
{
	if (**at == '@' && (*at)[1] && strchr("bynqiuxtdso", (*at)[1]) && (*at)[2] == ' ') {
		*at += 3;
		return (*at)[-2];
	}
	if (strncmp(*at, "@as ", 4) == 0) {
		*at += 4;
		return 'a';
	}
	for (size_t i = 0; i < ELEMENTS(integers); i++) {
		size_t length = strlen(integers[i].word);

		if (strncmp(*at, integers[i].word, length) == 0 && (*at)[length] == ' ') {
			*at += length + 1;
			return integers[i].type;
		}
	}
	if (strncmp(*at, "double ", strlen("double ")) == 0) {
		*at += strlen("double ");
		return 'd';
	}
	return 0;
}

static void set_integer(struct variant *variant, char type, uint64_t value)
{
	variant->type = type;
	switch (type) {
	case 'y':
		variant->number.y = (uint8_t)value;
		break;
	case 'n':
	case 'q':
		variant->number.q = (uint16_t)value;
		break;
	case 'i':
	case 'u':
		variant->number.u = (uint32_t)value;
		break;
	default:
		variant->number.t = value;
	}
}

static bool read_integer(const char **at, char type, struct variant *ret)
{
	const struct integer *integer = find_integer(type ? type : 'i');
	bool is_negative = **at == '-';
	char *end;
	uint64_t value;

	errno = 0;
	value = is_negative ? (uint64_t)strtoll(*at, &end, 0) : strtoull(*at, &end, 0);
	if (!integer || errno != 0 || end == *at ||
	    (is_negative ? (int64_t)value < integer->min : value > integer->max))
		return false;
	set_integer(ret, integer->type, value);
	*at = end;
	return true;
}

static bool read_number(const char **at, char type, struct variant *ret)
{
	size_t length = strcspn(*at, " ,]");
	bool is_real = type == 'd' || (type == 0 && strncasecmp(*at, "0x", 2) != 0 &&
				       memchr(*at, '.', length) != NULL);
	char *end;

	if (**at != '-' && !isdigit((unsigned char)**at))
		return false;
	if (!is_real)
		return read_integer(at, type, ret);
	ret->type = 'd';
	ret->number.d = strtod(*at, &end);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

/* ---- texts ---- */

/* 'text' or "text"; a backslash takes the next character as it is. */
static bool read_string(const char **at, struct variant *ret)
{
	char quote = **at;

	if (quote != '\'' && quote != '"')
		return false;
	for (++*at; **at && **at != quote; ++*at) {
		if (**at == '\\' && !*++*at)
			return false;
		if (ret->length + 1 >= sizeof(ret->text))
			return false;
		ret->text[ret->length++] = **at;
	}
	if (**at != quote)
		return false;
	++*at;
	ret->text[ret->length++] = '\0';
	return true;
}

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool read_list(const char **at, char type, struct variant *ret)
{
	bool is_empty;

	++*at;
	skip_blanks(at);
	is_empty = **at == ']';
	while (**at != ']') {
		if (ret->count == STRINGS_MAX || !read_string(at, ret))
			return false;
		ret->count++;
		skip_blanks(at);
		if (**at == ',')
			++*at;
		else if (**at != ']')
			return false;
		skip_blanks(at);
	}
	++*at;
	ret->type = 'a';
	return !is_empty || type == 'a';
}

static bool read_word(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0 || isalnum((unsigned char)(*at)[length]))
		return false;
	*at += length;
	return true;
}

static bool read_value(const char **at, char type, struct variant *ret)
{
	bool is_true = read_word(at, "true");

	if (is_true || read_word(at, "false")) {
		ret->type = 'b';
		ret->number.b = is_true;
		return type == 0 || type == 'b';
	}
	if (**at == '[' && (type == 0 || type == 'a'))
		return read_list(at, type, ret);
	if ((**at == '\'' || **at == '"') && (type == 0 || type == 's' || type == 'o')) {
		ret->type = type ? type : 's';
		return read_string(at, ret);
	}
	return read_number(at, type, ret);
}

static bool read_variant(const char *text, struct variant *ret)
{
	char type;

	*ret = (struct variant){0};
	skip_blanks(&text);
	type = take_type(&text);
	skip_blanks(&text);
	if (!read_value(&text, type, ret))
		return false;
	skip_blanks(&text);
	return *text == '\0';
}

/* ---- seconds ---- */

static bool is_in_seconds(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, "Sec") == 0 &&
	       islower((unsigned char)name[length - 4]);
}

/* False: not a number, negative, or too many. */
static bool turn_into_us(struct variant *variant)
{
	uint64_t seconds = variant->number.t;

	switch (variant->type) {
	case 'd':
		if (!(variant->number.d >= 0 &&
		      variant->number.d < (double)(UINT64_MAX / US_PER_S)))
			return false;
		set_integer(variant, 't', (uint64_t)(variant->number.d * US_PER_S));
		return true;
	case 'y':
		seconds = variant->number.y;
		break;
	case 'n':
	case 'q':
		seconds = variant->number.q;
		break;
	case 'i':
	case 'u':
		seconds = variant->number.u;
		break;
	case 'x':
	case 't':
		break;
	default:
		return false;
	}
	if ((variant->type == 'n' && variant->number.n < 0) ||
	    (variant->type == 'i' && variant->number.i < 0) ||
	    (variant->type == 'x' && variant->number.x < 0) || seconds > UINT64_MAX / US_PER_S)
		return false;
	set_integer(variant, 't', seconds * US_PER_S);
	return true;
}

/* ---- properties ---- */

/* By these hookd recognizes its scopes and knows what becomes of them. */
static bool is_hookds(const char *name)
{
	static const char *const names[] = {"Description", "Slice",	  "PIDs",
					    "Delegate",	   "CollectMode", "DefaultDependencies"};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int read_property(const struct hp_systemd_property *property, struct variant *ret,
			 struct hp_err *err)
{
	if (is_hookds(property->name))
		return hp_err_invalid(err, NULL, "is set by hookd itself");
	if (!read_variant(property->value, ret))
		return hp_err_invalid(err, NULL,
				      "must be a boolean, a number, a string or a list of strings, "
				      "as GVariant writes them");
	if (is_in_seconds(property->name) && !turn_into_us(ret))
		return hp_err_invalid(err, NULL, "must be a number of seconds");
	return 0;
}

int scope_annotation_check(const struct hp_systemd_property *property, struct hp_err *err)
{
	struct variant variant;

	return read_property(property, &variant, err);
}

static int append_list(sd_bus_message *message, const struct variant *variant)
{
	const char *text = variant->text;
	int r = sd_bus_message_open_container(message, 'v', "as");

	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "s");
	for (unsigned int i = 0; r >= 0 && i < variant->count; i++, text += strlen(text) + 1)
		r = sd_bus_message_append_basic(message, 's', text);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_variant(sd_bus_message *message, const struct variant *variant)
{
	const char type[] = {variant->type, '\0'};
	bool is_text = variant->type == 's' || variant->type == 'o';
	int r;

	if (variant->type == 'a')
		return append_list(message, variant);
	r = sd_bus_message_open_container(message, 'v', type);
	if (r >= 0)
		r = sd_bus_message_append_basic(message, variant->type,
						is_text ? variant->text
							: (const void *)&variant->number);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

void scope_annotation_name(const struct hp_systemd_property *property, char *ret_name, size_t size)
{
	size_t length = strlen(property->name);
	bool is_seconds = is_in_seconds(property->name);

	snprintf(ret_name, size, "%.*s%s", (int)(is_seconds ? length - 3 : length), property->name,
		 is_seconds ? "USec" : "");
}

int scope_annotation_append(sd_bus_message *message, const struct hp_systemd_property *property)
{
	struct variant variant;
	struct hp_err err;
	char name[256];
	int r = read_property(property, &variant, &err);

	scope_annotation_name(property, name, sizeof(name));
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", name);
	if (r >= 0)
		r = append_variant(message, &variant);
	return r < 0 ? r : sd_bus_message_close_container(message);
}
