/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Base64 of RFC 4648 section 4, with padding, for bytes that are not text. */

/* Bytes that hp_base64_encode() writes for `length` bytes. */
static inline size_t hp_base64_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

/* Adds no NUL. */
void hp_base64_encode(char *out, const void *bytes, size_t length);

/*
 * Decodes into `out`, which has room for length / 4 * 3 bytes and may be `text` itself. -EINVAL
 * for anything but the one encoding that hp_base64_encode() gives.
 */
int hp_base64_decode(void *out, const char *text, size_t length, size_t *ret_length);
