/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The list of mistakes of a document, which the owner of the document provides and frees, and the
 * way between paths, tokens and lines. A mistake keeps the token that its path is relative to,
 * since a reader does not know the path of the value that it reads.
 */

#include "proto/json/mistakes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hp_json_mistakes_free(struct hp_json_mistakes *mistakes)
{
	free(mistakes->list);
	*mistakes = (struct hp_json_mistakes){0};
}

static bool grow(struct hp_json_mistakes *mistakes)
{
	size_t capacity = mistakes->capacity ? mistakes->capacity * 2 : 8;
	struct hp_json_mistake *list = realloc(mistakes->list, capacity * sizeof(*list));

	if (!list)
		return false;
	mistakes->list = list;
	mistakes->capacity = capacity;
	return true;
}

int hp_json_add_mistake(struct hp_json_value value, int r, const struct hp_err *err)
{
	struct hp_json_mistakes *mistakes = value.json ? value.json->mistakes : NULL;

	if (!mistakes || mistakes->count == HP_JSON_MISTAKES_MAX)
		return r;
	if (mistakes->count == mistakes->capacity && !grow(mistakes))
		return -ENOMEM;
	mistakes->list[mistakes->count++] = (struct hp_json_mistake){value.index, *err};
	return 0;
}

size_t hp_json_mistake_count(struct hp_json_value value)
{
	return value.json && value.json->mistakes ? value.json->mistakes->count : 0;
}

/* ---- paths ---- */

static void append_text(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

static void append_key(struct hp_json_value key, size_t start, struct hp_buf *buf)
{
	size_t length;
	char *room;

	hp_json_text(key, &length);
	if (buf->length > start)
		append_text(buf, ".");
	room = hp_buf_reserve(buf, length);
	if (room)
		buf->length += hp_json_decode(key, room);
}

/* From the root down to the token at `wanted`. */
static void append_path(const struct hp_json *json, uint32_t wanted, struct hp_buf *buf)
{
	struct hp_json_value at = hp_json_root(json), key, value;
	size_t start = buf->length;

	while (at.index < wanted) {
		struct hp_json_value container = at;
		unsigned int element = 0;
		char number[16];

		/* The last one that begins before `wanted`, or there, has it. */
		HP_JSON_FOREACH (key, value, container) {
			if (json->tokens[value.index].next <= wanted) {
				element++;
				continue;
			}
			at = value;
			break;
		}
		assert(at.index != container.index);
		if (key.json) {
			append_key(key, start, buf);
			continue;
		}
		snprintf(number, sizeof(number), "[%u]", element);
		append_text(buf, number);
	}
}

void hp_json_mistake_path(const struct hp_json *json, const struct hp_json_mistake *mistake,
			  struct hp_buf *buf)
{
	const char *rest = mistake->err.path;
	size_t start = buf->length;

	append_path(json, mistake->index, buf);
	if (buf->length > start && rest[0] != '\0' && rest[0] != '[')
		append_text(buf, ".");
	append_text(buf, rest);
}

/* "[12]" at the beginning of the path, and what is behind it. */
static struct hp_json_value follow_index(struct hp_json_value array, const char **path)
{
	struct hp_json_value key, value;
	char *end;
	unsigned long wanted = strtoul(*path + 1, &end, 10);

	if (*end != ']')
		return (struct hp_json_value){0};
	*path = end + 1;
	HP_JSON_FOREACH (key, value, array) {
		if (wanted-- == 0)
			return value;
	}
	return (struct hp_json_value){0};
}

static bool ends_key(char c)
{
	return c == '\0' || c == '.' || c == '[';
}

/* The member with the longest name that the path begins with. */
static struct hp_json_value follow_key(struct hp_json_value object, const char **path)
{
	struct hp_json_value key, value, found = {0};
	size_t found_length = 0;

	HP_JSON_FOREACH (key, value, object) {
		char name[HP_ERR_PATH_SIZE];
		size_t length;

		hp_json_text(key, &length);
		if (length > sizeof(name))
			continue;
		length = hp_json_decode(key, name);
		if (strncmp(*path, name, length) != 0 || !ends_key((*path)[length]))
			continue;
		if (!found.json || length > found_length) {
			found = value;
			found_length = length;
		}
	}
	if (found.json)
		*path += found_length;
	return found;
}

struct hp_json_value hp_json_follow(struct hp_json_value value, const char *path)
{
	while (*path != '\0') {
		struct hp_json_value next = {0};

		if (*path == '.')
			path++;
		if (*path == '[' && hp_json_type(value) == HP_JSON_ARRAY)
			next = follow_index(value, &path);
		else if (hp_json_type(value) == HP_JSON_OBJECT)
			next = follow_key(value, &path);
		if (!next.json)
			break;
		value = next;
	}
	return value;
}

size_t hp_json_mistake_offset(const struct hp_json *json, const struct hp_json_mistake *mistake)
{
	struct hp_json_value from = {json, mistake->index};

	return json->tokens[hp_json_follow(from, mistake->err.path).index].offset;
}

struct hp_json_place hp_json_place(const char *text, size_t offset)
{
	struct hp_json_place place = {1, 1};

	for (size_t i = 0; i < offset; i++) {
		place.column++;
		if (text[i] == '\n')
			place = (struct hp_json_place){place.line + 1, 1};
	}
	return place;
}
