/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Growing byte buffers, for messages to send and for bytes received. The capacity doubles, so that
 * appending n bytes costs O(n) in all. After a failed allocation the buffer stays failed until it
 * is cleared or freed; its bytes up to then are kept.
 */

#include "proto/base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256

static bool buf_grow(struct hp_buf *buf, size_t capacity)
{
	size_t doubled = buf->capacity > SIZE_MAX / 2 ? SIZE_MAX : buf->capacity * 2;
	char *data;

	if (capacity < doubled)
		capacity = doubled;
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN;
	data = realloc(buf->data, capacity);
	if (!data)
		return false;
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

char *hp_buf_reserve(struct hp_buf *buf, size_t more)
{
	if (buf->failed)
		return NULL;
	if (!buf->data || more > buf->capacity - buf->length) {
		if (more > SIZE_MAX - buf->length || !buf_grow(buf, buf->length + more)) {
			buf->failed = true;
			return NULL;
		}
	}
	return buf->data + buf->length;
}

void hp_buf_append(struct hp_buf *buf, const void *bytes, size_t length)
{
	char *room = hp_buf_reserve(buf, length);

	if (!room || length == 0)
		return;
	memcpy(room, bytes, length);
	buf->length += length;
}

void hp_buf_vformat(struct hp_buf *buf, const char *format, va_list arguments)
{
	char *text;
	int length = vasprintf(&text, format, arguments);

	if (length < 0) {
		buf->failed = true;
		return;
	}
	hp_buf_append(buf, text, (size_t)length);
	free(text);
}

void hp_buf_format(struct hp_buf *buf, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	hp_buf_vformat(buf, format, arguments);
	va_end(arguments);
}

void hp_buf_consume(struct hp_buf *buf, size_t length)
{
	assert(length <= buf->length);
	if (length == 0)
		return;
	buf->length -= length;
	memmove(buf->data, buf->data + length, buf->length);
}

void hp_buf_clear(struct hp_buf *buf)
{
	buf->length = 0;
	buf->failed = false;
}

void hp_buf_free(struct hp_buf *buf)
{
	free(buf->data);
	*buf = HP_BUF_INIT;
}
