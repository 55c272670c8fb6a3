/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The text between the quotes of a JSON string: UTF-8 with escapes. Internal to proto/json. */

#define HP_TEXT_ONES 0x0101010101010101ull

static inline uint64_t hp_text_load(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/*
 * Bytes of a word that end a plain run: a quote, a backslash, a control character, the start of a
 * multi-byte sequence. Their highest bits are set; a byte behind the first one may be marked
 * wrongly, since the subtractions borrow, so only the lowest bit says something.
 */
static inline uint64_t hp_text_stops(uint64_t word)
{
	uint64_t quote = word ^ (HP_TEXT_ONES * '"');
	uint64_t backslash = word ^ (HP_TEXT_ONES * '\\');

	return ((quote - HP_TEXT_ONES) | (backslash - HP_TEXT_ONES) | (word - HP_TEXT_ONES * 0x20) |
		word) &
	       (HP_TEXT_ONES * 0x80);
}

static inline bool hp_text_is_stop(unsigned char byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
}

/* The first byte from `at` on that needs a closer look, or `end`. */
static inline const char *hp_text_skip_plain(const char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t stops = hp_text_stops(hp_text_load(at));

		if (stops)
			return at + __builtin_ctzll(stops) / 8;
	}
	while (at < end && !hp_text_is_stop((unsigned char)*at))
		at++;
	return at;
}

/*
 * Bytes of the UTF-8 sequence at `at`, 1 to 4, or 0 where there is none: a stray or missing
 * continuation, an overlong form, a surrogate, more than U+10FFFF.
 */
size_t hp_text_sequence(const char *at, const char *end);

/*
 * Bytes of the escape at `at`, which is a backslash, or 0 where it is not one of RFC 8259's, or is
 * half a surrogate pair or U+0000.
 */
size_t hp_text_escape(const char *at, const char *end);

/* The functions below take text that was checked with the two above. */

/* Decodes into `out`, which has room for as many bytes. Returns how many it wrote; adds no NUL. */
size_t hp_text_decode(char *out, const char *text, size_t length);

/* The length of the longest beginning of at most `max` bytes that ends between two characters. */
size_t hp_text_cut(const char *text, size_t length, size_t max);

/* True when the text, decoded, is `plain`, which has no escapes. */
bool hp_text_means(const char *text, size_t length, const char *plain);

/*
 * The hash of the bytes as they are. Fast and good enough to tell keys apart, not a defence by
 * itself.
 */
uint32_t hp_text_hash(const char *text, size_t length);
