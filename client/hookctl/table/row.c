/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads a Run as hookd lists it. Every member but the id may be missing, so that an older or newer
 * hookd can be asked. No state.
 */

#include "client/hookctl/table/row.h"

#include <errno.h>

static int read_text(struct hp_json_value object, const char *name, struct hp_arena *arena,
		     char **ret)
{
	struct hp_err err;
	int r = hp_json_get_string(hp_json_member(object, name), arena, ret, &err);

	return r == -ENOMEM ? r : 0;
}

static struct hp_uint read_number(struct hp_json_value object, const char *name)
{
	struct hp_uint number = {0};
	struct hp_err err;

	number.is_set = hp_json_get_uint64(hp_json_member(object, name), 0, UINT64_MAX,
					   &number.value, &err) == 0;
	return number;
}

static int read_texts(struct hp_json_value object, struct hp_arena *arena, struct run_row *row)
{
	const struct {
		const char *name;
		char **ret;
	} texts[] = {
	    {"run", &row->run},
	    {"requestId", &row->request_id},
	    {"container", &row->container},
	    {"stage", &row->stage},
	    {"state", &row->state},
	    {"outcome", &row->outcome},
	    {"error", &row->error},
	    {"path", &row->path},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && r == 0; i++)
		r = read_text(object, texts[i].name, arena, texts[i].ret);
	return r;
}

int run_row_read(struct hp_json_value value, struct hp_arena *arena, struct run_row *ret)
{
	struct run_row row = {0};
	int r = read_texts(value, arena, &row);

	if (r < 0)
		return r;
	if (row.run == NULL)
		return -EBADMSG;
	row.hook = read_number(value, "hook");
	row.hooks = read_number(value, "hooks").value;
	row.uid = read_number(value, "uid").value;
	row.submitted_us = read_number(value, "submittedUSec").value;
	row.duration_us = read_number(value, "durationUSec").value;
	*ret = row;
	return 0;
}
