/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The inside of JSON strings: checks UTF-8 sequences and escapes, and decodes them. No state, no
 * allocation.
 */

#include "proto/json/text.h"

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Table 3-7 of the Unicode standard: only the range of the second byte depends on the first. */
size_t hp_text_sequence(const char *at, const char *end)
{
	unsigned char first, second, low = 0x80, high = 0xbf;
	size_t length;

	if (at >= end)
		return 0;
	first = (unsigned char)at[0];
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if ((size_t)(end - at) < length)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	second = (unsigned char)at[1];
	if (second < low || second > high)
		return 0;
	if (length > 2 && !is_continuation(at[2]))
		return 0;
	if (length > 3 && !is_continuation(at[3]))
		return 0;
	return length;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "\uXXXX" at `at`, or -1. */
static int code_unit(const char *at, const char *end)
{
	int unit = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static bool is_high_surrogate(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

size_t hp_text_escape(const char *at, const char *end)
{
	int unit;

	if (end - at < 2)
		return 0;
	if (at[1] != 'u')
		return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) ? 2 : 0;
	unit = code_unit(at, end);
	if (unit <= 0 || is_low_surrogate(unit))
		return 0;
	if (!is_high_surrogate(unit))
		return 6;
	return is_low_surrogate(code_unit(at + 6, end)) ? 12 : 0;
}

static size_t encode_utf8(unsigned int point, char out[static 4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static char short_escape(char letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return letter; /* quote, backslash, slash */
	}
}

/* Decodes the byte or the escape at *at, moves *at behind it; returns the bytes written. */
static size_t decode_next(const char **at, const char *end, char out[static 4])
{
	const char *from = *at;
	unsigned int point;

	if (*from != '\\') {
		out[0] = *from;
		*at = from + 1;
		return 1;
	}
	if (from[1] != 'u') {
		out[0] = short_escape(from[1]);
		*at = from + 2;
		return 1;
	}
	point = (unsigned int)code_unit(from, end);
	*at = from + 6;
	if (is_high_surrogate((int)point)) {
		unsigned int low = (unsigned int)code_unit(from + 6, end);

		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
		*at = from + 12;
	}
	return encode_utf8(point, out);
}

size_t hp_text_decode(char *out, const char *text, size_t length)
{
	const char *end = text + length;
	char *start = out;

	while (text < end) {
		const char *backslash = memchr(text, '\\', (size_t)(end - text));
		size_t run = (size_t)((backslash ? backslash : end) - text);
		char bytes[4];
		size_t count;

		memcpy(out, text, run);
		out += run;
		if (!backslash)
			break;
		text = backslash;
		count = decode_next(&text, end, bytes);
		memcpy(out, bytes, count);
		out += count;
	}
	return (size_t)(out - start);
}

bool hp_text_means(const char *text, size_t length, const char *plain)
{
	const char *end = text + length;

	while (text < end) {
		char bytes[4];
		size_t count = decode_next(&text, end, bytes);

		/* Decoded text has no NUL, so this stops at the one of `plain`. */
		for (size_t i = 0; i < count; i++) {
			if (bytes[i] != *plain++)
				return false;
		}
	}
	return *plain == '\0';
}

size_t hp_text_cut(const char *text, size_t length, size_t max)
{
	const char *at = text, *end = text + length;

	while (at < end) {
		size_t step = *at == '\\' ? hp_text_escape(at, end) : hp_text_sequence(at, end);

		if ((size_t)(at - text) + step > max)
			break;
		at += step;
	}
	return (size_t)(at - text);
}

static uint64_t hash_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static uint64_t load_half(const char *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return le32toh(word);
}

/* Up to 7 bytes as a little-endian number, by loads that overlap instead of a loop. */
static uint64_t load_tail(const char *bytes, size_t length)
{
	const unsigned char *from = (const unsigned char *)bytes;

	if (length >= 4)
		return load_half(bytes) | load_half(bytes + length - 4) << (8 * (length - 4));
	if (length == 0)
		return 0;
	return from[0] | (uint64_t)from[length / 2] << (8 * (length / 2)) |
	       (uint64_t)from[length - 1] << (8 * (length - 1));
}

uint32_t hp_text_hash(const char *text, size_t length)
{
	uint64_t hash = 0;
	size_t left = length;

	for (; left >= 8; left -= 8, text += 8)
		hash = hash_mix(hash, hp_text_load(text));
	return (uint32_t)hash_mix(hash_mix(hash, load_tail(text, left)), length);
}
