/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"

/* Text of hooks and containers, made safe for a terminal. */

enum escape_mode {
	ESCAPE_LINE,  /* one line: newlines are escaped too */
	ESCAPE_LINES, /* newlines and tabs stay */
};

/*
 * Appends the text with every control character escaped ("\x1b", "\u202e", "\n") and every byte
 * that is not UTF-8 as "\xff". Returns the columns that it takes on a terminal.
 */
size_t escape_append(struct hp_buf *buf, const char *text, size_t length, enum escape_mode mode);

/*
 * How many bytes of the text, which was escaped, take at most `columns` on a terminal. It is cut
 * between characters; *ret_columns is what the bytes take.
 */
size_t escape_cut(const char *text, size_t length, size_t columns, size_t *ret_columns);

/* True for a character that changes a terminal or the order in which others are read. */
bool escape_is_harmful(uint32_t point);

/* Decodes one character. Returns its bytes, or 0 if the text does not start with valid UTF-8. */
size_t escape_decode(const char *text, size_t length, uint32_t *ret_point);

/* How many bytes at the end may be an incomplete character. */
size_t escape_incomplete(const char *text, size_t length);
