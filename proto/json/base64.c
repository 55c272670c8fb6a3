/* SPDX-License-Identifier: Apache-2.0 */

/* Base64, strict in both directions: the same bytes always have the same text. */

#include "proto/json/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(char *out, const unsigned char *bytes, size_t count)
{
	uint32_t bits = (uint32_t)bytes[0] << 16;

	if (count > 1)
		bits |= (uint32_t)bytes[1] << 8;
	if (count > 2)
		bits |= bytes[2];
	out[0] = digits[bits >> 18];
	out[1] = digits[bits >> 12 & 0x3f];
	out[2] = count > 1 ? digits[bits >> 6 & 0x3f] : '=';
	out[3] = count > 2 ? digits[bits & 0x3f] : '=';
}

void hp_base64_encode(char *out, const void *bytes, size_t length)
{
	const unsigned char *from = bytes;

	for (; length > 3; length -= 3, from += 3, out += 4)
		encode_group(out, from, 3);
	if (length > 0)
		encode_group(out, from, length);
}

/* 0 to 63, or 64 for a character that is not a digit. */
static uint32_t digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int hp_base64_decode(void *out, const char *text, size_t length, size_t *ret_length)
{
	unsigned char *to = out;
	size_t padding = 0;

	if (length % 4 != 0)
		return -EINVAL;
	while (padding < 2 && length > padding && text[length - padding - 1] == '=')
		padding++;
	for (size_t i = 0; i < length; i += 4) {
		size_t count = i + 4 == length ? 3 - padding : 3;
		uint32_t bits = 0;

		for (size_t j = 0; j < 4; j++) {
			uint32_t value = j <= count ? digit_value(text[i + j]) : 0;

			if (value > 63)
				return -EINVAL;
			bits = bits << 6 | value;
		}
		/* Bits that no byte uses must be zero, or two texts would mean the same. */
		if (count < 3 && (bits & (0xffffffu >> (8 * count))) != 0)
			return -EINVAL;
		for (size_t j = 0; j < count; j++)
			*to++ = (unsigned char)(bits >> (16 - 8 * j));
	}
	*ret_length = (size_t)(to - (unsigned char *)out);
	return 0;
}
