/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Common functions of the tests of settings: reading settings from a text or a file. */

#include <stdio.h>

#include "proto/settings/settings_json.h"
#include "tests/proto/base/unit.h"
#include "tests/proto/settings/settings_equal.h"

struct reading {
	struct document document;
	struct hp_arena arena;
	struct hp_settings *settings;
	int r;
};

static inline struct reading settings_try(const char *text, enum hp_dialect dialect)
{
	struct reading reading = {.arena = HP_ARENA_INIT};
	struct hp_json_value root = document_open(&reading.document, text);

	root.json = &reading.document.json;
	reading.r = hp_settings_read(root, dialect, &reading.arena, &reading.settings,
				     &reading.document.err);
	return reading;
}

static inline struct reading settings_open(const char *text, enum hp_dialect dialect)
{
	struct reading reading = settings_try(text, dialect);

	if (reading.r < 0)
		fail_msg("%s: %s", reading.document.err.path, reading.document.err.reason);
	return reading;
}

static inline void settings_close(struct reading *reading)
{
	hp_arena_free(&reading->arena);
	document_close(&reading->document);
}

static inline void assert_refused(const char *text, enum hp_dialect dialect, const char *path)
{
	struct reading reading = settings_try(text, dialect);

	assert_int_equal(reading.r, -EINVAL);
	assert_string_equal(reading.document.err.path, path);
	assert_null(reading.settings);
	settings_close(&reading);
}

/* NUL-terminated; the caller frees it. */
static inline char *file_read(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 1 << 20, length;
	char *text = malloc(size);

	if (!file)
		fail_msg("%s cannot be read", path);
	assert_non_null(text);
	length = fread(text, 1, size - 1, file);
	assert_false(ferror(file));
	assert_true(length < size - 1);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* The settings of one of the requests in tests/data/ok. */
static inline struct reading settings_open_data(const char *name, enum hp_dialect dialect)
{
	struct hp_json_value settings;
	struct document document;
	struct reading reading;
	const char *span;
	char *text, path[4096];
	size_t length;

	snprintf(path, sizeof(path), TEST_DATA "/ok/%s.json", name);
	text = file_read(path);
	settings = hp_json_member(document_open(&document, text), "settings");
	span = hp_json_text(settings, &length);
	free(text);
	text = calloc(1, length + 1); /* strndup() would search for a NUL beyond the end */
	assert_non_null(text);
	memcpy(text, span, length);
	document_close(&document);
	reading = settings_open(text, dialect);
	free(text);
	return reading;
}

/* In libcontainer's dialect, NUL-terminated; the caller frees it. */
static inline char *settings_written(const struct hp_settings *settings)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
	struct hp_err err;

	if (hp_settings_write(&writer, settings, &err) < 0)
		fail_msg("%s %s", err.path, err.reason);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	return buf.data;
}

/* What is written reads back the same, and is written the same again. */
static inline void assert_round_trip(const struct hp_settings *settings)
{
	char *first = settings_written(settings);
	struct reading reading = settings_open(first, HP_DIALECT_LIBCONTAINER);
	char *second = settings_written(reading.settings);
	const char *difference = settings_difference(settings, reading.settings);

	if (difference)
		fail_msg("%s differs", difference);
	assert_string_equal(first, second);
	free(second);
	settings_close(&reading);
	free(first);
}
