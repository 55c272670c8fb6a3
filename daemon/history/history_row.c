/* SPDX-License-Identifier: Apache-2.0 */
/* Copies a run for the thread, which must not see the run itself. No state. */
#include <string.h>

#include "daemon/history/history_all.h"
#include "daemon/history/run_json.h"

static size_t add_text(struct history_row *row, const char *text, size_t length)
{
	size_t at = row->texts.length;

	if (length > 0)
		hp_buf_append(&row->texts, text, length);
	hp_buf_append(&row->texts, "", 1);
	return at;
}

static void add_json(struct history_row *row, struct run *run)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&row->texts);

	row->run = row->texts.length;
	run_json_write(&writer, run);
	row->run_length = row->texts.length - row->run;
	hp_buf_append(&row->texts, "", 1);
	writer = (struct hp_json_writer)HP_JSON_WRITER_INIT(&row->texts);
	row->result = row->texts.length;
	hp_run_result_write(&writer, &run->result);
	row->result_length = row->texts.length - row->result;
	hp_buf_append(&row->texts, "", 1);
}

/* Of a lost run nobody knows what its hooks did. */
static void add_hook(struct history_row *row, const struct run *run, size_t i)
{
	const char *path = run->request.hooks.hooks[i].path;
	struct history_row_hook *hook = &row->hooks[i];

	*hook = (struct history_row_hook){.outcome = -1};
	hook->path = add_text(row, path, strlen(path));
	if (i >= run->result.hook_count)
		return;
	hook->outcome = (int)run->result.hooks[i].outcome;
	hook->success = run->result.hooks[i].success;
	hook->duration_us = run->result.hooks[i].duration_us;
}

struct history_row *history_row_new(struct run *run)
{
	size_t hooks = run->request.hooks.count;
	struct history_row *row = calloc(1, sizeof(*row) + hooks * sizeof(row->hooks[0]));

	if (!row)
		return NULL;
	row->texts = HP_BUF_INIT;
	row->place.submitted_us = run->submitted_us;
	memcpy(row->place.id, run->id, sizeof(row->place.id));
	row->ended_us = run->submitted_us + run->result.queued_us + run->result.duration_us;
	row->uid = run->uid;
	row->stage = (int)run->request.stage;
	row->outcome = (int)run->result.outcome;
	row->hook_outcome =
	    run->result.hook_count > 0 ? (int)run->result.hooks[run_hook(run)].outcome : -1;
	row->container = add_text(row, run->request.container, strlen(run->request.container));
	add_json(row, run);
	row->request_length = run->request.text ? run->request.text_length : 0;
	row->request = add_text(row, run->request.text, row->request_length);
	row->hook_count = hooks;
	for (size_t i = 0; i < hooks; i++)
		add_hook(row, run, i);
	row->bytes = sizeof(*row) + hooks * sizeof(row->hooks[0]) + row->texts.length;
	return row->texts.failed ? history_row_free(row) : row;
}

struct history_row *history_row_free(struct history_row *row)
{
	if (row)
		hp_buf_free(&row->texts);
	free(row);
	return NULL;
}
