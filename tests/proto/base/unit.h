/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What most tests of proto/ begin with. */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/json.h"
#include "tests/group/group.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A text and its tokens. The text is copied into a block of its exact size, so that a sanitizer
 * sees a read beyond its end.
 */
struct document {
	char *text;
	struct hp_json json;
	struct hp_err err;
};

static inline int document_parse(struct document *document, const char *text, size_t length)
{
	*document = (struct document){.text = malloc(length + (length == 0))};
	assert_non_null(document->text);
	memcpy(document->text, text, length);
	return hp_json_parse(&document->json, document->text, length, &document->err);
}

static inline struct hp_json_value document_open(struct document *document, const char *text)
{
	int r = document_parse(document, text, strlen(text));

	if (r < 0)
		fail_msg("%s: %s", text, document->err.reason);
	return hp_json_root(&document->json);
}

static inline void document_close(struct document *document)
{
	hp_json_free(&document->json);
	free(document->text);
}
