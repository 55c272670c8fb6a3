/* SPDX-License-Identifier: Apache-2.0 */

/* Applied, as a client reads it: what is accepted can be written, and then read as the same. */

#include <string.h>

#include "proto/messages/applied.h"
#include "tests/fuzz/fuzz.h"

static struct hp_json json;

static struct hp_buf written(const struct hp_applied *applied)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_applied_write(&writer, applied);
	must(!buf.failed, "it is written");
	return buf;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_applied applied;
	struct hp_buf first, second;
	struct hp_err err;

	if (hp_json_parse(&json, (const char *)data, size, &err) < 0)
		return 0;
	if (hp_applied_read(hp_json_root(&json), &arena, &applied, &err) < 0) {
		must(err.reason[0] != '\0', "a refusal has a reason");
		hp_arena_free(&arena);
		return 0;
	}
	must(applied.cgroup_path || !applied.cgroup_created, "what was made is there");
	must(applied.rdt_group || !applied.rdt_created, "what was made is there");
	first = written(&applied);
	must(hp_json_parse(&json, first.data, first.length, &err) == 0 &&
		 hp_applied_read(hp_json_root(&json), &arena, &applied, &err) == 0,
	     "what was written is read");
	second = written(&applied);
	must(second.length == first.length && memcmp(second.data, first.data, first.length) == 0,
	     "it comes back as it was");
	hp_arena_free(&arena);
	hp_buf_free(&first);
	hp_buf_free(&second);
	return 0;
}
