/* SPDX-License-Identifier: Apache-2.0 */
/* Parses, compares and prints schemata. No I/O, no state. */
#include "daemon/resctrl/schemata.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Far more than machines have. A limit, since each value is compared with all others. */
#define VALUES_MAX 1024

/* ---- reading ---- */

/* A part of a text, without blanks around it. */
struct part {
	const char *begin, *end;
};

static struct part trim(struct part part)
{
	while (part.begin < part.end && isblank((unsigned char)part.begin[0]))
		part.begin++;
	while (part.begin < part.end && isblank((unsigned char)part.end[-1]))
		part.end--;
	return part;
}

/* Splits off the part before the separator, or all. False: there is no separator. */
static bool take(struct part *rest, char separator, struct part *ret_part)
{
	const char *found = memchr(rest->begin, separator, (size_t)(rest->end - rest->begin));

	*ret_part = trim((struct part){rest->begin, found ? found : rest->end});
	rest->begin = found ? found + 1 : rest->end;
	return found;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Every character must be a digit, and the number must fit. */
static bool read_number(struct part part, unsigned int base, uint64_t *ret)
{
	uint64_t number = 0;

	if (base == 16 && part.end - part.begin > 2 && part.begin[0] == '0' &&
	    (part.begin[1] | 0x20) == 'x')
		part.begin += 2;
	if (part.begin == part.end)
		return false;
	for (; part.begin < part.end; part.begin++) {
		unsigned int digit = (unsigned int)digit_of(*part.begin);

		if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return false;
	}
	*ret = number;
	return true;
}

static bool read_name(struct part part, char name[static 16])
{
	size_t length = (size_t)(part.end - part.begin);

	if (length == 0 || length > 15)
		return false;
	for (const char *c = part.begin; c < part.end; c++)
		if (!isupper((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	memcpy(name, part.begin, length);
	name[length] = '\0';
	return true;
}

static unsigned int base_of(const char *resource)
{
	return strcmp(resource, "MB") == 0 || strcmp(resource, "SMBA") == 0 ? 10 : 16;
}

static struct schemata_value *find(const struct schemata *schemata, const char *resource,
				   uint64_t id)
{
	for (size_t i = 0; i < schemata->count; i++)
		if (schemata->values[i].id == id &&
		    strcmp(schemata->values[i].resource, resource) == 0)
			return &schemata->values[i];
	return NULL;
}

static int append(struct schemata *schemata, const struct schemata_value *value, struct hp_err *err)
{
	size_t room = schemata->room ? 2 * schemata->room : 16;

	if (schemata->count == VALUES_MAX)
		return hp_err_invalid(err, NULL, "has more than %d domains", VALUES_MAX);
	if (schemata->count == schemata->room) {
		struct schemata_value *more =
		    hp_arena_calloc(&schemata->arena, room, sizeof(*more));

		if (!more)
			return hp_err_no_memory(err);
		if (schemata->count > 0)
			memcpy(more, schemata->values, schemata->count * sizeof(*more));
		schemata->values = more;
		schemata->room = room;
	}
	schemata->values[schemata->count++] = *value;
	return 0;
}

static void drop(struct schemata *schemata, struct schemata_value *value)
{
	size_t rest = schemata->count - (size_t)(value - schemata->values) - 1;

	memmove(value, value + 1, rest * sizeof(*value));
	schemata->count--;
}

static int add_domain(struct schemata *schemata, struct part domain, struct schemata_value *value,
		      struct hp_err *err)
{
	struct schemata_value *earlier;
	struct part id;

	if (!take(&domain, '=', &id) || !read_number(id, 10, &value->id) ||
	    !read_number(trim(domain), base_of(value->resource), &value->value))
		return hp_err_invalid(err, NULL, "has a domain of %s that is not ID=VALUE",
				      value->resource);
	earlier = find(schemata, value->resource, value->id);
	if (earlier && earlier->source == value->source)
		return hp_err_invalid(err, NULL, "has domain %" PRIu64 " of %s twice", value->id,
				      value->resource);
	if (earlier)
		drop(schemata, earlier);
	return append(schemata, value, err);
}

static int add_line(struct schemata *schemata, struct part line, unsigned int source,
		    struct hp_err *err)
{
	struct schemata_value value = {.source = source};
	struct part name, domain;
	bool has_more = true, is_first = true;

	if (!take(&line, ':', &name) || !read_name(name, value.resource))
		return hp_err_invalid(err, NULL, "must be like L3:0=ff;1=ff");
	while (has_more) {
		int r;

		has_more = take(&line, ';', &domain);
		/* The kernel accepts a semicolon at the end. */
		if (!has_more && !is_first && domain.begin == domain.end)
			return 0;
		r = add_domain(schemata, domain, &value, err);
		if (r < 0)
			return r;
		is_first = false;
	}
	return 0;
}

static bool is_about(struct part line, const char *resource)
{
	size_t length = strlen(resource);

	return (size_t)(line.end - line.begin) > length &&
	       memcmp(line.begin, resource, length) == 0 && line.begin[length] == ':';
}

int schemata_add(struct schemata *schemata, const char *text, const char *left_out,
		 unsigned int source, struct hp_err *err)
{
	struct part rest = {text, text + strlen(text)}, line;
	int r = 0;

	while (r == 0 && rest.begin < rest.end) {
		take(&rest, '\n', &line);
		if (line.begin < line.end && !(left_out && is_about(line, left_out)))
			r = add_line(schemata, line, source, err);
	}
	return r;
}

int schemata_add_kernels(struct schemata *schemata, const char *text)
{
	struct part rest = {text, text + strlen(text)}, line;

	while (rest.begin < rest.end) {
		struct hp_err err;

		take(&rest, '\n', &line);
		if (line.begin < line.end && add_line(schemata, line, 0, &err) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

void schemata_clear(struct schemata *schemata)
{
	hp_arena_free(&schemata->arena);
	*schemata = SCHEMATA_INIT;
}

/* ---- numbers ---- */

void schemata_round_up(struct schemata *schemata, const char *resource, uint64_t step)
{
	for (size_t i = 0; i < schemata->count; i++) {
		struct schemata_value *value = &schemata->values[i];
		uint64_t over = step ? value->value % step : 0;

		if (over && strcmp(value->resource, resource) == 0 &&
		    value->value <= UINT64_MAX - (step - over))
			value->value += step - over;
	}
}

const struct schemata_value *schemata_find_difference(const struct schemata *wanted,
						      const struct schemata *present,
						      const struct schemata_value **ret_present)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct schemata_value *value = &wanted->values[i];
		const struct schemata_value *other = find(present, value->resource, value->id);

		if (other && other->value == value->value)
			continue;
		*ret_present = other;
		return value;
	}
	return NULL;
}

/* ---- printing ---- */

static bool is_first_of_resource(const struct schemata *schemata, size_t index)
{
	const struct schemata_value *value = &schemata->values[index];

	for (size_t i = 0; i < index; i++)
		if (schemata->values[i].source == value->source &&
		    strcmp(schemata->values[i].resource, value->resource) == 0)
			return false;
	return true;
}

static void print_line(FILE *file, const struct schemata *schemata, size_t first)
{
	const struct schemata_value *begin = &schemata->values[first];
	char separator = ':';

	fprintf(file, "%s", begin->resource);
	for (size_t i = first; i < schemata->count; i++) {
		const struct schemata_value *value = &schemata->values[i];

		if (value->source != begin->source || strcmp(value->resource, begin->resource) != 0)
			continue;
		fprintf(file,
			base_of(value->resource) == 10 ? "%c%" PRIu64 "=%" PRIu64
						       : "%c%" PRIu64 "=%" PRIx64,
			separator, value->id, value->value);
		separator = ';';
	}
	fputc('\n', file);
}

const char *schemata_print(struct schemata *schemata, unsigned int source)
{
	cleanup_free char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	for (size_t i = 0; i < schemata->count; i++)
		if (schemata->values[i].source == source && is_first_of_resource(schemata, i))
			print_line(file, schemata, i);
	if (fclose(file) != 0)
		return NULL;
	return hp_arena_copy(&schemata->arena, text, length);
}
