/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints JSON for --json and for delegate, from the tokens of the text, so that numbers of any size
 * stay exact (RLIM_INFINITY is 2^64-1). The parser bounds the depth, and so the recursion.
 */

#include "client/hookctl/table/json_print.h"

#include <stdio.h>
#include <string.h>

#include "client/hookctl/table/escape.h"

void json_print_break(struct hp_buf *buf, unsigned indent, unsigned depth)
{
	if (indent == JSON_PRINT_COMPACT)
		return;
	hp_buf_append(buf, "\n", 1);
	for (unsigned i = 0; i < indent * depth; i++)
		hp_buf_append(buf, " ", 1);
}

/* All harmful characters that a JSON string may contain are in the BMP: one \uXXXX each. */
static void append_string(struct hp_buf *buf, const char *text, size_t length)
{
	while (length > 0) {
		uint32_t point = 0;
		size_t used = escape_decode(text, length, &point);
		char escaped[16];

		if (used > 0 && escape_is_harmful(point)) {
			snprintf(escaped, sizeof(escaped), "\\u%04x", point);
			hp_buf_append(buf, escaped, strlen(escaped));
		} else {
			used = used > 0 ? used : 1;
			hp_buf_append(buf, text, used);
		}
		text += used;
		length -= used;
	}
}

static void append_members(struct hp_buf *buf, struct hp_json_value container, unsigned indent,
			   unsigned depth)
{
	struct hp_json_value key, value;
	bool is_first = true;

	HP_JSON_FOREACH (key, value, container) {
		if (!is_first)
			hp_buf_append(buf, ",", 1);
		is_first = false;
		json_print_break(buf, indent, depth + 1);
		if (hp_json_type(key) == HP_JSON_STRING) {
			json_print(buf, key, indent, depth + 1);
			hp_buf_append(buf, ": ", indent == JSON_PRINT_COMPACT ? 1 : 2);
		}
		json_print(buf, value, indent, depth + 1);
	}
	if (!is_first)
		json_print_break(buf, indent, depth);
}

void json_print(struct hp_buf *buf, struct hp_json_value value, unsigned indent, unsigned depth)
{
	size_t length;
	const char *text = hp_json_text(value, &length);

	switch (hp_json_type(value)) {
	case HP_JSON_ABSENT:
		return;
	case HP_JSON_STRING:
		append_string(buf, text, length);
		return;
	case HP_JSON_OBJECT:
		hp_buf_append(buf, "{", 1);
		append_members(buf, value, indent, depth);
		hp_buf_append(buf, "}", 1);
		return;
	case HP_JSON_ARRAY:
		hp_buf_append(buf, "[", 1);
		append_members(buf, value, indent, depth);
		hp_buf_append(buf, "]", 1);
		return;
	default:
		hp_buf_append(buf, text, length);
	}
}
