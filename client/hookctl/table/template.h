/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/hookctl/table/table.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/*
 * Rows in a form that the caller gives: --format='{{.run}}\t{{.path}}'. Names are those of the
 * JSON, in upper or lower case; "{{.a.b}}" is a member of a member. "\t", "\n" and "\\" are as in
 * C. With "table " at the start the parts between "\t" are columns with a header. A member that is
 * absent is empty.
 */

struct template_part;

struct template
{
	struct template_part *parts;
	size_t part_count;
	struct hp_buf text; /* of the parts */
	bool is_table, is_escaped;
	struct table_column *columns; /* of a table; their names are in `headers` */
	struct hp_buf headers;
	struct table table;
	struct hp_buf rows; /* without a table */
};

/* A name that is not in the JSON, such as "age". */
struct template_extra {
	const char *name, *value;
};

/*
 * `names`: all that may follow "{{.", divided by '|', or NULL: not checked. `is_escaped`: control
 * characters are, for a terminal. -EINVAL with a sentence in *ret_error, or -ENOMEM.
 */
int template_read(struct template *template, const char *format, const char *names, bool is_escaped,
		  char *ret_error, size_t size);
/* Adds one row. `extras` ends with a NULL name, and goes before members of that name; or NULL. */
int template_add(struct template *template, struct hp_json_value object,
		 const struct template_extra *extras);
/* Appends all rows. -ENOMEM. */
int template_write(const struct template *template, const struct table_style *style,
		   struct hp_buf *buf);
void template_free(struct template *template);
