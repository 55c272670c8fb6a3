/* SPDX-License-Identifier: Apache-2.0 */
/* Short entries, for a file system without room: how a run ended matters more than its output. No
 * state.
 */
#include "daemon/records/shorten.h"

#include <stdlib.h>

#include "proto/json/json.h"
#include "proto/json/json_writer.h"
#include "proto/messages/result.h"

static void drop_output(struct hp_run_result *result)
{
	for (size_t i = 0; i < result->hook_count; i++)
		for (int k = 0; k < 2; k++) {
			struct hp_output *output = &result->hooks[i].output[k];

			free(output->bytes);
			*output = (struct hp_output){.total = output->total};
		}
}

/* Appends it to `buf`. -errno: nothing is appended. */
static int put_short(struct hp_buf *buf, uint64_t seed, struct entry entry)
{
	struct hp_json json = {0};
	struct hp_run_result result;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	struct hp_err err = {0};
	int r = hp_json_parse(&json, entry.text, entry.text_length, &err);

	if (r == 0)
		r = hp_run_result_read(hp_json_root(&json), &result, &err);
	if (r == 0) {
		drop_output(&result);
		hp_run_result_write(&writer, &result);
		hp_run_result_clear(&result);
		entry.text = text.data;
		entry.text_length = text.length;
		r = text.failed ? -ENOMEM : entry_write(buf, seed, &entry);
	}
	hp_buf_free(&text);
	hp_json_free(&json);
	return r;
}

int shorten_ends(struct hp_buf *entries, uint64_t seed)
{
	struct entry_reader reader = {entries->data, entries->length, 0, seed};
	struct hp_buf shorter = HP_BUF_INIT;
	struct entry entry;
	size_t offset;

	while (entry_next(&reader, &entry, &offset) == ENTRY_FOUND)
		if (entry.type != ENTRY_ENDED || put_short(&shorter, seed, entry) < 0)
			hp_buf_append(&shorter, entries->data + offset, reader.offset - offset);
	if (shorter.failed) {
		hp_buf_free(&shorter);
		return -ENOMEM;
	}
	hp_buf_free(entries);
	*entries = shorter;
	return 0;
}
