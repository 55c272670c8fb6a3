/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json/json.h"

/* One Run of io.hookd.status: a line of `ps`, the head of `inspect`. */
struct row {
	struct json_t *tree;
	char *text; /* the same as JSON, as it came */
	int64_t submitted_us;
	size_t order; /* in which it came, for who keeps several */
};

/* -EBADMSG when the value is no Run; *ret is then as it was. Freed with row_free(). */
int row_read(struct hp_json_value value, struct row *ret);
void row_free(struct row *row);

/* A member's text, NULL where it has none; "run" is always there. */
const char *row_text(const struct row *row, const char *name);
/* A member's number, `otherwise` where it has none. */
int64_t row_number(const struct row *row, const char *name, int64_t otherwise);
