/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes JSON: every function writes a comma if one is due, then its bytes. Nothing here fails: the
 * buffer remembers an allocation that did.
 */

#include "proto/json/json_writer.h"

#include <string.h>

#include "proto/json/base64.h"
#include "proto/json/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Room for `length` bytes and a comma before them, which is written where one is due. */
static char *begin_value(struct hp_json_writer *writer, size_t length)
{
	char *room = hp_buf_reserve(writer->buf, length + 1);

	if (!room)
		return NULL;
	if (writer->needs_comma) {
		*room++ = ',';
		writer->buf->length++;
	}
	writer->needs_comma = true;
	return room;
}

void hp_json_put_raw(struct hp_json_writer *writer, const char *json, size_t length)
{
	char *room = begin_value(writer, length);

	if (!room)
		return;
	memcpy(room, json, length);
	writer->buf->length += length;
}

void hp_json_begin(struct hp_json_writer *writer, char bracket)
{
	hp_json_put_raw(writer, &bracket, 1);
	writer->needs_comma = false;
}

void hp_json_end(struct hp_json_writer *writer, char bracket)
{
	writer->needs_comma = false;
	hp_json_put_raw(writer, &bracket, 1);
}

void hp_json_key(struct hp_json_writer *writer, const char *key)
{
	size_t length = strlen(key);
	char *room = begin_value(writer, length + 3);

	if (!room)
		return;
	*room++ = '"';
	memcpy(room, key, length);
	memcpy(room + length, "\":", 2);
	writer->buf->length += length + 3;
	writer->needs_comma = false;
}

/* ---- strings ---- */

/* The short escape's letter, or '\0' where there is none. */
static char escape_letter(unsigned char byte)
{
	switch (byte) {
	case '"':
	case '\\':
		return (char)byte;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return '\0';
	}
}

static void put_escape(struct hp_buf *buf, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char letter = escape_letter(byte);
	char text[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0xf]};

	if (letter)
		text[1] = letter;
	hp_buf_append(buf, text, letter ? 2 : sizeof(text));
}

/* Writes the character that ended a plain run. Returns its length in the caller's text. */
static size_t put_special(struct hp_buf *buf, const char *at, const char *end)
{
	unsigned char byte = (unsigned char)*at;
	size_t length;

	if (byte == '\0') {
		hp_buf_append(buf, REPLACEMENT, 3);
		return 1;
	}
	if (byte < 0x80) {
		put_escape(buf, byte);
		return 1;
	}
	length = hp_text_sequence(at, end);
	if (length == 0) {
		hp_buf_append(buf, REPLACEMENT, 3);
		return 1;
	}
	hp_buf_append(buf, at, length);
	return length;
}

void hp_json_put_bytes(struct hp_json_writer *writer, const char *bytes, size_t length)
{
	struct hp_buf *buf = writer->buf;
	const char *end = length > 0 ? bytes + length : bytes;
	char *room = begin_value(writer, length + 2);

	if (!room)
		return;
	*room = '"';
	buf->length++;
	while (bytes < end) {
		const char *stop = hp_text_skip_plain(bytes, end);

		hp_buf_append(buf, bytes, (size_t)(stop - bytes));
		bytes = stop;
		if (bytes < end)
			bytes += put_special(buf, bytes, end);
	}
	hp_buf_append(buf, "\"", 1);
}

void hp_json_put_string(struct hp_json_writer *writer, const char *string)
{
	hp_json_put_bytes(writer, string, strlen(string));
}

void hp_json_put_key(struct hp_json_writer *writer, const char *key)
{
	hp_json_put_string(writer, key);
	hp_buf_append(writer->buf, ":", 1);
	writer->needs_comma = false;
}

void hp_json_put_base64(struct hp_json_writer *writer, const void *bytes, size_t length)
{
	size_t encoded = hp_base64_length(length);
	char *room = begin_value(writer, encoded + 2);

	if (!room)
		return;
	room[0] = '"';
	hp_base64_encode(room + 1, bytes, length);
	room[1 + encoded] = '"';
	writer->buf->length += encoded + 2;
}

void hp_json_put_strings(struct hp_json_writer *writer, char *const *strings)
{
	if (!strings) {
		hp_json_put_null(writer);
		return;
	}
	hp_json_begin(writer, '[');
	for (; *strings; strings++)
		hp_json_put_string(writer, *strings);
	hp_json_end(writer, ']');
}

void hp_json_add_string(struct hp_json_writer *writer, const char *key, const char *string)
{
	if (!string)
		return;
	hp_json_key(writer, key);
	hp_json_put_string(writer, string);
}

void hp_json_add_int(struct hp_json_writer *writer, const char *key, int64_t value)
{
	hp_json_key(writer, key);
	hp_json_put_int(writer, value);
}

void hp_json_add_bool(struct hp_json_writer *writer, const char *key, bool value)
{
	hp_json_key(writer, key);
	hp_json_put_bool(writer, value);
}

bool hp_json_is_text(const char *bytes, size_t length)
{
	const char *end = length > 0 ? bytes + length : bytes;

	while (bytes < end) {
		size_t sequence;

		bytes = hp_text_skip_plain(bytes, end);
		if (bytes == end)
			break;
		sequence = *bytes != '\0' ? hp_text_sequence(bytes, end) : 0;
		if (sequence == 0)
			return false;
		bytes += sequence;
	}
	return true;
}

/* ---- everything else ---- */

/* "-9223372036854775808", and two quotes. */
#define NUMBER_BYTES 22

/* Writes the digits before `end` and returns where they start. */
static char *write_digits(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

void hp_json_put_int(struct hp_json_writer *writer, int64_t value)
{
	char digits[NUMBER_BYTES];
	char *end = digits + sizeof(digits);
	char *start = write_digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value);

	if (value < 0)
		*--start = '-';
	hp_json_put_raw(writer, start, (size_t)(end - start));
}

void hp_json_put_uint(struct hp_json_writer *writer, uint64_t value)
{
	char digits[NUMBER_BYTES];
	char *end = digits + sizeof(digits);
	char *start;

	if (value <= INT64_MAX) {
		hp_json_put_int(writer, (int64_t)value);
		return;
	}
	*--end = '"';
	start = write_digits(end, value);
	*--start = '"';
	hp_json_put_raw(writer, start, (size_t)(end + 1 - start));
}

void hp_json_put_bool(struct hp_json_writer *writer, bool value)
{
	hp_json_put_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void hp_json_put_null(struct hp_json_writer *writer)
{
	hp_json_put_raw(writer, "null", 4);
}
