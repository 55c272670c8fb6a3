/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Escapes text from outside. The output of hooks and the names of containers are arbitrary bytes,
 * which could move the cursor of an operator's terminal, retitle its window or answer a prompt.
 * They become visible escapes. No state; every string that is not hookd's own is printed through
 * it.
 */

#include "client/hookctl/table/escape.h"

#include <stdio.h>
#include <wchar.h>

/*
 * C0 and C1 (0x9b is a whole "ESC ["), and Unicode's controls of the reading order: "\u202e" before
 * "cod.sh" shows as "hs.doc".
 */
static const struct {
	uint32_t first, last;
} harmful[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c}, {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
};

bool escape_is_harmful(uint32_t point)
{
	for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
		if (point >= harmful[i].first && point <= harmful[i].last)
			return true;
	return false;
}

/* Bytes of the character that starts with `lead`, 0 for a byte that starts none. */
static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

size_t escape_decode(const char *text, size_t length, uint32_t *ret_point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t count = length > 0 ? sequence_length(bytes[0]) : 0;
	uint32_t point;

	if (count == 0 || count > length)
		return 0;
	point = count == 1 ? bytes[0] : bytes[0] & (0x7fu >> count);
	for (size_t i = 1; i < count; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (point < smallest[count] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return count;
}

size_t escape_incomplete(const char *text, size_t length)
{
	for (size_t back = 1; back <= 3 && back <= length; back++) {
		unsigned char byte = (unsigned char)text[length - back];

		if ((byte & 0xc0) != 0x80)
			return sequence_length(byte) > back ? back : 0;
	}
	return 0;
}

static size_t append_format(struct hp_buf *buf, const char *format, unsigned value)
{
	char text[16];
	int length = snprintf(text, sizeof(text), format, value);

	hp_buf_append(buf, text, (size_t)length);
	return (size_t)length;
}

static size_t append_escaped(struct hp_buf *buf, uint32_t point)
{
	switch (point) {
	case '\n':
		return append_format(buf, "\\n", 0);
	case '\t':
		return append_format(buf, "\\t", 0);
	case '\r':
		return append_format(buf, "\\r", 0);
	}
	return append_format(buf, point < 0x80 ? "\\x%02x" : "\\u%04x", point);
}

/* In the C locale wcwidth(3) knows ASCII alone; other characters then count as one column. */
static size_t columns_of(uint32_t point)
{
	int width = wcwidth((wchar_t)point);

	return width >= 0 ? (size_t)width : 1;
}

size_t escape_append(struct hp_buf *buf, const char *text, size_t length, enum escape_mode mode)
{
	size_t columns = 0;

	while (length > 0) {
		uint32_t point = 0;
		size_t used = escape_decode(text, length, &point);

		if (used == 0) {
			used = 1;
			columns += append_format(buf, "\\x%02x", (unsigned char)*text);
		} else if (mode == ESCAPE_LINES && (point == '\n' || point == '\t')) {
			hp_buf_append(buf, text, 1);
		} else if (escape_is_harmful(point)) {
			columns += append_escaped(buf, point);
		} else {
			hp_buf_append(buf, text, used);
			columns += columns_of(point);
		}
		text += used;
		length -= used;
	}
	return columns;
}

size_t escape_cut(const char *text, size_t length, size_t columns, size_t *ret_columns)
{
	size_t done = 0, taken = 0;

	while (done < length) {
		uint32_t point = 0;
		size_t used = escape_decode(text + done, length - done, &point);
		size_t width = used > 0 ? columns_of(point) : 1;

		if (taken + width > columns)
			break;
		taken += width;
		done += used > 0 ? used : 1;
	}
	*ret_columns = taken;
	return done;
}
