/* SPDX-License-Identifier: Apache-2.0 */
/* Checks replies. A failure shows the value that the reply has. No state. */
#include "tests/integration/harness/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS 4

static _Noreturn void fail_at(const struct client *client, const char *path, const char *want,
			      const char *file, int line)
{
	print_error("%s is not %s in: %.*s\n", path, want, (int)client->length, client->text);
	_fail(file, line);
	abort(); /* _fail() does not return, but is not declared so */
}

/* ---- paths ---- */

static struct hp_json_value element(struct hp_json_value array, long index)
{
	struct hp_json_value key, value;

	HP_JSON_FOREACH (key, value, array) {
		(void)key;
		if (index-- == 0)
			return value;
	}
	return (struct hp_json_value){0};
}

static struct hp_json_value find(const struct client *client, const char *path)
{
	struct hp_json_value value = client->reply.parameters;
	char name[64], *end;

	while (*path) {
		if (*path == '[') {
			value = element(value, strtol(path + 1, &end, 10));
			path = end + 1;
		} else {
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, ".["), path);
			value = hp_json_member(value, name);
			path += strlen(name);
		}
		path += *path == '.';
	}
	return value;
}

/* ---- values ---- */

static const char *decode(struct hp_json_value value)
{
	static char *strings[STRINGS];
	static unsigned int turn;
	char **string = &strings[turn++ % STRINGS];
	size_t length;

	hp_json_text(value, &length);
	free(*string);
	*string = malloc(length + 1);
	assert_non_null(*string);
	hp_json_decode(value, *string);
	return *string;
}

static const char *string_at(struct client *client, const char *path, const char *want,
			     const char *file, int line)
{
	struct hp_json_value value = find(client, path);

	if (hp_json_type(value) != HP_JSON_STRING)
		fail_at(client, path, want, file, line);
	return decode(value);
}

struct hp_json_value reply_value(struct client *client, const char *path)
{
	struct hp_json_value value = find(client, path);

	if (hp_json_is_absent(value))
		fail_at(client, path, "there", __FILE__, __LINE__);
	return value;
}

int64_t reply_int(struct client *client, const char *path)
{
	struct hp_err err = {0};
	int64_t number = 0;

	if (hp_json_get_int64(find(client, path), INT64_MIN, INT64_MAX, &number, &err) < 0)
		fail_at(client, path, "an integer", __FILE__, __LINE__);
	return number;
}

const char *reply_string(struct client *client, const char *path)
{
	return string_at(client, path, "a string", __FILE__, __LINE__);
}

bool reply_has(struct client *client, const char *path)
{
	return !hp_json_is_absent(find(client, path));
}

/* ---- expectations ---- */

void check_string_at(struct client *client, const char *path, const char *want, const char *file,
		     int line)
{
	if (strcmp(string_at(client, path, want, file, line), want) != 0)
		fail_at(client, path, want, file, line);
}

void check_int_at(struct client *client, const char *path, int64_t want, const char *file, int line)
{
	struct hp_err err = {0};
	char text[32];
	int64_t got;

	snprintf(text, sizeof(text), "%lld", (long long)want);
	if (hp_json_get_int64(find(client, path), INT64_MIN, INT64_MAX, &got, &err) < 0 ||
	    got != want)
		fail_at(client, path, text, file, line);
}

void check_bool_at(struct client *client, const char *path, bool want, const char *file, int line)
{
	struct hp_err err = {0};
	bool got;

	if (hp_json_get_bool(find(client, path), &got, &err) < 0 || got != want)
		fail_at(client, path, want ? "true" : "false", file, line);
}

void check_absent_at(struct client *client, const char *path, const char *file, int line)
{
	if (!hp_json_is_absent(find(client, path)))
		fail_at(client, path, "absent", file, line);
}

void check_count_at(struct client *client, const char *path, uint32_t want, const char *file,
		    int line)
{
	struct hp_json_value value = find(client, path);
	char text[32];

	snprintf(text, sizeof(text), "of length %u", want);
	if (hp_json_type(value) != HP_JSON_ARRAY || hp_json_count(value) != want)
		fail_at(client, path, text, file, line);
}

void check_line_at(struct client *client, const char *path, const char *want, const char *file,
		   int line)
{
	const char *text = string_at(client, path, want, file, line);
	size_t length = strlen(want);

	for (const char *at = text; (at = strstr(at, want)); at++)
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return;
	fail_at(client, path, want, file, line);
}

void check_part_at(struct client *client, const char *path, const char *want, const char *file,
		   int line)
{
	if (!strstr(string_at(client, path, want, file, line), want))
		fail_at(client, path, want, file, line);
}

void check_error_at(struct client *client, const char *want, const char *file, int line)
{
	if (strcmp(client->reply.error, want) != 0)
		fail_at(client, "the error", want[0] ? want : "none", file, line);
}
