/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads a Run as hookd lists it into a tree. Every field but the id may be missing, so that an
 * older or newer hookd can be asked; a tree says NULL there by itself.
 */

#include "client/hookctl/table/row.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int row_read(struct hp_json_value value, struct row *ret)
{
	struct row row = {0};
	size_t length;
	const char *text = hp_json_text(value, &length);

	if (hp_json_type(value) != HP_JSON_OBJECT)
		return -EBADMSG;
	row.text = strndup(text, length);
	if (row.text == NULL)
		return -ENOMEM;
	row.tree = json_loads(row.text, 0, NULL);
	if (row_text(&row, "run") == NULL) {
		row_free(&row);
		return -EBADMSG;
	}
	row.submitted_us = row_number(&row, "submittedUSec", 0);
	*ret = row;
	return 0;
}

void row_free(struct row *row)
{
	json_decref(row->tree);
	free(row->text);
	*row = (struct row){0};
}

const char *row_text(const struct row *row, const char *name)
{
	return json_string_value(json_object_get(row->tree, name));
}

int64_t row_number(const struct row *row, const char *name, int64_t otherwise)
{
	const json_t *number = json_object_get(row->tree, name);

	return json_is_integer(number) ? json_integer_value(number) : otherwise;
}
