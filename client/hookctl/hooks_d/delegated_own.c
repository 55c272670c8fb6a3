/* SPDX-License-Identifier: Apache-2.0 */

/* The list of our files in a directory of delegated files, as JSON. No state. */

#include "client/hookctl/hooks_d/delegated_own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "proto/base/limits.h"
#include "proto/json/json_writer.h"

#define DIGEST_DIGITS 16

uint64_t delegated_digest(const struct hp_buf *text)
{
	return XXH3_64bits(text->data, text->length);
}

/* A name that leads out of the directory, or to what the engines do not read, is not ours. */
static bool may_be_own(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') == NULL && length >= 5 && strcmp(name + length - 5, ".json") == 0;
}

static int read_file(struct hp_json_value value, struct delegated_own *own)
{
	struct delegated_own_file *file = &own->list[own->count];
	struct hp_err err;
	char *digits;
	int r = hp_json_get_string(hp_json_member(value, "name"), &own->arena, &file->name, &err);

	if (r == 0)
		r = hp_json_get_string(hp_json_member(value, "digest"), &own->arena, &digits, &err);
	if (r < 0)
		return r;
	if (!may_be_own(file->name) || strlen(digits) != DIGEST_DIGITS ||
	    strspn(digits, "0123456789abcdef") != DIGEST_DIGITS)
		return -EINVAL;
	file->digest = strtoull(digits, NULL, 16);
	own->count++;
	return 0;
}

int delegated_own_read(const struct hp_buf *text, struct delegated_own *ret)
{
	struct hp_json_value key, value, files;
	struct hp_json json = {0};
	struct hp_err err = {0};
	int r = hp_json_parse(&json, text->data, text->length, &err);

	if (r < 0)
		return r;
	files = hp_json_member(hp_json_root(&json), "files");
	if (hp_json_type(files) != HP_JSON_ARRAY)
		r = -EINVAL;
	else if (hp_json_count(files) > 0)
		ret->list = hp_arena_calloc(&ret->arena, hp_json_count(files), sizeof(*ret->list));
	if (r == 0 && hp_json_count(files) > 0 && ret->list == NULL)
		r = -ENOMEM;
	HP_JSON_FOREACH (key, value, files)
		if (r == 0)
			r = read_file(value, ret);
	hp_json_free(&json);
	return r;
}

void delegated_own_free(struct delegated_own *own)
{
	hp_arena_free(&own->arena);
	*own = (struct delegated_own){.arena = HP_ARENA_INIT};
}

bool delegated_own_has_name(const struct delegated_own *own, const char *name)
{
	for (size_t i = 0; i < own->count; i++)
		if (strcmp(own->list[i].name, name) == 0)
			return true;
	return false;
}

bool delegated_own_has(const struct delegated_own *own, const char *name, uint64_t digest)
{
	for (size_t i = 0; i < own->count; i++)
		if (own->list[i].digest == digest && strcmp(own->list[i].name, name) == 0)
			return true;
	return false;
}

void delegated_own_write(const struct delegated_own_file *list, size_t count, struct hp_buf *ret)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(ret);
	char digits[DIGEST_DIGITS + 1];

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "files");
	hp_json_begin(&writer, '[');
	for (size_t i = 0; i < count; i++) {
		snprintf(digits, sizeof(digits), "%016" PRIx64, list[i].digest);
		hp_json_begin(&writer, '{');
		hp_json_add_string(&writer, "name", list[i].name);
		hp_json_add_string(&writer, "digest", digits);
		hp_json_end(&writer, '}');
	}
	hp_json_end(&writer, ']');
	hp_json_end(&writer, '}');
	hp_buf_append(ret, "\n", 1);
}
