/* SPDX-License-Identifier: Apache-2.0 */

/* Results, as a client reads them: what is accepted can be written, and then read as the same. */

#include <string.h>

#include "proto/messages/result.h"
#include "tests/fuzz/fuzz.h"

static struct hp_json json;

static struct hp_buf written(const struct hp_run_result *result)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_run_result_write(&writer, result);
	must(!buf.failed, "a result is written");
	return buf;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_run_result result;
	struct hp_buf first, second;
	struct hp_err err;

	if (hp_json_parse(&json, (const char *)data, size, &err) < 0)
		return 0;
	if (hp_run_result_read(hp_json_root(&json), &result, &err) < 0) {
		must(err.reason[0] != '\0', "a refusal has a reason");
		return 0;
	}
	first = written(&result);
	hp_run_result_clear(&result);
	must(hp_json_parse(&json, first.data, first.length, &err) == 0 &&
		 hp_run_result_read(hp_json_root(&json), &result, &err) == 0,
	     "a written result is read");
	second = written(&result);
	hp_run_result_clear(&result);
	must(second.length == first.length && memcmp(second.data, first.data, first.length) == 0,
	     "a result comes back as it was");
	hp_buf_free(&first);
	hp_buf_free(&second);
	return 0;
}
