/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"

/*
 * Writes compact JSON into a buffer, with the commas. In strings, invalid UTF-8 and U+0000 become
 * U+FFFD, so that no bytes from outside can break a message; hp_json_is_text() tells beforehand
 * whether a text would change.
 */
struct hp_json_writer {
	struct hp_buf *buf;
	bool needs_comma;
};

#define HP_JSON_WRITER_INIT(b) ((struct hp_json_writer){.buf = (b)})

void hp_json_begin(struct hp_json_writer *writer, char bracket); /* '{' or '[' */
void hp_json_end(struct hp_json_writer *writer, char bracket);	 /* '}' or ']' */
/* A key of ours: plain ASCII, written without escaping. */
void hp_json_key(struct hp_json_writer *writer, const char *key);
/* A key from outside, escaped as a string is. */
void hp_json_put_key(struct hp_json_writer *writer, const char *key);
void hp_json_put_string(struct hp_json_writer *writer, const char *string);
void hp_json_put_bytes(struct hp_json_writer *writer, const char *bytes, size_t length);
void hp_json_put_base64(struct hp_json_writer *writer, const void *bytes, size_t length);
void hp_json_put_int(struct hp_json_writer *writer, int64_t value);
/* Beyond 2^63-1, where many readers lose digits, as a string: UAPI.20 allows it. */
void hp_json_put_uint(struct hp_json_writer *writer, uint64_t value);
void hp_json_put_bool(struct hp_json_writer *writer, bool value);
void hp_json_put_null(struct hp_json_writer *writer);
/* Bytes that are JSON already. */
void hp_json_put_raw(struct hp_json_writer *writer, const char *json, size_t length);
/* ["a", "b"]; a NULL vector is null. */
void hp_json_put_strings(struct hp_json_writer *writer, char *const *strings);

/* A key of ours with its value; nothing where the string is NULL. */
void hp_json_add_string(struct hp_json_writer *writer, const char *key, const char *string);
void hp_json_add_int(struct hp_json_writer *writer, const char *key, int64_t value);
void hp_json_add_bool(struct hp_json_writer *writer, const char *key, bool value);

/* Valid UTF-8 without NUL: may stand in a JSON string. */
bool hp_json_is_text(const char *bytes, size_t length);
