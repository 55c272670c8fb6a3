/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing byte buffer. Appending does not report failure: the first allocation that fails sets
 * `failed`, later calls do nothing, and the caller checks once at the end.
 */
struct hp_buf {
	char *data;
	size_t length;
	size_t capacity;
	bool failed;
};

#define HP_BUF_INIT ((struct hp_buf){0})

/* Room for `more` bytes behind data[length], or NULL. The caller adds what it filled to length. */
char *hp_buf_reserve(struct hp_buf *buf, size_t more);
void hp_buf_append(struct hp_buf *buf, const void *bytes, size_t length);
/* As printf(3), without a NUL. */
void hp_buf_format(struct hp_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void hp_buf_vformat(struct hp_buf *buf, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/* Removes `length` bytes from the front. */
void hp_buf_consume(struct hp_buf *buf, size_t length);
/* Drops the bytes and `failed`, keeps the memory; for a buffer that is used again at once. */
void hp_buf_clear(struct hp_buf *buf);
void hp_buf_free(struct hp_buf *buf);
