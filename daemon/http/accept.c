/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the Accept header as of RFC 9110, section 12.5.1, as far as the two formats need it: quoted
 * strings with commas or semicolons in them are in no media type of metrics. No state.
 */
#include "daemon/http/accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* A part of the header. */
struct word {
	const char *text;
	size_t length;
};

static struct word trim(const char *text, size_t length)
{
	size_t blanks = strspn(text, BLANKS);

	if (blanks > length)
		blanks = length;
	text += blanks;
	length -= blanks;
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		length--;
	return (struct word){text, length};
}

/* Takes the next part up to the separator from the front of *rest. False: there is none. */
static bool take(struct word *rest, char separator, struct word *ret_word)
{
	const char *end;
	size_t length;

	if (rest->length == 0)
		return false;
	end = memchr(rest->text, separator, rest->length);
	length = end ? (size_t)(end - rest->text) : rest->length;
	*ret_word = trim(rest->text, length);
	length += end != NULL;
	*rest = (struct word){rest->text + length, rest->length - length};
	return true;
}

static bool is(struct word word, const char *text)
{
	return word.length == strlen(text) && strncasecmp(word.text, text, word.length) == 0;
}

/* In thousandths: "1", "0.5", "0.123". What is no weight counts as 0. */
static int read_weight(struct word word)
{
	int weight = 0, unit = 100;

	if (word.length == 0 || word.length > strlen("0.123") ||
	    (word.text[0] != '0' && word.text[0] != '1') ||
	    (word.length > 1 && word.text[1] != '.'))
		return 0;
	weight = (word.text[0] - '0') * 1000;
	for (size_t i = 2; i < word.length; i++, unit /= 10) {
		if (word.text[i] < '0' || word.text[i] > '9')
			return 0;
		weight += (word.text[i] - '0') * unit;
	}
	return weight > 1000 ? 0 : weight;
}

/* One of the header's media types. */
struct range {
	struct word type, version; /* the version is "" where there is none */
	int weight;
};

static struct range read_range(struct word item)
{
	struct range range = {.version = {"", 0}, .weight = 1000};
	struct word parameter, name;

	if (!take(&item, ';', &range.type))
		return range;
	while (take(&item, ';', &parameter)) {
		if (!take(&parameter, '=', &name))
			continue;
		parameter = trim(parameter.text, parameter.length);
		if (is(name, "q"))
			range.weight = read_weight(parameter);
		else if (is(name, "version"))
			range.version = parameter;
	}
	return range;
}

/* A version that is not asked for is any. */
static bool has_version(const struct range *range, const char *version)
{
	return range->version.length == 0 || is(range->version, version);
}

/* How exactly a range names a format, as of RFC 9110: the most exact one decides. 0: not at all. */
static int match(const struct range *range, const char *type, const char *group,
		 const char *version)
{
	if (is(range->type, type))
		return has_version(range, version) ? 3 : 0;
	if (is(range->type, group))
		return 2;
	return is(range->type, "*/*");
}

static int weight_of(const char *accept, const char *type, const char *group, const char *version)
{
	struct word rest = {accept, strlen(accept)}, item;
	int weight = 0, best = 0;

	while (take(&rest, ',', &item)) {
		struct range range = read_range(item);
		int matched = match(&range, type, group, version);

		if (matched == 0 || matched < best)
			continue;
		if (matched > best || range.weight > weight)
			weight = range.weight;
		best = matched;
	}
	return weight;
}

bool accept_prefers_openmetrics(const char *accept)
{
	int openmetrics, text;

	/* What takes anything gets the format that all readers know. */
	if (!accept || !strcasestr(accept, "application/openmetrics-text"))
		return false;
	openmetrics = weight_of(accept, "application/openmetrics-text", "application/*", "1.0.0");
	text = weight_of(accept, "text/plain", "text/*", "0.0.4");
	return openmetrics > 0 && openmetrics >= text;
}
